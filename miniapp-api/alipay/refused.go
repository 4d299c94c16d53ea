package alipay

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// maxSealed is the largest message that is logged; log collectors cut longer lines.
const maxSealed = 16 << 10

// A refusedLog logs one refused message in full, sealed, so that its refusal can be studied
// with fundpass verify. The zero value logs none.
type refusedLog struct {
	seal func([]byte) (string, error) // nil: off
	done atomic.Bool
}

// LogRefusedMessage makes m log the next refused message of Alipay, once, sealed by seal. It
// must be called before m serves.
func (m *MiniProgram) LogRefusedMessage(seal func([]byte) (string, error)) { m.refused.seal = seal }

// armed reports whether a message is still to be logged.
func (l *refusedLog) armed() bool { return l.seal != nil && !l.done.Load() }

// logRefused logs a refused message if one is still to be logged. A body without a signature is
// passed over: anybody on the internet can send one.
func (m *MiniProgram) logRefused(r *http.Request, body []byte) {
	if !m.refused.armed() || len(body) > maxSealed || !bytes.Contains(body, []byte("sign=")) {
		return
	}
	if !m.refused.done.CompareAndSwap(false, true) {
		return
	}
	sealed, err := m.refused.seal(captureOf(r, body))
	if err != nil {
		m.log.ErrorContext(r.Context(), "refused message not sealed", "err", err)
		return
	}
	m.log.WarnContext(r.Context(), "message refused: give this line to fundpass verify; no other is logged until the next start", "sealed", sealed)
}

// captureOf returns a message in the form that fundpass verify reads. Of the headers it has
// only the one that decides.
func captureOf(r *http.Request, body []byte) []byte {
	if r.Method == http.MethodGet {
		return fmt.Appendf(nil, "GET /alipay/spi?%s HTTP/1.1\r\n\r\n", body)
	}
	head := fmt.Sprintf("POST /alipay HTTP/1.1\r\nContent-Type: %s\r\n\r\n", r.Header.Get("Content-Type"))
	return append([]byte(head), body...)
}

// peekSPI returns the form of an SPI call and leaves it readable, or nil unless it may have to
// be logged.
func (m *MiniProgram) peekSPI(r *http.Request) []byte {
	switch {
	case !m.refused.armed():
		return nil
	case r.Method == http.MethodGet:
		return []byte(r.URL.RawQuery)
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxSealed+1)) // net/http repeats an error to the next reader
	r.Body = readCloser{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	return body
}

type readCloser struct {
	io.Reader
	io.Closer
}
