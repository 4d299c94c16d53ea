package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

const (
	initialize = "alipay.user.certify.open.initialize"
	query      = "alipay.user.certify.open.query"
)

func withReset(p selfservice.ResetProof) envOption { return func(c *Config) { c.Reset = p } }

// withStory sets the result of a citizen's face verification.
func withStory(s string) func(*citizen) { return func(c *citizen) { c.Story = s } }

// openReset opens a reset and returns its path and Alipay's certify_id.
func (p *client) openReset() (path, certifyID string) {
	p.h.t.Helper()
	r := p.post("/v1/password/resets", m{}).want(p.h.t, "OK")
	return "/v1/password/resets/" + r.get(p.h.t, "id").(string), r.get(p.h.t, "certify_id").(string)
}

// knows fails the test unless this is the citizen's password.
func (p *client) knows(c citizen, password string) {
	p.h.t.Helper()
	p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": password}).want(p.h.t, "OK")
}

// lockOut locks a scope until a reset.
func (h *env) lockOut(c citizen, scope []byte) {
	h.t.Helper()
	until := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	h.exec(`INSERT INTO lockouts (center_id, person_digest, scope, attempts, tier, locked_until, admitted, refused, updated_at)
		VALUES ($4, $1, $2, 0, 3, $3, false, 0, $3)
		ON CONFLICT (center_id, person_digest, scope) DO UPDATE SET locked_until = $3, tier = 3`, h.personDigest(c), scope, until, h.center)
}

// The complete reset: Alipay verifies the record's person, the state is queried, the new
// password is set, and all effects have occurred.
func TestCitizenResetsPassword(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p, other := h.linkedClient(c), h.logIn(c)
	r := p.post("/v1/password/resets", m{}).want(t, "OK")
	id, page := r.get(t, "id").(string), r.get(t, "certify_url").(string)
	if r.get(t, "state") != "started" || r.get(t, "expires_at") == nil {
		t.Errorf("opened: %s", r.Raw)
	}
	u, err := url.Parse(page)
	must(t, err)
	if u.Query().Get("method") != "alipay.user.certify.open.certify" || strings.Contains(page, c.IDNumber) || strings.Contains(page, url.QueryEscape(c.Name)) {
		t.Errorf("page %s", page)
	}
	rsp, err := http.Get(page) // the simulator checks our signature as Alipay would
	must(t, err)
	rsp.Body.Close()
	if rsp.StatusCode != http.StatusOK {
		t.Errorf("page: %d", rsp.StatusCode)
	}
	asked := string(h.sim.Messages()[0].Content)
	if !strings.Contains(asked, c.IDNumber) || !strings.Contains(asked, c.Name) {
		t.Errorf("Alipay verified another person")
	}
	path := "/v1/password/resets/" + id
	if got := p.get(path).want(t, "OK").get(t, "state"); got != "passed" {
		t.Errorf("state %v, want passed", got)
	}
	p.subscribe()
	done := p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	if done.get(t, "state") != "done" || done.get(t, "sessions_ended") != 1.0 || done.get(t, "changed_at") == nil || done.get(t, "notified") != true {
		t.Errorf("done: %s", done.Raw)
	}
	other.get("/v1/link").want(t, "SESSION_EXPIRED")
	if got := p.get(path).get(t, "state"); got != "done" {
		t.Errorf("state %v, want done", got)
	}
	again := p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK") // a lost reply
	if string(again.Data) != string(done.Data) {
		t.Errorf("again %s, first %s", again.Data, done.Data)
	}
	p.post(path+"/confirm", twice("Copper-Kettle-78")).want(t, "RESET_GONE")
	p.post(path+"/confirm", m{"new_password": "Copper-Kettle-77", "new_password_again": "Copper-Kettle-78"}).want(t, "RESET_GONE")
	p.post(path+"/cancel", m{}).want(t, "RESET_GONE")
	p.knows(c, "Copper-Kettle-77")
	if n := h.count(`SELECT count(*) FROM outbox WHERE kind = 'password_reset'`); n != 1 {
		t.Errorf("%d notices", n)
	}
	for _, kind := range []string{store.EventResetOpened, store.EventPasswordReset} {
		if n := h.count(`SELECT count(*) FROM events WHERE kind = $1`, kind); n != 1 || httpapi.EventTexts[kind] == "" {
			t.Errorf("%d events %s %q", n, kind, httpapi.EventTexts[kind])
		}
	}
}

