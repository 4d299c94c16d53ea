package website

import (
	"io"
	"net/http"
)

// noSite is a page of no centre, so it has neither a name nor a style.
const noSite = `<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>没有找到公积金中心</title></head>
<body><h1>没有找到公积金中心</h1><p>这个地址不属于任何公积金中心。请核对网址，或从公积金中心的官方网站重新进入。</p></body></html>
`

// NoSite answers the requests for a host of no centre, on a server of several centres.
func NoSite() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		secure(w.Header())
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, noSite) // the browser may be gone
	})
}
