// Package miniprogram contains the reference mini-program, a native Alipay mini-program that
// calls the API, and a runtime that runs it unchanged in Node for tests and in a browser for
// the demo. It depends on the server only through the API description.
package miniprogram

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// Files contains the mini-program and its runtime.
//
//go:embed app.js app.json app.acss config.js lib pages parts runtime
var Files embed.FS

// policy allows only resources served by the demo: no inline script or style, no eval and no
// other host.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Phone returns a handler that serves the demo's page at / and its resources under /phone/, and
// passes other requests to next. The page asks next for /demo/people, /demo/counter and /sim/.
func Phone(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { send(w, "runtime/phone.html") })
	mux.HandleFunc("/phone/runtime/{name}", func(w http.ResponseWriter, r *http.Request) {
		send(w, "runtime/"+r.PathValue("name"))
	})
	mux.HandleFunc("/phone/app/{path...}", func(w http.ResponseWriter, r *http.Request) { send(w, r.PathValue("path")) })
	mux.HandleFunc("/phone/files.json", func(w http.ResponseWriter, _ *http.Request) { sendJSON(w, texts()) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && (r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, "/phone/")) {
			mux.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// types are the content types of the page's files by extension.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".acss": "text/css; charset=utf-8",
	".mjs":  "text/javascript; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
}

func send(w http.ResponseWriter, name string) {
	content, err := fs.ReadFile(Files, name)
	kind, known := types[path.Ext(name)]
	if err != nil || !known {
		http.Error(w, "there is no such file", http.StatusNotFound)
		return
	}
	if path.Ext(name) == ".js" {
		content = wrap(content)
	}
	head(w, kind)
	w.Write(content)
}

// wrap converts a file of the mini-program into a JavaScript module that exports a function. The
// names that Alipay provides are its parameters, so that no eval is needed.
func wrap(source []byte) []byte {
	return fmt.Appendf(nil, "export default function ({ module, exports, require, my, App, Page, getApp }) {\n%s\n}\n", source)
}

func sendJSON(w http.ResponseWriter, v any) {
	head(w, "application/json")
	json.NewEncoder(w).Encode(v)
}

func head(w http.ResponseWriter, kind string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

// texts returns the mini-program's files by path. The text of a script is empty, because the
// page loads it as a module.
func texts() map[string]string {
	all := make(map[string]string)
	_ = fs.WalkDir(Files, ".", func(name string, _ fs.DirEntry, _ error) error { // an embedded file system returns no errors
		switch kind := path.Ext(name); {
		case strings.HasPrefix(name, "runtime/"):
		case kind == ".js":
			all[name] = ""
		case kind == ".json", kind == ".axml":
			content, _ := fs.ReadFile(Files, name)
			all[name] = string(content)
		}
		return nil
	})
	return all
}