// A password in any state can be reset, but not an account in any state.
func TestResettable(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	for _, tt := range []struct {
		name, prepare, code string
	}{
		{"set", ``, "OK"},
		{"must change", `UPDATE password_credentials SET state = 'must_change'`, "OK"},
		{"frozen by the owner", `UPDATE password_credentials SET state = 'frozen'`, "OK"},
		{"sealed", `UPDATE accounts SET status = '02'`, "OK"},
		{"frozen by the centre", `UPDATE accounts SET status = '06'`, "ACCOUNT_FROZEN"},
		{"moved", `UPDATE accounts SET status = '04'`, "ACCOUNT_CLOSED"},
	} {
		c := h.citizen()
		p := h.linkedClient(c)
		early, _ := p.openReset() // the account's state is checked again at the confirm
		if tt.prepare != "" {
			h.exec(tt.prepare+` WHERE account_id = (SELECT account_id FROM accounts WHERE account_no_digest = $1)`, h.accountDigest(c))
		}
		p.post(early+"/confirm", twice("Copper-Kettle-77")).want(t, tt.code)
		p.post("/v1/password/resets", m{}).want(t, tt.code)
		if state := p.get("/v1/password").get(t, "state"); tt.code == "OK" && state != "set" {
			t.Errorf("%s: %v after the reset", tt.name, state)
		}
	}
	c := h.citizen(func(c *citizen) { c.InitialRule, c.Password = "id-last6", c.IDNumber[12:] })
	p := h.linkedClient(c)
	path, _ := p.openReset()
	p.post(path+"/confirm", twice(c.Password)).want(t, "PASSWORD_WEAK")
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	h.client().post("/v1/password/resets", m{}).want(t, "SESSION_REQUIRED")
	h.logIn(h.citizen()).post("/v1/password/resets", m{}).want(t, "NOT_LINKED")
}

// The new password must follow the rules of a change.
func TestResetRules(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	change := p.openChange(c)
	p.post(change+"/confirm", twice("Copper-Kettle-70")).want(t, "OK")
	change = func() string { c.Password = "Copper-Kettle-70"; return p.openChange(c) }()
	p.post(change+"/confirm", twice("Copper-Kettle-71")).want(t, "OK")
	path, _ := p.openReset()
	p.post(path+"/confirm", m{}).want(t, "BAD_REQUEST")
	p.post(path+"/confirm", m{"new_password": "Copper-Kettle-77", "new_password_again": "Copper-Kettle-78"}).want(t, "PASSWORD_MISMATCH")
	if weak := p.post(path+"/confirm", twice("123")).want(t, "PASSWORD_WEAK"); len(weak.Errors) == 0 {
		t.Error("no rule is named")
	}
	p.post(path+"/confirm", twice("Copper-Kettle-70")).want(t, "PASSWORD_REUSED")
	h.exec(`DELETE FROM password_history`)
	p.post(path+"/confirm", twice("Copper-Kettle-71")).want(t, "PASSWORD_SAME") // found by its hash
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
}

// T45: no step works without the previous one.
func TestResetNeedsProof(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	fails, waits := h.citizen(withStory("face_fails")), h.citizen(withStory("face_pending"))
	p := h.linkedClient(fails)
	path, certifyID := p.openReset()
	if got := p.get(path).get(t, "state"); got != "failed" {
		t.Errorf("state %v, want failed", got)
	}
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "IDENTITY_NOT_PROVEN")
	yes := true
	must(t, h.sim.Certify(certifyID, &yes)) // the second attempt on Alipay's page succeeds
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")

	q := h.linkedClient(waits)
	path, certifyID = q.openReset()
	if r := q.get(path); r.get(t, "state") != "started" || r.get(t, "expires_at") == nil {
		t.Errorf("waiting: %s", r.Raw)
	}
	q.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "IDENTITY_NOT_PROVEN")
	q.post(path+"/cancel", m{}).want(t, "OK")
	q.post(path+"/cancel", m{}).want(t, "OK")
	must(t, h.sim.Certify(certifyID, &yes))
	q.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
	if got := q.get(path).get(t, "state"); got != "cancelled" {
		t.Errorf("state %v, want cancelled", got)
	}
	q.knows(waits, waits.Password)
	for _, field := range []string{"return_url", "name", "id_number", "certify_id", "passed"} {
		q.post("/v1/password/resets", m{field: "x"}).want(t, "BAD_REQUEST")
		q.post(path+"/confirm", with(twice("Copper-Kettle-77"), field, "T")).want(t, "BAD_REQUEST")
	}
}

