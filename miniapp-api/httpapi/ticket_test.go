package httpapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/keys"
	"fundpass/miniapp-api/selfservice"
)

// transportKeys are the current key and the previous one.
var transportKeys = sync.OnceValue(func() []*rsa.PrivateKey {
	var all []*rsa.PrivateKey
	for range 2 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		all = append(all, key)
	}
	return all
})

func withTransport(t testing.TB) envOption {
	return func(c *Config) {
		var err error
		c.Transport, err = keys.NewTransport(transportKeys()...)
		must(t, err)
	}
}

// A ticket is the reply to POST /v1/password/tickets.
type ticket struct {
	Ticket    string `json:"ticket"`
	KID       string `json:"kid"`
	Alg       string `json:"alg"`
	PublicKey string `json:"public_key"`
	ExpiresIn int    `json:"expires_in"`
}

func (p *client) ticket() ticket {
	p.h.t.Helper()
	var got ticket
	must(p.h.t, json.Unmarshal(p.post("/v1/password/tickets", m{}).want(p.h.t, "OK").Data, &got))
	return got
}

// seal encrypts as the page does.
func (k ticket) seal(t testing.TB, passwords m) m {
	t.Helper()
	return k.sealUnder(t, "gjj-password/1|"+k.KID+"|"+k.Ticket, passwords)
}

func (k ticket) sealUnder(t testing.TB, label string, passwords m) m {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(k.PublicKey)
	must(t, err)
	pub, err := x509.ParsePKIXPublicKey(der)
	must(t, err)
	plain, err := json.Marshal(passwords)
	must(t, err)
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, pub.(*rsa.PublicKey), plain, []byte(label))
	must(t, err)
	return m{"ticket": k.Ticket, "kid": k.KID, "alg": k.Alg, "sealed": base64.StdEncoding.EncodeToString(sealed)}
}

// The complete procedure with every password encrypted, at a centre that accepts no others.
func TestSealedFlow(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransport(t), func(c *Config) { c.SealedOnly = true })
	c := h.citizen()
	p := h.logIn(c)
	sealed := func(passwords m) m { return p.ticket().seal(t, passwords) }

	body := c.linkBody()
	r := p.post("/v1/link", body).want(t, "BAD_REQUEST")
	if len(r.Errors) != 1 || r.Errors[0].Field != "encrypted" {
		t.Errorf("a plain password: %s", r.Raw)
	}
	delete(body, "password")
	body["encrypted"] = sealed(m{"o": c.Password})
	p.post("/v1/link", body).want(t, "OK")

	open := func(old string) reply {
		return p.post("/v1/password/changes", m{"id_number": c.IDNumber, "encrypted": sealed(m{"o": old})})
	}
	if r := open("Quiet-Wrong-9").want(t, "OLD_PASSWORD_WRONG"); *r.Remaining != 4 {
		t.Errorf("%d attempts left, want 4", *r.Remaining)
	}
	confirm := "/v1/password/changes/" + open(c.Password).want(t, "OK").get(t, "id").(string) + "/confirm"
	p.post(confirm, m{"encrypted": sealed(m{"n": "Copper-Lantern", "a": "Copper-Lanterm"})}).want(t, "PASSWORD_MISMATCH")
	p.post(confirm, m{"encrypted": sealed(m{"n": "short"})}).want(t, "PASSWORD_WEAK")
	p.post(confirm, m{"encrypted": sealed(m{"n": "Copper\u0007Lantern"})}).want(t, "BAD_REQUEST")
	p.post(confirm, m{"encrypted": sealed(m{"n": "Copper-Lantern"})}).want(t, "OK")
	open(c.Password).want(t, "OLD_PASSWORD_WRONG")
	p.post("/v1/link/remove", m{"encrypted": sealed(m{"o": "Copper-Lantern"})}).want(t, "OK")
	for _, secret := range []string{c.Password, "Copper-Lantern", "Quiet-Wrong-9"} {
		if strings.Contains(h.logs.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

// Every invalid encrypted password gets the same answer.
func TestSealedRefused(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransport(t))
	mine, other := h.citizen(), h.citizen()
	p, q := h.linkedClient(mine), h.linkedClient(other)
	again := h.logIn(mine) // another session of the same user
	good := m{"o": mine.Password}
	foreign := func() ticket { // another key
		k := p.ticket()
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		must(t, err)
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		must(t, err)
		k.PublicKey = base64.StdEncoding.EncodeToString(der)
		return k
	}
	changed := func(name string, value any) m {
		e := p.ticket().seal(t, good)
		e[name] = value
		return e
	}
	replayed := p.ticket().seal(t, good)
	p.post("/v1/password/changes", m{"id_number": mine.IDNumber, "encrypted": replayed}).want(t, "OK")
	relabelled := p.ticket()
	var want string
	for name, e := range map[string]m{
		"replayed":                replayed,
		"under another ticket":    p.ticket().sealUnder(t, "gjj-password/1|"+p.ticket().KID+"|"+p.ticket().Ticket, good),
		"under another label":     relabelled.sealUnder(t, "gjj-password/2|"+relabelled.KID+"|"+relabelled.Ticket, good),
		"another user's ticket":   q.ticket().seal(t, good),
		"another session's":       again.ticket().seal(t, good),
		"made up ticket":          changed("ticket", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
		"no ticket":               changed("ticket", ""),
		"for a foreign key":       foreign().seal(t, good),
		"unknown key":             changed("kid", "0123456789abcdef"),
		"another algorithm":       changed("alg", "RSA1_5"),
		"no base64":               changed("sealed", "%%%"),
		"nothing":                 changed("sealed", ""),
		"cut":                     changed("sealed", "AAAA"),
		"not the JSON wanted":     p.ticket().seal(t, m{"o": mine.Password, "x": 1}),
		"a number for a password": p.ticket().seal(t, m{"o": 123456}),
	} {
		r := p.post("/v1/password/changes", m{"id_number": mine.IDNumber, "encrypted": e}).want(t, "DECRYPT_FAILED")
		got := strings.ReplaceAll(r.Raw, r.RequestID, "")
		if want == "" {
			want = got
		}
		if got != want || r.HTTP != 422 {
			t.Errorf("%s: %s\nothers: %s", name, got, want)
		}
	}
	if got := p.get("/v1/password").get(t, "remaining_attempts"); got != 5.0 {
		t.Errorf("an invalid ciphertext was charged an attempt: %v left", got)
	}
	r := p.post("/v1/password/changes", m{"id_number": mine.IDNumber, "old_password": mine.Password, "encrypted": p.ticket().seal(t, good)})
	if r.want(t, "BAD_REQUEST"); r.Errors[0].Code != "TWICE" {
		t.Errorf("plain and encrypted: %s", r.Raw)
	}
}

// A ticket is valid once, but a retry after a lost answer succeeds.
func TestSealedRepeated(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransport(t))
	c := h.citizen()
	p := h.linkedClient(c)
	body := m{"id_number": c.IDNumber, "encrypted": p.ticket().seal(t, m{"o": c.Password})}
	first := p.post("/v1/password/changes", body, header{"Idempotency-Key", "form-1"}).want(t, "OK")
	second := p.post("/v1/password/changes", body, header{"Idempotency-Key", "form-1"}).want(t, "OK")
	if first.get(t, "id") != second.get(t, "id") {
		t.Error("the repeated form opened another change")
	}
	p.post("/v1/password/changes", body, header{"Idempotency-Key", "form-2"}).want(t, "DECRYPT_FAILED")
}

// The previous key decrypts until it is removed.
func TestTransportRotation(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransport(t))
	c := h.citizen()
	p := h.linkedClient(c)
	prove := func(k ticket) reply {
		return p.post("/v1/password/changes", m{"id_number": c.IDNumber, "encrypted": k.seal(t, m{"o": c.Password})})
	}
	replace := func(private ...*rsa.PrivateKey) {
		transport, err := keys.NewTransport(private...)
		must(t, err)
		h.server.ReplaceTransport(transport)
	}
	before := []ticket{p.ticket(), p.ticket()}
	replace(transportKeys()[1], transportKeys()[0])
	if k := p.ticket(); k.KID == before[0].KID {
		t.Error("the old key is still handed out")
	}
	prove(before[0]).want(t, "OK")
	replace(transportKeys()[1])
	prove(before[1]).want(t, "DECRYPT_FAILED")
	prove(p.ticket()).want(t, "OK")
}

