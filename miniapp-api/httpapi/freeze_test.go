package httpapi_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
	"fundpass/store/storetest"
)

// state returns the state of a citizen's password in the database.
func (h *env) state(c citizen) (state string, version int) {
	h.t.Helper()
	version = h.count(`SELECT version FROM password_credentials c JOIN accounts a USING (center_id, account_id) WHERE account_no_digest = $1`, h.accountDigest(c))
	if h.count(`SELECT count(*) FROM password_credentials c JOIN accounts a USING (center_id, account_id)
		WHERE account_no_digest = $1 AND c.state = 'frozen'`, h.accountDigest(c)) == 1 {
		return "frozen", version
	}
	return "not frozen", version
}

func (h *env) sessions(c citizen) int {
	h.t.Helper()
	return h.count(`SELECT count(*) FROM sessions s JOIN links l USING (center_id, provider, identity_digest) WHERE person_digest = $1`, h.personDigest(c))
}

// 不是我: a freeze ends every session and procedure.
func TestFreeze(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	other := h.logIn(c)
	change := other.openChange(c)
	if got := p.post("/v1/freeze", m{}).want(t, "OK").get(t, "state"); got != "frozen" {
		t.Errorf("state %v", got)
	}
	for _, client := range []*client{p, other} {
		client.get("/v1/password").want(t, "SESSION_EXPIRED")
		client.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "SESSION_EXPIRED")
		client.post("/v1/freeze", m{}).want(t, "SESSION_EXPIRED")
	}

	p = h.logIn(c)
	if got := p.get("/v1/password").want(t, "OK").get(t, "state"); got != "frozen" {
		t.Errorf("the status is %v", got)
	}
	if got := p.get(change).want(t, "OK").get(t, "state"); got != "cancelled" {
		t.Errorf("the open change is %v", got)
	}
	for _, password := range []string{c.Password, "wrong"} { // the same answer, and nothing is charged
		p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": password}).want(t, "PASSWORD_FROZEN")
		p.post("/v1/link/remove", m{"password": password}).want(t, "PASSWORD_FROZEN")
	}
	if n := h.count(`SELECT coalesce(sum(attempts), 0) FROM lockouts WHERE person_digest = $1`, h.personDigest(c)); n != 0 {
		t.Errorf("%d attempts were charged", n)
	}
	p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "CHANGE_GONE")

	p.post("/v1/freeze", m{}).want(t, "OK") // again; only ends sessions
	if h.sessions(c) != 0 {
		t.Error("a session outlived the second freeze")
	}
	if n := h.count(`SELECT count(*) FROM outbox WHERE kind = $1`, store.NoticePasswordFrozen); n != 1 {
		t.Errorf("%d notices", n)
	}
	if raw := h.logIn(c).get("/v1/events").want(t, "OK").Raw; strings.Count(raw, "密码已冻结") != 1 {
		t.Errorf("the record: %s", raw)
	}
	if state, version := h.state(c); state != "frozen" || version != 1 {
		t.Errorf("%s, version %d", state, version)
	}
}

// A freeze affects no other account, and requires a link.
func TestFreezeIsTheOwners(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c, d := h.citizen(), h.citizen()
	p, q := h.linkedClient(c), h.logIn(d)
	q.post("/v1/freeze", m{}).want(t, "NOT_LINKED")
	q.post("/v1/freeze", m{"id_number": c.IDNumber}).want(t, "BAD_REQUEST")
	h.client().post("/v1/freeze", m{}).want(t, "SESSION_REQUIRED")
	p.get("/v1/password").want(t, "OK")
	if state, _ := h.state(c); state == "frozen" {
		t.Error("a stranger froze the password")
	}
	p.post("/v1/freeze", m{}).want(t, "OK")
	q.get("/v1/events").want(t, "NOT_LINKED") // alive
}

// A frozen password cannot be used for a link, and the answer is the ordinary refusal.
func TestFrozenOpensNoLink(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	for name, c := range map[string]citizen{
		"set": h.citizen(),
		"initial": h.citizen(func(c *citizen) {
			c.InitialRule = "id-last6"
			secret, _ := passwd.Derive(c.InitialRule, passwd.Subject{IDNumber: c.IDNumber})
			c.Password = secret.Reveal()
		}),
	} {
		p := h.linkedClient(c)
		p.post("/v1/freeze", m{}).want(t, "OK")
		h.exec(`DELETE FROM links`) // as the centre's policy permits
		right := h.logIn(c).post("/v1/link", c.linkBody()).want(t, "LINK_REFUSED")
		wrong := c.linkBody()
		wrong["password"] = "Not-This-One"
		other := h.logIn(c).post("/v1/link", wrong).want(t, "LINK_REFUSED")
		if strings.ReplaceAll(right.Raw, right.RequestID, "") != strings.ReplaceAll(other.Raw, other.RequestID, "") {
			t.Errorf("%s: answers differ:\n%s\n%s", name, right.Raw, other.Raw)
		}
	}
}

