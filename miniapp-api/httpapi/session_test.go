package httpapi_test

import (
	"encoding/base64"
	"math/bits"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/miniapp-api/httpapi"
)

// T9: an auth code opens one session with one call to Alipay, however often and to whichever
// process it is sent.
func TestAuthCodeIsGoodOnce(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	urls := []string{h.url, h.listen(h.newServer())}
	code, err := h.sim.AuthCode(c.Person.Person)
	must(t, err)
	before := h.sim.Calls("alipay.system.oauth.token")
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			p := h.client()
			p.url = urls[i%2]
			r := p.post("/v1/sessions", m{"auth_code": code})
			mu.Lock()
			defer mu.Unlock()
			got[r.Code]++
		})
	}
	wg.Wait()
	if got["OK"] != 1 || got["AUTH_CODE_INVALID"] != 99 {
		t.Errorf("got %v", got)
	}
	if calls := h.sim.Calls("alipay.system.oauth.token") - before; calls != 1 {
		t.Errorf("Alipay was called %d times", calls)
	}
	for _, bad := range []string{"made-up-code", strings.Repeat("x", 128), "'; DROP TABLE sessions; --"} {
		h.client().post("/v1/sessions", m{"auth_code": bad}).want(t, "AUTH_CODE_INVALID")
	}
	h.client().post("/v1/sessions", m{"auth_code": strings.Repeat("x", 129)}).want(t, "BAD_REQUEST")
	h.client().post("/v1/sessions", m{}).want(t, "BAD_REQUEST")
}

// T17: a token has 256 random bits, and the database does not reveal it.
func TestTokens(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	ones := 0
	const n = 10_000
	h := newEnv(t)
	for range n {
		token, err := h.db.Token(h.db.NewSeed())
		must(t, err)
		digest := httpapi.DigestOfToken(token)
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(raw) != 32 || len(digest) != 32 || seen[token] {
			t.Fatalf("token of %d bytes, digest of %d, repeated %v: %v", len(raw), len(digest), seen[token], err)
		}
		seen[token] = true
		for _, b := range raw {
			ones += bits.OnesCount8(b)
		}
	}
	if share := float64(ones) / (n * 256); share < 0.499 || share > 0.501 {
		t.Errorf("%.4f of the bits are ones", share)
	}
	c := h.citizen()
	p := h.linkedClient(c)
	var dump strings.Builder
	rows, err := h.raw().Query(`SELECT encode(token_digest, 'hex') || sealed::text || identity_digest::text FROM sessions`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var row string
		must(t, rows.Scan(&row))
		dump.WriteString(row)
	}
	must(t, rows.Err())
	if strings.Contains(dump.String(), p.token) || strings.Contains(dump.String(), c.OpenID) {
		t.Error("the database contains the token or the Alipay user")
	}
}

// T17: what ends a session ends it in every process.
func TestDeadTokens(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	for _, tt := range []struct {
		name string
		end  func(c citizen, p *client) // p is on the citizen's other phone
	}{
		{"log out", func(_ citizen, p *client) {}},
		{"unlink", func(c citizen, p *client) { p.post("/v1/link/remove", m{"password": c.Password}).want(t, "OK") }},
		{"change", func(c citizen, p *client) {
			p.post(p.openChange(c)+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
		}},
		{"two hours", func(citizen, *client) { h.clock.Advance(2*time.Hour + time.Second) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := h.citizen()
			other := h.linkedClient(c)
			p := h.logIn(c)
			if tt.name == "log out" {
				p.post("/v1/sessions/end", m{}).want(t, "OK")
			}
			tt.end(c, other)
			for _, path := range []string{"/v1/password", "/v1/link", "/v1/events"} {
				p.get(path).want(t, "SESSION_EXPIRED")
			}
			p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password}).want(t, "SESSION_EXPIRED")
		})
	}
}

// T15: no session opens without an answer that Alipay signed for this application, and an
// invalid answer is reported in time.
func TestBadAlipay(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	patient := h.url
	h.alipay = 500 * time.Millisecond
	h.url = h.listen(h.newServer())
	for _, fault := range []string{"timeout", "slow", "error", "html", "bad_signature", "unsigned", "null_body",
		"other_app", "duplicate_root", "gbk_error", "huge", "redirect", "truncated"} {
		t.Run(fault, func(t *testing.T) {
			code, err := h.sim.AuthCode(c.Person.Person)
			must(t, err)
			must(t, h.sim.Fault(fault, 1))
			defer h.sim.Fault("", 0)
			r := h.client().post("/v1/sessions", m{"auth_code": code}).want(t, "ALIPAY_UNAVAILABLE")
			if r.Retry < 1 || r.HTTP != 502 {
				t.Errorf("no advice: %s", r.Raw)
			}
		})
	}
	h.url = patient
	h.logIn(c)
	if got := h.count(`SELECT count(*) FROM sessions`); got != 1 {
		t.Errorf("%d sessions", got)
	}
}

func TestIdentityKinds(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	byOpenID := h.citizen(func(c *citizen) { c.OpenID = "2088000000000042" })
	byUserID := h.citizen(func(c *citizen) { c.OpenID, c.UserID = "", "2088000000000042" }) // the same digits, another kind of identifier
	h.linkedClient(byOpenID)
	q := h.logIn(byUserID)
	q.get("/v1/link").want(t, "NOT_LINKED")
	q.post("/v1/link", byUserID.linkBody()).want(t, "OK")
}