// T17: a reset belongs to one session of one user; nobody else can see or cancel it.
func TestResetIsBound(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c, d := h.citizen(), h.citizen()
	p := h.linkedClient(c)
	path, _ := p.openReset()
	for name, q := range map[string]*client{"another session": h.logIn(c), "another user": h.linkedClient(d)} {
		if got := q.get(path).want(t, "OK").get(t, "state"); got != "unknown" {
			t.Errorf("%s: state %v", name, got)
		}
		q.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
		q.post(path+"/cancel", m{}).want(t, "RESET_GONE")
	}
	if got := h.logIn(h.citizen()).get(path).want(t, "OK").get(t, "state"); got != "unknown" {
		t.Errorf("not linked: state %v", got)
	}
	p.post("/v1/password/resets/none/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
	change := p.openChange(c) // ids of changes and resets are separate
	p.post(strings.Replace(change, "changes", "resets", 1)+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
	p.post(strings.Replace(path, "resets", "changes", 1)+"/confirm", twice("Copper-Kettle-77")).want(t, "CHANGE_GONE")

	q := h.logIn(c)
	second, _ := q.openReset() // the same user's second replaces the first
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
	h.clock.Advance(store.ResetLife + time.Second)
	h.exec(`UPDATE sessions SET seen_at = now() + interval '31 minutes'`)
	if got := q.get(second).want(t, "OK").get(t, "state"); got != "expired" {
		t.Errorf("state %v, want expired", got)
	}
	q.post(second+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
	third, _ := q.openReset()
	q.post("/v1/link/remove", m{"password": c.Password}).want(t, "OK")
	q.post("/v1/link", c.linkBody()).want(t, "OK")
	q.post(third+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
}

// A reset does not apply to a second account of the same person.
func TestResetOfAnotherAccount(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	second := c
	second.AccountNo = c.AccountNo + "2"
	h.deposit(second)
	p := h.linkedClient(c)
	path, _ := p.openReset()
	var other string
	must(t, h.raw().QueryRow(`SELECT account_id FROM accounts WHERE account_no_digest = $1`, h.accountDigest(second)).Scan(&other))
	h.exec(`UPDATE links SET account_id = $1`, other)
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
}

// A proven reset ends the lock; a new session and an open reset do not.
func TestResetClearsTheLock(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	h.lockOut(c, store.OwnerScope)
	h.lockOut(c, store.PublicScope)
	q := h.logIn(c)
	right := m{"id_number": c.IDNumber, "old_password": c.Password}
	q.post("/v1/password/changes", right).want(t, "PASSWORD_LOCKED")
	path, _ := q.openReset()
	q.get(path).want(t, "OK")
	q.post("/v1/password/changes", right).want(t, "PASSWORD_LOCKED")
	q.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	if n := h.count(`SELECT count(*) FROM lockouts WHERE person_digest = $1 AND (locked_until IS NOT NULL OR attempts + tier > 0)`, h.personDigest(c)); n != 0 {
		t.Errorf("%d scopes are not clear", n)
	}
	q.knows(c, "Copper-Kettle-77")
	p.get("/v1/link").want(t, "SESSION_EXPIRED")
}

// The same Idempotency-Key opens one reset and returns its answer again.
func TestResetIdempotent(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	p := h.linkedClient(h.citizen())
	key := header{"Idempotency-Key", "reset-1"}
	first := p.post("/v1/password/resets", m{}, key).want(t, "OK")
	if again := p.post("/v1/password/resets", m{}, key).want(t, "OK"); string(again.Data) != string(first.Data) {
		t.Errorf("again %s, first %s", again.Data, first.Data)
	}
	if n := h.sim.Calls(initialize); n != 1 {
		t.Errorf("Alipay was asked %d times", n)
	}
}
