package httpapi

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"

	"fundpass/miniapp-api/selfservice"
)

// Envelopes returns a listener whose connections replace net/http's own error replies
// (malformed request line, header too large, unknown transfer encoding) with JSON problems.
// net/http has no hook for these replies: it writes each to the connection in one Write whose
// first bytes no reply of this API has. If a Go release changes those bytes, the replies are
// plain text again.
func (s *Server) Envelopes(l net.Listener) net.Listener {
	return envelopeListener{l, func() []byte { return refusal(s.presentations[selfservice.ErrBadRequest.Code], s.log) }}
}

type envelopeListener struct {
	net.Listener
	refusal func() []byte
}

// Accept implements net.Listener.
func (l envelopeListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &envelopeConn{tcp, l.refusal}, err
	}
	return c, err
}

type envelopeConn struct {
	*net.TCPConn
	refusal func() []byte
}

// Write implements net.Conn.
func (c *envelopeConn) Write(p []byte) (int, error) {
	if !isRefusal(p) {
		return c.TCPConn.Write(p)
	}
	if _, err := c.TCPConn.Write(c.refusal()); err != nil {
		return 0, err
	}
	return len(p), nil
}

var (
	httpVersion    = []byte("HTTP/1.1 ")
	refusalHeaders = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")
	noExpectation  = []byte("HTTP/1.1 417 Expectation Failed\r\n")
)

// isRefusal reports whether p is an error reply of net/http. It checks the headers after the
// status line.
func isRefusal(p []byte) bool {
	if !bytes.HasPrefix(p, httpVersion) {
		return false
	}
	end := bytes.IndexByte(p, '\r')
	return end > 0 && bytes.HasPrefix(p[end:], refusalHeaders) || bytes.HasPrefix(p, noExpectation)
}

// refusal logs a BAD_REQUEST, presented by p, and returns it as raw HTTP.
func refusal(p Presentation, log *slog.Logger) []byte {
	id := rand.Text()[:16]
	e := p.problem(selfservice.ErrBadRequest, id)
	log.Info("request", slog.String("request_id", id), slog.String("route", "none"), slog.Int("status", e.Status), slog.String("code", e.Code),
		slog.String("cause", "net/http rejected the request before any handler"))
	body, err := json.Marshal(e)
	if err != nil {
		panic("httpapi: reply: " + err.Error())
	}
	h := make(http.Header)
	setSecurity(h)
	h.Set("Content-Type", problemJSON)
	h.Set("X-Request-Id", id)
	reply := http.Response{StatusCode: e.Status, ProtoMajor: 1, ProtoMinor: 1, Header: h, Close: true,
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body))}
	var b bytes.Buffer
	_ = reply.Write(&b) // to memory
	return b.Bytes()
}
