package signing_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"fundpass/signing"
)

// BenchmarkExchange measures one Exchange. The response is signed in advance, so that the
// test server costs no more than net/http.
func BenchmarkExchange(b *testing.B) {
	const content = `{"open_id":"citizen","access_token":"t","expires_in":300}`
	answer := fmt.Sprintf(`{"alipay_system_oauth_token_response":%s,"sign":"%s"}`, content, alipaySigns(b, content))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, answer)
	}))
	defer server.Close()
	g := newGateway(b, newKeyring(b, ownKey(), alipayKey()), server.URL, signing.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Exchange(b.Context(), "code"); err != nil {
			b.Fatal(err)
		}
	}
}
