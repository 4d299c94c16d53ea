package dpop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	testURL   = "https://app.example.gov.cn/v1/password"
	testToken = "2ZDJxCsSvJ0UvtsMqHMdIXuTUd1KnJqfAYn8YMmDtQ4"
)

var (
	testTime    = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	testNonces  = NewNonces([]byte("a key of the servers"))
	testRequest = Request{Method: "POST", URL: testURL, Token: testToken}
)

// members are those of a JSON object. A nil value leaves a member out.
type members map[string]any

// A prover makes proofs by go-jose, which shares no code with this package.
type prover struct {
	key *ecdsa.PrivateKey
}

func newProver(tb testing.TB) prover {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return prover{key}
}

// claims returns those of a valid proof, changed.
func goodClaims(changes ...members) members {
	c := members{"jti": rand.Text(), "htm": "POST", "htu": testURL, "iat": testTime.Unix(),
		"ath": TokenHash(testToken), "nonce": testNonces.Current(testTime)}
	for _, change := range changes {
		maps.Copy(c, change)
	}
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// proof returns a proof whose header go-jose has made.
func (p prover) proof(tb testing.TB, claims members) string {
	tb.Helper()
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType(mediaType)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, options)
	if err != nil {
		tb.Fatal(err)
	}
	return sign(tb, signer, claims)
}

func sign(tb testing.TB, signer jose.Signer, claims any) string {
	tb.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		tb.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		tb.Fatal(err)
	}
	proof, err := jws.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return proof
}

// jwk returns the public key as the header has it.
func (p prover) jwk() members {
	point, _ := p.key.PublicKey.Bytes()
	return members{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}
}

// forge signs any header and claims, given as JSON, by ES256.
func (p prover) forge(tb testing.TB, header, claims string) string {
	tb.Helper()
	signed := encode([]byte(header)) + "." + encode([]byte(claims))
	sum := sum256(signed)
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum)
	if err != nil {
		tb.Fatal(err)
	}
	return signed + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// header returns the JSON of the header of a valid proof, changed.
func (p prover) header(changes members) string {
	h := members{"typ": mediaType, "alg": algorithm, "jwk": p.jwk()}
	maps.Copy(h, changes)
	maps.DeleteFunc(h, func(_ string, v any) bool { return v == nil })
	return text(h)
}

func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// verify verifies proofs as the header of a request.
func verify(r Request, proofs ...string) (Proof, error) {
	v := Verifier{Nonces: testNonces}
	return v.Verify(http.Header{"Dpop": proofs}, r, testTime)
}
