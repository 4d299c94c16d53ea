package apiclient

import (
	"bytes"
	"io"
	"net/http"
)

// InProcess is an http.RoundTripper that calls a handler without a network. The demo uses
// its own API with it before it serves.
type InProcess struct{ http.Handler }

// RoundTrip implements http.RoundTripper. It never fails.
func (h InProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &replyWriter{status: http.StatusOK, header: make(http.Header)}
	if r.Body == nil {
		r = r.Clone(r.Context()) // a RoundTripper must not modify its request
		r.Body = http.NoBody
	}
	h.ServeHTTP(w, r)
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Header: w.header,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// A replyWriter stores a response in memory.
type replyWriter struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (w *replyWriter) Header() http.Header         { return w.header }
func (w *replyWriter) WriteHeader(status int)      { w.status = status }
func (w *replyWriter) Write(p []byte) (int, error) { return w.body.Write(p) }
