package app_test

import (
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"fundpass/store"
)

const showPassword = "/v1/password"

// A device signs in and uses the API as the mini-program does.
func TestSignInOnAKnownDevice(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	d := h.signedIn(c)
	var password struct{ State string }
	must(t, d.Call(t.Context(), "GET", showPassword, nil, &password))
	if password.State != "set" {
		t.Errorf("state %q", password.State)
	}
	if _, err := d.ChangePassword(t.Context(), c.Person.IDNumber, c.Password, "Copper-Kettle-77"); err != nil {
		t.Fatal(err)
	}
	form := c.form()
	_, err := d.SignIn(t.Context(), form)
	if codeOf(err) != "SIGN_IN_REFUSED" {
		t.Errorf("the old password: %v", err)
	}
	form.Password = "Copper-Kettle-77"
	if _, err := d.SignIn(t.Context(), form); err != nil {
		t.Errorf("the new password: %v", err)
	}
	byAccount := form
	byAccount.Document, byAccount.Account = "", c.Person.AccountNo
	if _, err := d.SignIn(t.Context(), byAccount); err != nil {
		t.Errorf("by account: %v", err)
	}
	must(t, d.SignOut(t.Context()))
	if n := h.count(`SELECT count(*) FROM sessions`); n != 2 {
		t.Errorf("%d sessions", n)
	}
	h.secretless(c, d.Token(), "Copper-Kettle-77")
}

// T: whatever is wrong with the proof, the request is refused and nothing is done.
func TestHostileProofs(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	d, thief := h.signedIn(c), h.device()
	token := d.Token()
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	point, err := d.Key().PublicKey.Bytes()
	must(t, err)
	typed := func(typ string) *jose.SignerOptions {
		return (&jose.SignerOptions{EmbedJWK: true}).WithType(jose.ContentType(typ))
	}
	good := func(changes ...members) members { return h.claims("GET", showPassword, token, changes...) }
	other := h.claims("GET", "/v1/events", token)
	unsigned := encode([]byte(`{"typ":"dpop+jwt","alg":"none"}`)) + "." + encode([]byte(`{}`)) + "."
	for name, tt := range map[string]struct {
		proofs []string
		want   string
	}{
		"none":                      {nil, "INVALID_DPOP_PROOF"},
		"two":                       {[]string{prove(t, d, good()), prove(t, d, good())}, "INVALID_DPOP_PROOF"},
		"garbage":                   {[]string{"a.b.c"}, "INVALID_DPOP_PROOF"},
		"other method":              {[]string{prove(t, d, good(members{"htm": "POST"}))}, "INVALID_DPOP_PROOF"},
		"other path":                {[]string{prove(t, d, other)}, "INVALID_DPOP_PROOF"},
		"other host":                {[]string{prove(t, d, good(members{"htu": "https://attacker.example" + showPassword}))}, "INVALID_DPOP_PROOF"},
		"old":                       {[]string{prove(t, d, good(members{"iat": h.db.Now().Add(-time.Hour).Unix()}))}, "INVALID_DPOP_PROOF"},
		"future":                    {[]string{prove(t, d, good(members{"iat": h.db.Now().Add(time.Hour).Unix()}))}, "INVALID_DPOP_PROOF"},
		"no ath":                    {[]string{prove(t, d, good(members{"ath": nil}))}, "INVALID_DPOP_PROOF"},
		"ath of another token":      {[]string{prove(t, d, h.claims("GET", showPassword, "another"))}, "INVALID_DPOP_PROOF"},
		"no jti":                    {[]string{prove(t, d, good(members{"jti": nil}))}, "INVALID_DPOP_PROOF"},
		"no nonce":                  {[]string{prove(t, d, good(members{"nonce": nil}))}, "USE_DPOP_NONCE"},
		"made-up nonce":             {[]string{prove(t, d, good(members{"nonce": rand.Text()}))}, "USE_DPOP_NONCE"},
		"wrong typ":                 {[]string{proveAs(t, jose.SigningKey{Algorithm: jose.ES256, Key: d.Key()}, typed("JWT"), good())}, "INVALID_DPOP_PROOF"},
		"alg none":                  {[]string{unsigned}, "INVALID_DPOP_PROOF"},
		"RS256":                     {[]string{proveAs(t, jose.SigningKey{Algorithm: jose.RS256, Key: weak}, typed("dpop+jwt"), good())}, "INVALID_DPOP_PROOF"},
		"HS256 with the public key": {[]string{proveAs(t, jose.SigningKey{Algorithm: jose.HS256, Key: point}, (&jose.SignerOptions{}).WithType("dpop+jwt"), good())}, "INVALID_DPOP_PROOF"},
		"key of a thief":            {[]string{prove(t, thief, good())}, "SESSION_EXPIRED"},
		"larger than any proof":     {[]string{prove(t, d, good(members{"x": strings.Repeat("a", 4000)}))}, "INVALID_DPOP_PROOF"},
	} {
		r := h.send(raw{method: "GET", path: showPassword, token: token, scheme: "DPoP", proofs: tt.proofs})
		if r.Code != tt.want || r.HTTP != 401 {
			t.Errorf("%s: %d %s, want %s", name, r.HTTP, r.Code, tt.want)
		}
		if challenge := r.Header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, "DPoP error=") || r.Header.Get("DPoP-Nonce") == "" {
			t.Errorf("%s: the challenge is %q, with the nonce %q", name, challenge, r.Header.Get("DPoP-Nonce"))
		}
	}
	for name, scheme := range map[string]string{"as a bearer token": "Bearer", "as nothing": "Basic"} {
		r := h.send(raw{method: "GET", path: showPassword, token: token, scheme: scheme, proofs: []string{prove(t, d, good())}})
		if r.Code != "SESSION_REQUIRED" {
			t.Errorf("%s: %s", name, r.Code)
		}
	}
	r := h.send(raw{method: "GET", path: showPassword, token: token, scheme: "dpop", proofs: []string{prove(t, d, good())}})
	if r.Code != "OK" {
		t.Errorf("a right proof: %s", r.Text)
	}
	h.secretless(c, token)
}

