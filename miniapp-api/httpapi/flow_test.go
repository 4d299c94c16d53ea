package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// The complete procedure of a citizen.
func TestCitizenChangesPassword(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p, other := h.logIn(c), h.logIn(c)

	p.get("/v1/password").want(t, "NOT_LINKED")
	link := p.post("/v1/link", c.linkBody()).want(t, "OK")
	account := link.get(t, "account").(map[string]any)
	if got, want := account["name"], "***试"; got != want {
		t.Errorf("name %q, want %q", got, want)
	}
	if got, want := account["id_number"], "9****************"+c.IDNumber[17:]; got != want {
		t.Errorf("id_number %q, want %q", got, want)
	}
	status := p.get("/v1/password").want(t, "OK")
	if status.get(t, "state") != "set" || status.get(t, "remaining_attempts").(float64) != 5 {
		t.Errorf("status %s", status.Raw)
	}

	p.subscribe()
	change := p.openChange(c)
	const next = "Copper-Kettle-77"
	p.post(change+"/confirm", m{"new_password": next, "new_password_again": next + "!"}).want(t, "PASSWORD_MISMATCH")
	p.post(change+"/confirm", twice(c.Password)).want(t, "PASSWORD_SAME")
	weak := p.post(change+"/confirm", twice("123456")).want(t, "PASSWORD_WEAK")
	if len(weak.Errors) < 2 {
		t.Errorf("want every broken rule, got %s", weak.Raw)
	}
	done := p.post(change+"/confirm", twice(next)).want(t, "OK")
	if done.get(t, "state") != "done" || done.get(t, "sessions_ended").(float64) != 1 || done.get(t, "notified") != true {
		t.Errorf("confirm %s", done.Raw)
	}

	other.get("/v1/password").want(t, "SESSION_EXPIRED")
	if got := p.get(change).want(t, "OK").get(t, "state"); got != "done" {
		t.Errorf("state %v", got)
	}
	wrong := p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password}).want(t, "OLD_PASSWORD_WRONG")
	if wrong.HTTP != 403 || *wrong.Remaining != 4 || !strings.Contains(wrong.Message, "密码还可以试4次") {
		t.Errorf("wrong password: %s", wrong.Raw)
	}
	old := c.Password
	c.Password = next
	again := p.openChange(c)
	p.post(again+"/confirm", twice(old)).want(t, "PASSWORD_REUSED")
	p.post(again+"/cancel", m{}).want(t, "OK")
	p.post(again+"/confirm", twice("Another-Road-12")).want(t, "CHANGE_GONE")

	events := p.get("/v1/events").want(t, "OK").Raw
	for _, kind := range []string{store.EventLinked, store.EventChangeOpened, store.EventPasswordChanged, store.EventPasswordWrong} {
		if !strings.Contains(events, `"`+kind+`"`) {
			t.Errorf("events lack %s: %s", kind, events)
		}
	}
	p.post("/v1/sessions/end", m{}).want(t, "OK")
	p.get("/v1/password").want(t, "SESSION_EXPIRED")
}

func TestInitialPassword(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		proof selfservice.Proof
		state string
	}{
		{"proven by Alipay", selfservice.ProofCertdoc, "initial"},
		{"by the password alone", selfservice.ProofNone, "must_change"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newEnv(t, withProof(tt.proof))
			c := h.citizen(func(c *citizen) { c.InitialRule = "id-last6"; c.Password = c.IDNumber[12:] })
			p := h.logIn(c)
			r := p.post("/v1/link", c.linkBody()).want(t, "OK")
			if got := r.get(t, "password_state"); got != tt.state {
				t.Errorf("state %v, want %s", got, tt.state)
			}
			change := p.openChange(c)
			p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
			if got := p.get("/v1/password").get(t, "state"); got != "set" {
				t.Errorf("state after change %v", got)
			}
			p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password}).want(t, "OLD_PASSWORD_WRONG")
		})
	}
}

func TestAccountStatus(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	for _, tt := range []struct{ status, link, open, state string }{
		{store.StatusNormal, "OK", "OK", "set"},
		{store.StatusSealed, "OK", "OK", "set"},
		{store.StatusFrozen, "OK", "ACCOUNT_FROZEN", "frozen"},
		{store.StatusMerged, "ACCOUNT_CLOSED", "", ""},
		{store.StatusMoved, "ACCOUNT_CLOSED", "", ""},
		{store.StatusClosed, "ACCOUNT_CLOSED", "", ""},
	} {
		t.Run(tt.status, func(t *testing.T) {
			c := h.citizen(func(c *citizen) { c.Status = tt.status })
			p := h.logIn(c)
			p.post("/v1/link", c.linkBody()).want(t, tt.link)
			if tt.link != "OK" {
				return
			}
			if got := p.get("/v1/password").get(t, "state"); got != tt.state {
				t.Errorf("state %v, want %s", got, tt.state)
			}
			p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password}).want(t, tt.open)
		})
	}
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	for _, tt := range []struct {
		name  string
		steps []time.Duration
		code  string
	}{
		{"used in time", []time.Duration{14 * time.Minute, 14 * time.Minute, 14 * time.Minute}, "NOT_LINKED"},
		{"idle", []time.Duration{15*time.Minute + time.Second}, "SESSION_EXPIRED"},
		{"too old", []time.Duration{14 * time.Minute, 14 * time.Minute, 14 * time.Minute, 14 * time.Minute,
			14 * time.Minute, 14 * time.Minute, 14 * time.Minute, 14 * time.Minute, 9 * time.Minute}, "SESSION_EXPIRED"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := h.logIn(c)
			var last reply
			for _, d := range tt.steps {
				h.clock.Advance(d)
				last = p.get("/v1/password")
			}
			last.want(t, tt.code)
		})
	}
	h.client().get("/v1/password").want(t, "SESSION_REQUIRED")
	stranger := h.client()
	stranger.token = "not-a-token"
	stranger.get("/v1/password").want(t, "SESSION_EXPIRED")
}