// A freeze and a confirm in either order, over two processes: the change is complete or
// refused, the password is frozen, and no session is left.
func TestFreezeRaces(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	second := h.listen(h.newServer())
	told := map[string]int{}
	for i := range testenv.Rounds(30, 200) {
		c := h.citizen()
		p := h.linkedClient(c)
		change := p.openChange(c)
		q := h.logIn(c)
		q.url = second
		var confirm, freeze reply
		var wg sync.WaitGroup
		wg.Go(func() { confirm = p.post(change+"/confirm", twice("Copper-Kettle-77")) })
		wg.Go(func() {
			time.Sleep(time.Duration(i%20) * 300 * time.Microsecond)
			freeze = q.post("/v1/freeze", m{})
		})
		wg.Wait()
		told[confirm.Code+" "+freeze.Code]++
		state, version := h.state(c)
		switch {
		case (version == 2) != (confirm.Code == "OK"):
			t.Fatalf("got %s, but version is %d", confirm.Code, version)
		case freeze.Code == "OK" && (state != "frozen" || h.sessions(c) != 0):
			t.Fatalf("frozen, but %s with %d sessions after %s", state, h.sessions(c), confirm.Code)
		case freeze.Code != "OK" && (freeze.Code != "SESSION_EXPIRED" || confirm.Code != "OK" || state == "frozen"):
			t.Fatalf("confirm %s, freeze %s, %s", confirm.Code, freeze.Code, state) // a change ends the other sessions
		case confirm.HTTP >= 500 || freeze.HTTP >= 500:
			t.Fatalf("confirm %s, freeze %s", confirm.Raw, freeze.Raw)
		}
		if open := h.count(`SELECT count(*) FROM changes WHERE state = 'open' AND person_digest = $1`, h.personDigest(c)); open > 0 {
			t.Fatalf("%d changes open", open)
		}
	}
	t.Log(told)
}

// After a freeze a concurrent unlink or opening does not take effect.
func TestFreezeRivals(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	second := h.listen(h.newServer())
	for i := range 60 {
		c := h.citizen()
		p := h.linkedClient(c)
		q := *p
		q.url = second
		var freeze, rival reply
		var wg sync.WaitGroup
		wg.Go(func() {
			time.Sleep(time.Duration(i%10) * 300 * time.Microsecond)
			freeze = p.post("/v1/freeze", m{})
		})
		wg.Go(func() {
			if i%2 == 0 {
				rival = q.post("/v1/link/remove", m{"password": c.Password})
			} else {
				rival = q.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password})
			}
		})
		wg.Wait()
		links := h.count(`SELECT count(*) FROM links WHERE person_digest = $1`, h.personDigest(c))
		open := h.count(`SELECT count(*) FROM changes WHERE state = 'open' AND person_digest = $1`, h.personDigest(c))
		state, _ := h.state(c)
		switch {
		case (freeze.Code == "OK") != (state == "frozen"):
			t.Fatalf("freeze %s, %s", freeze.Raw, state)
		case state == "frozen" && (links != 1 || open != 0):
			t.Fatalf("frozen, but %d links and %d open changes after %s", links, open, rival.Code)
		case freeze.HTTP >= 500 || rival.HTTP >= 500:
			t.Fatalf("freeze %s, rival %s", freeze.Raw, rival.Raw)
		}
	}
}

