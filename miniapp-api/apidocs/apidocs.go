// Package apidocs serves the documentation of the API for the demo: an embedded Swagger UI and the
// table of error codes.
package apidocs

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strings"

	"fundpass/miniapp-api/httpapi"
)

//go:embed docs.html errors.html docs.css docs.js
var own embed.FS

var pages = template.Must(template.ParseFS(own, "*.html"))

// policy allows only what this origin serves, without inline scripts and styles and
// without eval. Swagger UI's style sheet uses data: addresses for icons.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves /openapi.yaml, /docs, /docs/errors and the assets below /docs/, and
// passes other requests to next.
func Handler(next http.Handler) (http.Handler, error) {
	files, err := readAssets()
	if err != nil {
		return nil, err
	}
	base := "/docs/" + files.version
	docs, err := render("docs.html", base)
	if err != nil {
		return nil, err
	}
	codes, err := render("errors.html", base)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/openapi.yaml", fixed("application/yaml", httpapi.OpenAPI))
	mux.Handle("/docs", fixed("text/html; charset=utf-8", docs))
	mux.Handle("/docs/errors", fixed("text/html; charset=utf-8", codes))
	mux.Handle(base+"/{name}", files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if r.Method == http.MethodGet && (path == "/openapi.yaml" || path == "/docs" || strings.HasPrefix(path, "/docs/")) {
			secure(w.Header())
			mux.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}), nil
}

// render executes the template of a page whose assets are below base.
func render(name, base string) ([]byte, error) {
	var b bytes.Buffer
	err := pages.ExecuteTemplate(&b, name, struct {
		Base  string
		Codes []httpapi.Presentation
	}{base, httpapi.Catalogue})
	return b.Bytes(), err
}

// fixed returns a handler that serves content, which browsers must not cache.
func fixed(kind string, content []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", kind)
		w.Write(content)
	})
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}
