package dpop

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func sum256(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// The proofs of RFC 9449, sections 4.1 and 7.1, with the token of the latter. Both have the key
// of section 6.1, whose thumbprint it gives.
const (
	rfcHeader = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
	rfcProof  = rfcHeader + ".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	rfcBound  = rfcHeader + ".eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	rfcToken  = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	rfcJKT    = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
)

func TestVectorsOfRFC9449(t *testing.T) {
	for _, c := range []struct {
		name, proof string
		r           Request
		iat         int64
	}{
		{"section 4.1", rfcProof, Request{Method: "POST", URL: "https://server.example.com/token"}, 1562262616},
		{"section 7.1", rfcBound, Request{"GET", "https://resource.example.org/protectedresource", rfcToken}, 1562262618},
	} {
		t.Run(c.name, func(t *testing.T) {
			var v Verifier
			p, err := v.Verify(http.Header{"Dpop": {c.proof}}, c.r, time.Unix(c.iat, 0))
			if err != nil {
				t.Fatal(err)
			}
			if p.Thumbprint.String() != rfcJKT {
				t.Errorf("thumbprint %s, the RFC has %s", p.Thumbprint, rfcJKT)
			}
			c.r.Method = "PUT"
			if _, err := v.Verify(http.Header{"Dpop": {c.proof}}, c.r, time.Unix(c.iat, 0)); !errors.Is(err, ErrInvalid) {
				t.Errorf("with another method: %v", err)
			}
		})
	}
	if TokenHash(rfcToken) != "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo" {
		t.Error("ath differs from that of section 7.1")
	}
}

// RFC 7638 gives the thumbprint of an RSA key only, which is no key here. go-jose's thumbprint,
// which is tested with that vector, must equal ours for keys of P-256.
func TestThumbprintOfRFC7638(t *testing.T) {
	for range 20 {
		p := newProver(t)
		got, err := verify(testRequest, p.proof(t, goodClaims()))
		if err != nil {
			t.Fatal(err)
		}
		want, err := (&jose.JSONWebKey{Key: &p.key.PublicKey}).Thumbprint(crypto.SHA256)
		if err != nil || !bytes.Equal(got.Thumbprint[:], want) {
			t.Fatalf("%s, go-jose has %x (%v)", got.Thumbprint, want, err)
		}
	}
}

// What may differ between the proofs of correct senders.
func TestAccepted(t *testing.T) {
	p := newProver(t)
	url := func(htu string) string { return p.proof(t, goodClaims(members{"htu": htu})) }
	iat := func(d time.Duration) string {
		return p.proof(t, goodClaims(members{"iat": testTime.Add(d).Unix()}))
	}
	for name, proof := range map[string]string{
		"as it should be":          p.proof(t, goodClaims()),
		"with query":               url(testURL + "?a=b"),
		"with fragment":            url(testURL + "#a"),
		"host in capitals":         url("HTTPS://App.Example.GOV.CN/v1/password"),
		"default port":             url("https://app.example.gov.cn:443/v1/password"),
		"escaped unreserved":       url("https://app.example.gov.cn/%761/p%61ssword"),
		"dot segments":             url("https://app.example.gov.cn/v1/./x/../password"),
		"oldest":                   iat(-MaxAge),
		"youngest":                 iat(MaxSkew),
		"fraction of a second":     p.proof(t, goodClaims(members{"iat": float64(testTime.Unix()) - 0.25})),
		"nonce of the last period": p.proof(t, goodClaims(members{"nonce": testNonces.Current(testTime.Add(-NonceLife))})),
		"nonce of a faster clock":  p.proof(t, goodClaims(members{"nonce": testNonces.Current(testTime.Add(NonceLife))})),
		"further claim":            p.proof(t, goodClaims(members{"exp": 1, "iss": "app"})),
		"key of WebCrypto":         p.forge(t, p.header(members{"jwk": with(p.jwk(), members{"ext": true, "key_ops": []string{"verify"}})}), text(goodClaims())),
		"kid in header and key":    p.forge(t, p.header(members{"kid": "1", "jwk": with(p.jwk(), members{"kid": "1", "use": "sig", "alg": "ES256"})}), text(goodClaims())),
	} {
		if _, err := verify(testRequest, proof); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func with(m, changes members) members {
	for name, value := range changes {
		m[name] = value
	}
	return m
}

// A proof is known by its digest however often it is signed, and no other key can spend it.
func TestDigest(t *testing.T) {
	p, other := newProver(t), newProver(t)
	same := members{"jti": strings.Repeat("a", 22)}
	digest := func(p prover, c members) []byte {
		got, err := verify(testRequest, p.proof(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if age := got.ExpiresAt.Sub(testTime); age < MaxAge {
			t.Errorf("forgotten after %v, when the proof is still accepted", age)
		}
		return got.Digest
	}
	first := digest(p, goodClaims(same))
	if !bytes.Equal(first, digest(p, goodClaims(same, members{"iat": testTime.Unix() - 1}))) {
		t.Error("the same jti has two digests")
	}
	if bytes.Equal(first, digest(p, goodClaims())) || bytes.Equal(first, digest(other, goodClaims(same))) {
		t.Error("another jti or another key has the same digest")
	}
}

func TestChallenge(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{refuse("x"), `DPoP error="invalid_dpop_proof", algs="ES256"`},
		{ErrNonce, `DPoP error="use_dpop_nonce", algs="ES256"`},
		{errors.New("session ended"), `DPoP error="invalid_token", algs="ES256"`},
	} {
		if got := Challenge(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}

func TestNonces(t *testing.T) {
	n, other := NewNonces([]byte("one")), NewNonces([]byte("two"))
	if !NewNonces([]byte("one")).Valid(n.Current(testTime), testTime) {
		t.Error("another server with the same key refuses the nonce")
	}
	for name, nonce := range map[string]string{
		"none": "", "of another key": other.Current(testTime), "too old": n.Current(testTime.Add(-2 * NonceLife)),
		"of the future": n.Current(testTime.Add(2 * NonceLife)), "prefix": n.Current(testTime)[:20],
	} {
		if n.Valid(nonce, testTime) {
			t.Errorf("a nonce is accepted: %s", name)
		}
	}
	if n.Current(testTime) == n.Current(testTime.Add(NonceLife)) {
		t.Error("the nonce does not change")
	}
}