// T38: a freeze is atomic.
func TestHalfDoneFreeze(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"sessions", "outbox"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			h := newEnvIn(t, storetest.DSN(t))
			c := h.citizen()
			p := h.linkedClient(c)
			p.openChange(c)
			hasty := p.hasty()
			storetest.NeedPlain(t, "distributed tables have no triggers")
			h.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'made to fail' USING ERRCODE = '53100'; END $$`)
			h.exec(fmt.Sprintf(`CREATE TRIGGER fail BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION fail()`, table))
			hasty.post("/v1/freeze", m{}).want(t, "BUSY")
			h.exec(fmt.Sprintf(`DROP TRIGGER fail ON %s`, table))
			if state, _ := h.state(c); state == "frozen" || h.sessions(c) != 1 {
				t.Errorf("half frozen: %s, %d sessions", state, h.sessions(c))
			}
			p.post("/v1/freeze", m{}).want(t, "OK")
		})
	}
}

// If the answer to a request that ended the session is lost, the same request gets it again
// from any process; another token, key or path does not.
func TestLostAnswerOfSessionEnd(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/freeze", "/v1/sessions/end"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			h := newEnv(t)
			c := h.citizen()
			p, q := h.linkedClient(c), h.logIn(c)
			twin := *p
			twin.url = h.listen(h.newServer())
			var mu sync.Mutex
			answers := map[string]int{}
			var wg sync.WaitGroup
			for _, client := range []*client{p, &twin, p, &twin} {
				wg.Go(func() {
					r := client.post(path, m{}, key("k"))
					mu.Lock()
					defer mu.Unlock()
					answers[r.Raw]++
				})
			}
			wg.Wait()
			r := twin.post(path, m{}, key("k")).want(t, "OK")
			if answers[r.Raw] != 4 {
				t.Errorf("%d different answers: %v", len(answers), answers)
			}
			p.post(path, m{"a": 1}, key("k")).want(t, "IDEMPOTENCY_KEY_REUSED")
			p.post(path, m{}, key("another")).want(t, "SESSION_EXPIRED")
			p.post(path, m{}).want(t, "SESSION_EXPIRED")
			p.post("/v1/link/remove", m{"password": c.Password}, key("k")).want(t, "SESSION_EXPIRED")
			stranger := *p
			stranger.token = "guessed"
			stranger.post(path, m{}, key("k")).want(t, "SESSION_EXPIRED")
			if path == "/v1/sessions/end" {
				q.post(path, m{}, key("k")).want(t, "OK") // their own session
			}
			if n := h.count(`SELECT count(*) FROM idempotency_records WHERE status IS NULL`); n != 0 {
				t.Errorf("%d idempotency records are still running", n)
			}
		})
	}
}

// After a process dies between commit and answer, a repeated sign-out succeeds, and a repeated
// freeze returns SESSION_EXPIRED.
func TestKilledSessionEnd(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	lose := func() {
		h.exec(`UPDATE idempotency_records SET status = NULL, sealed_reply = NULL, lease_until = now() - interval '1 second'`)
	}
	p.post("/v1/sessions/end", m{}, key("e")).want(t, "OK")
	lose()
	p.post("/v1/sessions/end", m{}, key("e")).want(t, "OK")
	p = h.logIn(c)
	p.post("/v1/freeze", m{}, key("f")).want(t, "OK")
	lose()
	p.post("/v1/freeze", m{}, key("f")).want(t, "SESSION_EXPIRED")
	p = h.logIn(c)
	p.post("/v1/freeze", m{}, key("f")).want(t, "OK")
	if n := h.count(`SELECT count(*) FROM events WHERE kind = $1`, store.EventPasswordFrozen); n != 1 {
		t.Errorf("%d events", n)
	}
}

// "notified" is true only if notices are sent.
func TestNotifiedIsTrue(t *testing.T) {
	t.Parallel()
	for _, sent := range []bool{true, false} {
		h := newEnv(t, func(c *Config) { c.MessageTemplate = templateIf(sent) })
		c := h.citizen()
		p := h.linkedClient(c)
		if sent {
			p.subscribe()
		}
		change := p.openChange(c)
		for range 2 { // the repeated answer, too
			if got := p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "OK").get(t, "notified"); got != sent {
				t.Errorf("notices sent: %v, notified: %v", sent, got)
			}
		}
		if n := h.count(`SELECT count(*) FROM outbox WHERE kind = $1`, store.NoticePasswordChanged); n != 1 {
			t.Errorf("%d notices are recorded", n)
		}
	}
}

func TestNoticeText(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 2, 28, 16, 5, 0, 0, time.UTC)
	for _, kind := range []string{store.NoticePasswordChanged, store.NoticePasswordReset, store.NoticeLinked, store.NoticePasswordFrozen} {
		words, ok := alipay.NoticeText(kind, at)
		if !ok || len(words) != 3 || words[1] != "2026年3月1日 00:05" || words[0] == "" {
			t.Errorf("%s: %q %v", kind, words, ok)
		}
		if asks := strings.Contains(words[2], "请立即点击冻结"); asks == (kind == store.NoticePasswordFrozen) {
			t.Errorf("%s: %q", kind, words[2])
		}
	}
	if _, ok := alipay.NoticeText("of a newer version", at); ok {
		t.Error("an unknown kind has a text")
	}
}

// Every kind of event has a text.
func TestEventTexts(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{store.EventPasswordFrozen, store.EventUnlocked} {
		if httpapi.EventTexts[kind] == "" {
			t.Errorf("%s has no text", kind)
		}
	}
}
