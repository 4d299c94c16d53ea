package httpapi_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"fundpass/keys"
	"fundpass/signing"
)

// A countingSigner is an application key that counts signatures.
type countingSigner struct {
	*rsa.PrivateKey
	signed *atomic.Int64
}

func (s countingSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.signed.Add(1)
	return s.PrivateKey.Sign(random, digest, opts)
}

// Invalid requests cost one signature per kind. Another keyring's answers are signed again.
func TestJunkCostsNoSignature(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	signed := new(atomic.Int64)
	replace := func() *rsa.PublicKey {
		keyring, err := keys.NewAlipayKeyring(h.appID, countingSigner{testKeys(), signed}, []keys.AlipayKey{{Public: h.sim.AlipayKey()}})
		must(t, err)
		must(t, h.server.Alipay.Replace(keyring))
		signed.Store(0) // NewAlipayKeyring signs once to check the key
		return &testKeys().PublicKey
	}
	post := func(path, body string) string {
		rsp, err := http.Post(h.url+path, "application/x-www-form-urlencoded", strings.NewReader(body))
		must(t, err)
		defer rsp.Body.Close()
		answer, err := io.ReadAll(rsp.Body)
		must(t, err)
		return string(answer)
	}
	for range 2 {
		own := replace()
		for i := range 20 {
			answer := post("/alipay/spi", fmt.Sprintf("method=junk%d&utc_timestamp=1&sign=AAAA", i))
			_, sign, _ := strings.Cut(answer, `"sign":"`)
			must(t, signing.Verify(own, signing.SPIRefused, strings.TrimSuffix(sign, `"}`)))
			for _, charset := range []string{"UTF-8", "GBK", "utf-8", "gbk", "x"} {
				post("/alipay/notifications", fmt.Sprintf("service=alipay.service.check&charset=%s&notify_id=%d&sign=AAAA", charset, i))
			}
		}
		if n := signed.Load(); n == 0 || n > 5 {
			t.Errorf("120 junk requests cost %d signatures", n)
		}
	}
}

// A malformed auth code costs no row and no call and gets the same answer each time. A
// well-formed one is tried.
func TestInventedAuthCode(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	codes := func() int { return h.count("SELECT count(*) FROM spent_values") }
	before := codes()
	for _, code := range []string{"x", "made up", "a.b.c.d.e.f.g.h.i", "四" + strings.Repeat("x", 20), "<script>alert(1)</script>", strings.Repeat("x", 20) + " "} {
		h.client().post("/v1/sessions", m{"auth_code": code}).want(t, "AUTH_CODE_INVALID")
	}
	if rows := codes(); rows != before {
		t.Errorf("%d rows more", rows-before)
	}
	h.client().post("/v1/sessions", m{"auth_code": "4b203fe6c11548bcabd8da5bb087a83b"}).want(t, "AUTH_CODE_INVALID")
	if rows := codes(); rows != before+1 {
		t.Errorf("one of the right shape left %d rows", rows-before)
	}
	if strings.Contains(h.logs.String(), "script") || !bytes.Contains([]byte(h.logs.String()), []byte("malformed auth code")) {
		t.Error("the log does not state the cause, or contains the code")
	}
}
