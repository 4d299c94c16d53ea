package cmdtest

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"fundpass/keys/testenv"
)

// NewClient returns a client that keeps no connection open, so that it notices when a
// server stops.
func NewClient(t testing.TB) *http.Client {
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: testenv.Patience}
}

// Fetch sends a request with a JSON body and returns the status and the body of the
// reply.
func Fetch(t testing.TB, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := NewClient(t).Do(req)
	NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	NoError(t, err)
	return resp.StatusCode, string(raw)
}
