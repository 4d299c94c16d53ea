package dpop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// TestHostileClaims signs correctly what is not for this request.
func TestHostileClaims(t *testing.T) {
	p := newProver(t)
	for name, change := range map[string]members{
		"other method":          {"htm": "GET"},
		"method in small":       {"htm": "post"},
		"no method":             {"htm": nil},
		"other path":            {"htu": testURL + "/changes"},
		"other host":            {"htu": "https://app.example.com/v1/password"},
		"other port":            {"htu": "https://app.example.gov.cn:8443/v1/password"},
		"other scheme":          {"htu": "http://app.example.gov.cn/v1/password"},
		"path in capitals":      {"htu": "https://app.example.gov.cn/V1/password"},
		"escaped slash":         {"htu": "https://app.example.gov.cn/v1%2Fpassword"},
		"user in the URL":       {"htu": "https://a@app.example.gov.cn/v1/password"},
		"relative URL":          {"htu": "/v1/password"},
		"no URL":                {"htu": nil},
		"URL that is none":      {"htu": "https://app.example.gov.cn/v1/password%zz"},
		"too old":               {"iat": testTime.Add(-MaxAge - time.Second).Unix()},
		"in the future":         {"iat": testTime.Add(MaxSkew + time.Second).Unix()},
		"in milliseconds":       {"iat": testTime.UnixMilli()},
		"beyond all time":       {"iat": 1e300},
		"before all time":       {"iat": -1e300},
		"time as text":          {"iat": testTime.Format(time.RFC3339)},
		"number as text":        {"iat": "1772443800"},
		"no time":               {"iat": nil},
		"no jti":                {"jti": nil},
		"short jti":             {"jti": "1"},
		"jti that is a number":  {"jti": 1},
		"no ath":                {"ath": nil},
		"ath of another token":  {"ath": TokenHash("another")},
		"the token itself":      {"ath": testToken},
		"padded ath":            {"ath": TokenHash(testToken) + "="},
		"URL that is an array":  {"htu": []string{testURL}},
		"larger than any proof": {"x": strings.Repeat("a", MaxSize)},
	} {
		if _, err := verify(testRequest, p.proof(t, goodClaims(change))); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, nonce := range map[string]any{
		"no nonce": nil, "empty nonce": "", "old nonce": testNonces.Current(testTime.Add(-2 * NonceLife)),
		"nonce of another key": NewNonces([]byte("another")).Current(testTime),
	} {
		if _, err := verify(testRequest, p.proof(t, goodClaims(members{"nonce": nonce}))); !errors.Is(err, ErrNonce) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHostileHeaders signs good claims below other headers.
func TestHostileHeaders(t *testing.T) {
	p, other := newProver(t), newProver(t)
	private := with(p.jwk(), members{"d": encode(must(p.key.Bytes()))})
	claims := text(goodClaims())
	negative := new(big.Int).Sub(elliptic.P256().Params().P, big.NewInt(1))
	for name, header := range map[string]string{
		"no typ":                     p.header(members{"typ": nil}),
		"other typ":                  p.header(members{"typ": "JWT"}),
		"typ in capitals":            p.header(members{"typ": "DPOP+JWT"}),
		"no alg":                     p.header(members{"alg": nil}),
		"alg none":                   p.header(members{"alg": "none"}),
		"alg RS256":                  p.header(members{"alg": "RS256"}),
		"alg HS256":                  p.header(members{"alg": "HS256"}),
		"alg ES384":                  p.header(members{"alg": "ES384"}),
		"alg that is a list":         p.header(members{"alg": []string{"ES256"}}),
		"no key":                     p.header(members{"jwk": nil}),
		"key of another":             p.header(members{"jwk": other.jwk()}),
		"private key":                p.header(members{"jwk": private}),
		"symmetric key":              p.header(members{"jwk": members{"kty": "oct", "k": "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE"}}),
		"certificate in the key":     p.header(members{"jwk": with(p.jwk(), members{"x5c": []string{"MIIB"}})}),
		"key by address":             p.header(members{"jku": "https://attacker.example/keys"}),
		"certificate":                p.header(members{"x5c": []string{"MIIB"}}),
		"critical parameter":         p.header(members{"crit": []string{"b64"}, "b64": true}),
		"other curve":                p.header(members{"jwk": with(p.jwk(), members{"crv": "P-384"})}),
		"no point":                   p.header(members{"jwk": with(p.jwk(), members{"y": p.jwk()["x"]})}),
		"point at infinity":          p.header(members{"jwk": with(p.jwk(), members{"x": "", "y": ""})}),
		"zero point":                 p.header(members{"jwk": with(p.jwk(), members{"x": encode(make([]byte, 32)), "y": encode(make([]byte, 32))})}),
		"coordinate of the twist":    p.header(members{"jwk": with(p.jwk(), members{"x": encode(negative.Bytes())})}),
		"longer coordinate":          p.header(members{"jwk": with(p.jwk(), members{"x": "AAAA" + p.jwk()["x"].(string)})}),
		"line break in a coordinate": p.header(members{"jwk": with(p.jwk(), members{"x": p.jwk()["x"].(string) + "\n"})}),
		"padded coordinate":          p.header(members{"jwk": with(p.jwk(), members{"x": p.jwk()["x"].(string) + "="})}),
		"typ in another case":        strings.Replace(p.header(nil), `"typ"`, `"Typ"`, 1),
		"repeated alg":               strings.Replace(p.header(nil), `"alg"`, `"alg":"none","alg"`, 1),
		"repeated key":               strings.Replace(p.header(nil), `"jwk"`, `"jwk":`+text(other.jwk())+`,"jwk"`, 1),
		"repeated coordinate":        strings.Replace(p.header(nil), `"x"`, `"x":"`+other.jwk()["x"].(string)+`","x"`, 1),
		"two values":                 p.header(nil) + "{}",
		"array":                      "[" + p.header(nil) + "]",
		"null":                       "null",
		"empty":                      "",
	} {
		if _, err := verify(testRequest, p.forge(t, header, claims)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	repeated := strings.Replace(claims, `"htm"`, `"htm":"GET","htm"`, 1)
	if _, err := verify(testRequest, p.forge(t, p.header(nil), repeated)); !errors.Is(err, ErrInvalid) {
		t.Errorf("repeated claim: %v", err)
	}
}

// TestHostileSignatures uses the algorithms that other implementations have been confused by.
func TestHostileSignatures(t *testing.T) {
	p := newProver(t)
	good := p.proof(t, goodClaims())
	cut := strings.LastIndex(good, ".")
	signed, signature := good[:cut], good[cut+1:]
	raw, _ := base64url.DecodeString(signature)
	der, _ := p.key.Sign(rand.Reader, sum256(signed), nil)
	for name, proof := range map[string]string{
		"no signature":        signed + ".",
		"two parts":           signed,
		"four parts":          good + ".",
		"zeros":               signed + "." + encode(make([]byte, 64)),
		"DER":                 signed + "." + encode(der),
		"shorter":             signed + "." + encode(raw[:63]),
		"longer":              signed + "." + encode(append([]byte{0}, raw...)),
		"changed":             signed + "." + encode(append([]byte{raw[0] ^ 1}, raw[1:]...)),
		"other spelling":      good[:len(good)-1] + string(good[len(good)-1]+1), // differs in bits that are no data
		"line break":          signed + ".\n" + signature,
		"list in one header":  good + "," + good,
		"space":               " " + good,
		"JSON serialization":  `{"payload":"","signatures":[]}`,
		"RS256":               signedRS256(t),
		"HS256, key as DER":   signedHS256(t, p, must(x509.MarshalPKIXPublicKey(&p.key.PublicKey))),
		"HS256, key as point": signedHS256(t, p, must(p.key.PublicKey.Bytes())),
		"HS256, key as JWK":   signedHS256(t, p, []byte(text(p.jwk()))),
		"ES384":               signedES384(t),
	} {
		if _, err := verify(testRequest, proof); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, proofs := range map[string][]string{"none": nil, "two": {good, p.proof(t, goodClaims())}, "the same twice": {good, good}, "empty": {""}} {
		if _, err := verify(testRequest, proofs...); !errors.Is(err, ErrInvalid) {
			t.Errorf("headers, %s: %v", name, err)
		}
	}
}

// The owner of another key proves that key only, so a thief of a token has another thumbprint.
func TestThiefHasAnotherThumbprint(t *testing.T) {
	owner, err := verify(testRequest, newProver(t).proof(t, goodClaims()))
	if err != nil {
		t.Fatal(err)
	}
	thief, err := verify(testRequest, newProver(t).proof(t, goodClaims()))
	if err != nil || thief.Thumbprint == owner.Thumbprint {
		t.Error("two keys have one thumbprint", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func signedRS256(t *testing.T) string {
	key := must(rsa.GenerateKey(rand.Reader, 2048))
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType(mediaType)
	return sign(t, must(jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, options)), goodClaims())
}

func signedES384(t *testing.T) string {
	key := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType(mediaType)
	return sign(t, must(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES384, Key: key}, options)), goodClaims())
}

// signedHS256 uses a public key, which everyone has, as the secret of an HMAC.
func signedHS256(t *testing.T, p prover, secret []byte) string {
	options := (&jose.SignerOptions{}).WithType(mediaType).WithHeader("jwk", p.jwk())
	return sign(t, must(jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: secret}, options)), goodClaims())
}