// T: a token without the key is nothing on this channel, wherever it came from.
func TestTokensOfOtherChannels(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	d := h.device()
	account, err := h.db.RecoverableAccount(t.Context(), h.db.PersonDigest(c.DocumentKey), "")
	must(t, err)
	seed := h.db.NewSeed()
	token, err := h.db.Token(seed)
	must(t, err)
	must(t, h.db.SignIn(t.Context(), store.SignIn{Channel: store.ChannelWebsite, TokenDigest: digestOf(token), Account: *account}))
	r := h.send(raw{method: "GET", path: showPassword, token: token, scheme: "DPoP", proofs: []string{prove(t, d, h.claims("GET", showPassword, token))}})
	if r.Code != "SESSION_EXPIRED" {
		t.Errorf("the token of the website with a proof: %s", r.Code)
	}
}

// Of 100 parallel requests with one proof to two servers behind one address, one is answered;
// so too without a session.
func TestRepeatedProof(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	d := h.signedIn(c)
	urls := []string{h.url, h.listen(h.open(), h.url)}
	for name, r := range map[string]raw{
		"session": {method: "GET", path: showPassword, token: d.Token(), scheme: "DPoP", proofs: []string{prove(t, d, h.claims("GET", showPassword, d.Token()))}},
		"sign-in": {method: "POST", path: "/v1/sessions", body: `{"document":"` + c.Person.IDNumber + `","password":"` + c.Password + `"}`,
			proofs: []string{prove(t, d, h.claims("POST", "/v1/sessions", ""))}},
	} {
		var race sync.WaitGroup
		var answered atomic.Int64
		for i := range 100 {
			race.Go(func() {
				switch got := h.sendTo(urls[i%2], r); got.Code {
				case "OK":
					answered.Add(1)
				case "INVALID_DPOP_PROOF":
				default:
					t.Errorf("%s: %s", name, got.Text)
				}
			})
		}
		race.Wait()
		if answered.Load() != 1 {
			t.Errorf("%s: one proof was accepted %d times", name, answered.Load())
		}
	}
}

// The clock of a phone may be wrong by hours, and a nonce may be old: the client recovers.
func TestClientFollowsNonceAndClock(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	d := h.device()
	h.known(c, d)
	d.Now = func() time.Time { return time.Now().Add(-5 * time.Hour) }
	if _, err := d.SignIn(t.Context(), c.form()); err != nil {
		t.Errorf("a clock that is wrong: %v", err)
	}
	for _, pause := range []time.Duration{3 * time.Minute, 10 * time.Minute} {
		h.ahead.Add(int64(pause))
		if _, err := d.Devices(t.Context()); err != nil {
			t.Errorf("after %v, in which the phone's clock stood still: %v", pause, err)
		}
	}
}
