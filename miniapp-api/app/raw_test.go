package app_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"fundpass/miniapp-api/app/appclient"
)

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func digestOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

type members = map[string]any

// A raw is a request whose header DPoP the test writes.
type raw struct {
	method, path, token, scheme string
	proofs                      []string
	body                        string
}

// A reply is a reply as a front end sees it.
type reply struct {
	HTTP   int
	Header http.Header
	Code   string         `json:"code"`
	Data   map[string]any `json:"data"`
	Text   string
}

func (h *env) send(r raw) reply { h.t.Helper(); return h.sendTo(h.url, r) }

func (h *env) sendTo(url string, r raw) reply {
	h.t.Helper()
	req, err := http.NewRequest(r.method, url+r.path, strings.NewReader(r.body))
	must(h.t, err)
	if r.method == "POST" {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		req.Header.Set("Authorization", r.scheme+" "+r.token)
	}
	req.Header["Dpop"] = r.proofs
	rsp, err := http.DefaultClient.Do(req)
	must(h.t, err)
	defer rsp.Body.Close()
	text, err := io.ReadAll(rsp.Body)
	must(h.t, err)
	got := reply{HTTP: rsp.StatusCode, Header: rsp.Header, Text: string(text)}
	if err := json.Unmarshal(text, &got); err != nil {
		h.t.Fatalf("%s %s: %s", r.method, r.path, text)
	}
	return got
}

// nonce returns a nonce of the server.
func (h *env) nonce() string {
	h.t.Helper()
	return h.send(raw{method: "GET", path: "/healthz"}).Header.Get("DPoP-Nonce")
}

// claims returns those of a valid proof, changed; a value of nil leaves one out.
func (h *env) claims(method, path, token string, changes ...members) members {
	c := members{"jti": rand.Text(), "htm": method, "htu": h.url + path, "iat": h.db.Now().Unix(), "nonce": h.nonce()}
	if token != "" {
		c["ath"] = encode(digestOf(token))
	}
	for _, change := range changes {
		maps.Copy(c, change)
	}
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// prove signs claims with the key of a device.
func prove(t testing.TB, d *appclient.Device, claims members) string {
	t.Helper()
	return proveAs(t, jose.SigningKey{Algorithm: jose.ES256, Key: d.Key()}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"), claims)
}

func proveAs(t testing.TB, key jose.SigningKey, options *jose.SignerOptions, claims members) string {
	t.Helper()
	signer, err := jose.NewSigner(key, options)
	must(t, err)
	payload, err := json.Marshal(claims)
	must(t, err)
	signed, err := signer.Sign(payload)
	must(t, err)
	proof, err := signed.CompactSerialize()
	must(t, err)
	return proof
}
