// Package apidocs shows the contract of the API in a browser, for the demo:
// Swagger UI, from inside the program, and the table of error codes.
package apidocs

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"path"
	"strings"

	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/app"
	"fundpass/miniapp-api/httpapi"
)

//go:embed docs.html errors.html docs.css docs.js
var own embed.FS

var page = template.Must(template.ParseFS(own, "errors.html"))

// policy allows what this origin serves and nothing else: no inline script or
// style, no eval. Swagger UI's style sheet draws its icons from data: addresses.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves /openapi.yaml, /docs, /docs/errors and the assets of the pages
// below /docs/. Anything else is left to next.
func Handler(next http.Handler) (http.Handler, error) {
	files, err := readAssets()
	if err != nil {
		return nil, err
	}
	docs, err := own.ReadFile("docs.html")
	if err != nil {
		return nil, err
	}
	codes, err := errorsPage()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/openapi.yaml", fixed("application/yaml", httpapi.OpenAPI))
	mux.Handle("/docs/app.yaml", fixed("application/yaml", app.OpenAPI))
	mux.Handle("/docs", fixed("text/html; charset=utf-8", docs))
	mux.Handle("/docs/errors", fixed("text/html; charset=utf-8", codes))
	for name, content := range files {
		mux.Handle("/docs/"+name, fixed(types[path.Ext(name)], content))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := r.URL.Path
		if r.Method == http.MethodGet && (at == "/openapi.yaml" || at == "/docs" || strings.HasPrefix(at, "/docs/")) {
			secure(w.Header())
			mux.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}), nil
}

// errorsPage returns the page of the error codes, to which the type of a problem links.
func errorsPage() ([]byte, error) {
	var b bytes.Buffer
	err := page.Execute(&b, httpapi.Catalogue(alipay.Words))
	return b.Bytes(), err
}

// fixed answers with content that is read anew every time.
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