func TestTicketsNotOffered(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	p.post("/v1/password/tickets", m{}).want(t, "NOT_OFFERED")
	p.post("/v1/password/changes", m{"id_number": c.IDNumber, "encrypted": m{"ticket": "t", "kid": "k", "alg": "a", "sealed": ""}}).want(t, "NOT_OFFERED")
	if _, err := New(Config{DB: h.db, Alipay: h.server.Alipay, Policy: h.server.Policy, Hasher: h.server.Hasher, Proof: selfservice.ProofNone, SealedOnly: true}); err == nil {
		t.Error("New returned a server that accepts no password")
	}
}

// BenchmarkSealedRefusal measures whether the time of a refusal reveals why decryption failed.
// It interleaves all kinds of failures at random and reports, for each kind, the area under the
// curve against replayed tickets; 0.5 means no information. A second series of replayed tickets
// is the control.
func BenchmarkSealedRefusal(b *testing.B) {
	h := newEnv(b, withTransport(b))
	mine := h.citizen()
	p, q := h.linkedClient(mine), h.linkedClient(h.citizen())
	good := m{"o": mine.Password}
	replay := func() m {
		e := p.ticket().seal(b, good)
		p.post("/v1/password/changes", m{"id_number": mine.IDNumber, "encrypted": e}).want(b, "OK")
		return e
	}
	tries := map[string]func() m{
		"replayed": replay, "control": replay,
		"relabelled": func() m {
			k := p.ticket()
			return k.sealUnder(b, "gjj-password/1|"+k.KID+"|another", good)
		},
		"foreign": func() m { return q.ticket().seal(b, good) },
		"unknown": func() m {
			k := p.ticket()
			k.Ticket = strings.Repeat("A", len(k.Ticket))
			return k.seal(b, good)
		},
	}
	kinds := []string{"replayed", "control", "relabelled", "foreign", "unknown"}
	times := map[string][]float64{}
	for b.Loop() {
		mathrand.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		for _, kind := range kinds {
			e := tries[kind]()
			begun := time.Now()
			p.post("/v1/password/changes", m{"id_number": mine.IDNumber, "encrypted": e}).want(b, "DECRYPT_FAILED")
			times[kind] = append(times[kind], time.Since(begun).Seconds())
		}
	}
	replayed := times["replayed"]
	slices.Sort(replayed)
	for _, kind := range kinds {
		b.ReportMetric(areaUnderCurve(replayed, times[kind]), "AUC/"+kind)
	}
}
