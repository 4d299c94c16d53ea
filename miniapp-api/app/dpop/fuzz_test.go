package dpop

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// FuzzVerify compares with go-jose: whatever is accepted here is a JWS by ES256 of the same
// key and claims there. A proof is never accepted because of a difference between readers.
func FuzzVerify(f *testing.F) {
	p := newProver(f)
	f.Add(p.proof(f, goodClaims()))
	f.Add(p.forge(f, p.header(members{"kid": "1"}), text(goodClaims())))
	f.Add(rfcProof)
	f.Add("..")
	f.Fuzz(func(t *testing.T, proof string) {
		got, err := verify(testRequest, proof)
		if err != nil {
			if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrNonce) || got.Digest != nil {
				t.Errorf("%v with %v", err, got)
			}
			return
		}
		jws, err := jose.ParseSignedCompact(proof, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		key := jws.Signatures[0].Protected.JSONWebKey
		payload, err := jws.Verify(key)
		if err != nil {
			t.Fatal(err)
		}
		var claims struct{ Htm, Htu string }
		if err := json.Unmarshal(payload, &claims); err != nil || claims.Htm != testRequest.Method {
			t.Error("another method", err)
		}
		if print, err := key.Thumbprint(crypto.SHA256); err != nil || !bytes.Equal(print, got.Thumbprint[:]) {
			t.Error("another thumbprint", err)
		}
	})
}

// FuzzNormalize checks that normalizing again changes nothing.
func FuzzNormalize(f *testing.F) {
	f.Add(testURL)
	f.Add("https://[::1]:443/%7E/../%2f?#")
	f.Fuzz(func(t *testing.T, raw string) {
		once, err := normalize(raw)
		if err != nil {
			return
		}
		if twice, err := normalize(once); err != nil || once != twice {
			t.Errorf("%q, then %q (%v)", once, twice, err)
		}
	})
}