func TestChangeExpires(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	change := p.openChange(c)
	for range 4 { // activity renews it, because citizens type slowly
		h.clock.Advance(10 * time.Minute)
		p.post(change+"/confirm", twice("short")).want(t, "PASSWORD_WEAK")
	}
	h.clock.Advance(14 * time.Minute)
	p.get("/v1/events").want(t, "OK") // renews the session but not the change
	h.clock.Advance(time.Minute + time.Second)
	if got := p.get(change).want(t, "OK").get(t, "state"); got != "expired" {
		t.Errorf("state %v", got)
	}
	p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "CHANGE_GONE")
	p.openChange(c)
}

func TestSomebodyElsesChange(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c, thief := h.citizen(), h.citizen()
	p, q := h.linkedClient(c), h.linkedClient(thief)
	change := p.openChange(c)
	q.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "CHANGE_GONE")
	q.post(change+"/cancel", m{}).want(t, "CHANGE_GONE")
	if got := q.get(change).want(t, "OK").get(t, "state"); got != "unknown" {
		t.Errorf("a stranger sees %v", got)
	}
	if got := p.get(change).want(t, "OK").get(t, "state"); got != "open" {
		t.Errorf("the owner sees %v", got)
	}
	p.get("/v1/password/changes/nonsense").want(t, "NOT_FOUND")
	p.post("/v1/password/changes/nonsense/confirm", twice("Copper-Kettle-77")).want(t, "CHANGE_GONE")
}

// A step out of order has no effect.
func TestStepsCannotBeSkipped(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.logIn(c)
	const nobody = "/v1/password/changes/0190a000-0000-7000-8000-000000000000"
	for _, path := range []string{nobody + "/confirm", nobody + "/cancel", "/v1/link/remove", "/v1/password/changes"} {
		body := m{}
		switch {
		case strings.HasSuffix(path, "confirm"):
			body = twice("Copper-Kettle-77")
		case strings.HasSuffix(path, "remove"):
			body = m{"password": c.Password}
		case strings.HasSuffix(path, "changes"):
			body = m{"id_number": c.IDNumber, "old_password": c.Password}
		}
		p.post(path, body).want(t, "NOT_LINKED")
		h.client().post(path, body).want(t, "SESSION_REQUIRED")
	}
	p.post("/v1/link", c.linkBody()).want(t, "OK")
	p.post(nobody+"/confirm", twice("Copper-Kettle-77")).want(t, "CHANGE_GONE")
	change := p.openChange(c)
	second := p.openChange(c) // replaces the first
	p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "CHANGE_GONE")
	p.post(second+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	p.post(second+"/confirm", twice("Another-Road-12")).want(t, "CHANGE_GONE")
	p.post(second+"/cancel", m{}).want(t, "CHANGE_GONE")
}

func TestUnlink(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	other := h.logIn(c)
	change := p.openChange(c)
	p.post("/v1/link/remove", m{"password": "wrong-password"}).want(t, "OLD_PASSWORD_WRONG")
	p.post("/v1/link/remove", m{"password": c.Password}).want(t, "OK")
	p.get("/v1/link").want(t, "NOT_LINKED")
	p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "NOT_LINKED")
	other.get("/v1/link").want(t, "SESSION_EXPIRED")
	if got := p.get(change).get(t, "state"); got != "cancelled" {
		t.Errorf("the open change is %v", got)
	}
	q := h.logIn(c)
	q.post("/v1/link", c.linkBody()).want(t, "OK")
	q.post("/v1/link", c.linkBody()).want(t, "ALREADY_LINKED")
}

// A digest of the old system is accepted once and then replaced by a current hash.
func TestLegacyPassword(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	for _, kind := range []string{"md5", "sha1", "sha256", "sm3"} {
		c := h.citizen(func(c *citizen) { c.Legacy = kind })
		hash := func() (hash string) {
			must(t, h.raw().QueryRow(`SELECT hash FROM password_credentials c JOIN accounts a USING (center_id, account_id)
				WHERE account_no_digest = $1`, h.accountDigest(c)).Scan(&hash))
			return hash
		}
		if !strings.Contains(hash(), "pre="+kind) {
			t.Errorf("%s: loaded as %s", kind, hash())
		}
		p := h.logIn(c)
		p.post("/v1/link", withPassword(c.linkBody(), "wrong-password")).want(t, "LINK_REFUSED")
		if !strings.Contains(hash(), "pre="+kind) {
			t.Errorf("%s: a failed attempt replaced the hash", kind)
		}
		p.post("/v1/link", c.linkBody()).want(t, "OK")
		if strings.Contains(hash(), "pre=") {
			t.Errorf("%s: not upgraded: %s", kind, hash())
		}
		p.openChange(c)
	}
}

// A password that was changed to a derivable one is detected at its next use.
func TestDerivedPasswordMustChange(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen(func(c *citizen) { c.Password = strings.ToUpper(c.IDNumber[12:]) })
	p := h.logIn(c)
	if got := p.post("/v1/link", c.linkBody()).want(t, "OK").get(t, "password_state"); got != "must_change" {
		t.Errorf("state %v", got)
	}
	p.post(p.openChange(c)+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	if got := p.get("/v1/password").get(t, "state"); got != "set" {
		t.Errorf("state after the change %v", got)
	}
}
