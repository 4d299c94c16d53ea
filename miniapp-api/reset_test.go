package miniapp

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/store"
)

const (
	initialize = "alipay.user.certify.open.initialize"
	query      = "alipay.user.certify.open.query"
)

func withReset(p ResetProof) houseOption { return func(c *Config) { c.Reset = p } }

// story gives a citizen's face check an end.
func story(s string) func(*citizen) { return func(c *citizen) { c.Story = s } }

// openReset starts a reset and returns its path and Alipay's certify_id.
func (p *phone) openReset() (path, certifyID string) {
	p.h.t.Helper()
	r := p.post("/v1/password/resets", m{}).want(p.h.t, "OK")
	return "/v1/password/resets/" + r.get(p.h.t, "id").(string), r.get(p.h.t, "certify_id").(string)
}

// knows fails the test unless the citizen's password is this one.
func (p *phone) knows(c citizen, password string) {
	p.h.t.Helper()
	p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": password}).want(p.h.t, "OK")
}

// lockOut guesses wrong until only a reset opens the lock.
func (h *house) lockOut(c citizen, lane []byte) {
	h.t.Helper()
	until := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	h.exec(`INSERT INTO guess_budgets (center_id, person_digest, lane, used, round, locked_until, admitted, refused, updated_at)
		VALUES ('test', $1, $2, 0, 3, $3, false, 0, $3)
		ON CONFLICT (center_id, person_digest, lane) DO UPDATE SET locked_until = $3, round = 3`, h.personDigest(c), lane, until)
}

// The whole way back in: who is verified comes from the record, the state is asked
// for, the new password is set, and everything that follows has happened.
func TestCitizenResetsPassword(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.citizen()
	p, other := h.linkedPhone(c), h.logIn(c)
	r := p.post("/v1/password/resets", m{}).want(t, "OK")
	id, page := r.get(t, "id").(string), r.get(t, "certify_url").(string)
	if r.get(t, "state") != "started" || r.get(t, "expires_at") == nil {
		t.Errorf("begun: %s", r.Raw)
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
		t.Errorf("Alipay was asked about somebody else")
	}
	path := "/v1/password/resets/" + id
	if got := p.get(path).want(t, "OK").get(t, "state"); got != "passed" {
		t.Errorf("state %v, want passed", got)
	}
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
	p.post(path+"/cancel", m{}).want(t, "RESET_GONE")
	p.knows(c, "Copper-Kettle-77")
	if n := h.count(`SELECT count(*) FROM outbox`); n != 1 {
		t.Errorf("%d notices", n)
	}
	for _, kind := range []string{store.EventResetOpened, store.EventPasswordReset} {
		if n := h.count(`SELECT count(*) FROM events WHERE kind = $1`, kind); n != 1 || eventTexts[kind] == "" {
			t.Errorf("%d events %s %q", n, kind, eventTexts[kind])
		}
	}
}

// A password in any state may be reset; an account in some may not.
func TestResettable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
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
		p := h.linkedPhone(c)
		early, _ := p.openReset() // what happens to the account afterwards counts, too
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
	p := h.linkedPhone(c)
	path, _ := p.openReset()
	p.post(path+"/confirm", twice(c.Password)).want(t, "PASSWORD_WEAK")
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	h.phone().post("/v1/password/resets", m{}).want(t, "SESSION_REQUIRED")
	h.logIn(h.citizen()).post("/v1/password/resets", m{}).want(t, "NOT_LINKED")
}

// The new password keeps the rules of a change.
func TestResetRules(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.citizen()
	p := h.linkedPhone(c)
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

// T45: no step without the one before, whatever the front end says.
func TestResetNeedsProof(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	fails, waits := h.citizen(story("face_fails")), h.citizen(story("face_pending"))
	p := h.linkedPhone(fails)
	path, certifyID := p.openReset()
	if got := p.get(path).get(t, "state"); got != "failed" {
		t.Errorf("state %v, want failed", got)
	}
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "IDENTITY_NOT_PROVEN")
	yes := true
	must(t, h.sim.Certify(certifyID, &yes)) // the second attempt on Alipay's page succeeds
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")

	q := h.linkedPhone(waits)
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

// T17: a reset belongs to one session of one user; nobody else can see or end it.
func TestResetIsBound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c, d := h.citizen(), h.citizen()
	p := h.linkedPhone(c)
	path, _ := p.openReset()
	for name, q := range map[string]*phone{"another session": h.logIn(c), "another user": h.linkedPhone(d)} {
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
	change := p.openChange(c) // the id of a change is no reset's, and the other way round
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

// A second account of the same person is not what the reset was begun for.
func TestResetOfAnotherAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.citizen()
	second := c
	second.AccountNo = c.AccountNo + "2"
	h.deposit(second)
	p := h.linkedPhone(c)
	path, _ := p.openReset()
	h.exec(`UPDATE alipay_links SET account_id = (SELECT account_id FROM accounts WHERE account_no_digest = $1)`, h.accountDigest(second))
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
}

// Alipay's answer must be Alipay's, and a failure of its leaves nothing behind.
func TestResetTrustsOnlyAlipay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.citizen(story("face_fails"))
	p := h.linkedPhone(c)
	for _, fault := range []string{"error", "html", "html_502", "unsigned", "bad_signature", "other_app", "null_body", "truncated"} {
		must(t, h.sim.Fault(fault, 1))
		p.post("/v1/password/resets", m{}).want(t, "ALIPAY_UNAVAILABLE")
	}
	if n := h.count(`SELECT (SELECT count(*) FROM resets) + (SELECT coalesce(sum(count), 0) FROM daily_counts)`); n != 0 {
		t.Fatalf("%d traces of resets that Alipay did not begin", n)
	}
	path, certifyID := p.openReset()
	for _, fault := range []string{"duplicate_root", "unsigned", "bad_signature", "other_app", "other_root", "error"} {
		for _, pass := range []bool{false, true} { // a yes that is not signed is no yes
			must(t, h.sim.Certify(certifyID, &pass))
			must(t, h.sim.Fault(fault, 2))
			p.get(path).want(t, "ALIPAY_UNAVAILABLE")
			p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "ALIPAY_UNAVAILABLE")
		}
	}
	no := false
	must(t, h.sim.Certify(certifyID, &no))
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "IDENTITY_NOT_PROVEN")
	if n := h.count(`SELECT count(*) FROM resets WHERE state = 'started'`); n != 1 {
		t.Errorf("%d resets are started", n)
	}
	p.knows(c, c.Password)
}

// "A proven reset clears the lock"; a new session and a begun reset do not.
func TestResetClearsTheLock(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.citizen()
	p := h.linkedPhone(c)
	var lane []byte
	must(t, h.raw().QueryRow(`SELECT identity_digest FROM alipay_links WHERE person_digest = $1`, h.personDigest(c)).Scan(&lane))
	h.lockOut(c, lane)
	h.lockOut(c, store.PublicLane)
	q := h.logIn(c)
	right := m{"id_number": c.IDNumber, "old_password": c.Password}
	q.post("/v1/password/changes", right).want(t, "PASSWORD_LOCKED")
	path, _ := q.openReset()
	q.get(path).want(t, "OK")
	q.post("/v1/password/changes", right).want(t, "PASSWORD_LOCKED")
	q.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	if n := h.count(`SELECT count(*) FROM guess_budgets WHERE person_digest = $1 AND (locked_until IS NOT NULL OR used + round > 0)`, h.personDigest(c)); n != 0 {
		t.Errorf("%d lanes are not clear", n)
	}
	q.knows(c, "Copper-Kettle-77")
	p.get("/v1/link").want(t, "SESSION_EXPIRED")
}

// Of a hundred racing confirms over two processes one wins.
func TestHundredResets(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.citizen()
	p := h.linkedPhone(c)
	path, _ := p.openReset()
	urls := []string{h.url, h.listen(h.newServer())}
	var mu sync.Mutex
	got, winner := map[string]int{}, ""
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			twin := *p
			twin.url = urls[i%2]
			password := fmt.Sprintf("Copper-Kettle-%d", i)
			r := twin.post(path+"/confirm", twice(password))
			mu.Lock()
			defer mu.Unlock()
			got[r.Code]++
			if r.Code == "OK" {
				winner = password
			}
		})
	}
	wg.Wait()
	if got["OK"] != 1 || got["OK"]+got["RESET_GONE"]+got["BUSY"]+got["ALIPAY_UNAVAILABLE"] != 100 {
		t.Fatalf("got %v", got)
	}
	if n := h.count(`SELECT count(*) FROM outbox`) + h.count(`SELECT count(*) FROM events WHERE kind = 'password_reset'`); n != 2 {
		t.Errorf("%d notices and events, want one of each", n)
	}
	p.knows(c, winner)
}

// T36: a reset against a change and against a cancel: one of the two wins.
func TestResetRaces(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	second := h.listen(h.newServer())
	for i := range 30 {
		c := h.citizen()
		p := h.linkedPhone(c)
		q := *p
		q.url = second
		change, reset := p.openChange(c), ""
		reset, _ = p.openReset()
		var a, b reply
		var wg sync.WaitGroup
		wg.Go(func() { a = p.post(reset+"/confirm", twice("Copper-Kettle-77")) })
		wg.Go(func() {
			if i%2 == 0 {
				b = q.post(change+"/confirm", twice("Copper-Kettle-88"))
			} else {
				b = q.post(reset+"/cancel", m{})
			}
		})
		wg.Wait()
		if (a.Code == "OK") == (b.Code == "OK") || a.HTTP >= 500 || b.HTTP >= 500 {
			t.Fatalf("reset %s, rival %s", a.Raw, b.Raw)
		}
		switch {
		case a.Code == "OK":
			p.knows(c, "Copper-Kettle-77")
		case i%2 == 0:
			p.knows(c, "Copper-Kettle-88")
			p.post(reset+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
		default:
			p.knows(c, c.Password)
		}
	}
}

// T38: when any statement of the reset fails, nothing of it stands.
func TestHalfDoneReset(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"password_credentials", "password_history", "guess_budgets", "sessions", "events", "outbox"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			c := h.citizen()
			p := h.linkedPhone(c)
			other := h.logIn(c)
			path, _ := p.openReset()
			p.get(path).want(t, "OK")
			h.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'made to fail' USING ERRCODE = '53100'; END $$`)
			h.exec(`CREATE TRIGGER fail BEFORE INSERT OR UPDATE OR DELETE ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION fail()`)
			if r := p.post(path+"/confirm", twice("Copper-Kettle-77")); r.HTTP < 500 {
				t.Fatalf("got %s", r.Raw)
			}
			h.exec(`DROP TRIGGER fail ON ` + table)
			other.get("/v1/link").want(t, "OK")
			if n := h.count(`SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM password_history) + (SELECT max(version) - 1 FROM password_credentials)`); n != 0 {
				t.Errorf("%d traces of a reset that failed", n)
			}
			p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
		})
	}
}

// Each start costs money and may probe a name: three a day, exactly, whoever asks at once.
func TestResetLimit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.citizen(story("face_pending"))
	p := h.linkedPhone(c)
	urls := []string{h.url, h.listen(h.newServer())}
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			twin := *p
			twin.url = urls[i%2]
			r := twin.post("/v1/password/resets", m{})
			mu.Lock()
			defer mu.Unlock()
			got[r.Code]++
		})
	}
	wg.Wait()
	if got["OK"] != 3 || got["RESET_LIMIT"] != 47 || h.sim.Calls(initialize) != 3 {
		t.Fatalf("got %v, Alipay was asked %d times", got, h.sim.Calls(initialize))
	}
	if n := h.count(`SELECT count(*) FROM resets WHERE state = 'started'`); n != 1 {
		t.Errorf("%d resets are open", n)
	}
	r := p.post("/v1/password/resets", m{}).want(t, "RESET_LIMIT")
	if r.Retry < 1 || r.Retry > 24*60*60 || r.Header.Get("Retry-After") == "" {
		t.Errorf("retry after %d s", r.Retry)
	}
	p.post("/v1/link/remove", m{"password": c.Password}).want(t, "OK") // another Alipay user, the same person
	thief := h.citizen(func(d *citizen) { d.Name, d.IDNumber = c.Name, c.IDNumber })
	q := h.logIn(thief)
	q.post("/v1/link", c.linkBody()).want(t, "OK")
	q.post("/v1/password/resets", m{}).want(t, "RESET_LIMIT")
	h.clock.Advance(time.Duration(r.Retry) * time.Second) // midnight
	h.exec(`UPDATE sessions SET seen_at = now() + interval '1 day', created_at = now() + interval '1 day'`)
	q.post("/v1/password/resets", m{}).want(t, "OK")
	h.clock.Advance(5 * 24 * time.Hour)
	must(t, h.db.Purge(t.Context()))
	if n := h.count(`SELECT count(*) FROM daily_counts`); n != 0 {
		t.Errorf("%d counts of past days", n)
	}
}

// Midnight is Beijing's.
func TestUntilMidnight(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		now  string
		want int
	}{
		{"2026-03-01T15:59:59Z", 2}, {"2026-03-01T16:00:00Z", 24*60*60 + 1}, {"2026-12-31T03:00:00Z", 13*60*60 + 1},
	} {
		now, err := time.Parse(time.RFC3339, tt.now)
		must(t, err)
		if got := untilMidnight(now); got != tt.want {
			t.Errorf("%s: %d s, want %d", tt.now, got, tt.want)
		}
	}
}

// Which document is verified where, and what is told where it is nowhere.
func TestResetByDocument(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	permit := h.citizen(func(c *citizen) { c.IDNumber = permitNumber() })
	p := h.linkedPhone(permit)
	path, certifyID := p.openReset()
	if n := h.sim.Calls("datadigital.fincloud.generalsaas.face.verification.initialize"); n != 1 || h.sim.Calls(initialize) != 0 {
		t.Errorf("face verification was asked %d times", n)
	}
	must(t, h.sim.Certify(certifyID, nil))
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "IDENTITY_NOT_PROVEN")
	yes := true
	must(t, h.sim.Certify(certifyID, &yes))
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")

	passport := h.citizen(func(c *citizen) { c.IDType, c.IDNumber = "03", "E99"+c.AccountNo[6:] })
	h.linkedPhone(passport).post("/v1/password/resets", m{}).want(t, "RESET_UNAVAILABLE")

	off := newHouse(t, withReset(ResetOff))
	off.linkedPhone(off.citizen()).post("/v1/password/resets", m{}).want(t, "RESET_UNAVAILABLE")
	if off.sim.Calls(initialize) != 0 || off.count(`SELECT count(*) FROM daily_counts`) != 0 {
		t.Error("a reset that is switched off was asked for or counted")
	}
	if _, err := New(Config{DB: h.db, Alipay: h.server.alipay, Policy: h.server.policy, Hasher: h.server.hasher, Proof: ProofNone, Reset: "sms"}); err == nil {
		t.Error("an unknown way to reset was accepted")
	}
}

// permitNumber is an invented residence permit of Hong Kong.
func permitNumber() string {
	body := "81009919560307001"
	sum := 0
	for i, w := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(body[i]-'0') * w
	}
	return body + string("10X98765432"[sum%11])
}

// The same Idempotency-Key begins one reset, and its answer comes again.
func TestResetIdempotent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.linkedPhone(h.citizen())
	key := header{"Idempotency-Key", "reset-1"}
	first := p.post("/v1/password/resets", m{}, key).want(t, "OK")
	if again := p.post("/v1/password/resets", m{}, key).want(t, "OK"); string(again.Data) != string(first.Data) {
		t.Errorf("again %s, first %s", again.Data, first.Data)
	}
	if n := h.sim.Calls(initialize); n != 1 {
		t.Errorf("Alipay was asked %d times", n)
	}
}

// issue is what a clerk does.
func (h *house) issue(c citizen, code string) {
	h.t.Helper()
	a, err := h.db.AccountByNumber(h.t.Context(), c.AccountNo)
	must(h.t, err)
	_, err = h.db.IssueResetCode(h.t.Context(), a, code, "window-3")
	must(h.t, err)
}

// A clerk's code proves identity without Alipay, once, and is nothing without a use.
func TestResetByClerk(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withReset(ResetOff))
	c := h.citizen()
	p := h.linkedPhone(c)
	h.issue(c, "1111122222")
	h.issue(c, "3141592653") // the newest counts
	p.knows(c, c.Password)   // and so does the password, until the code is used
	p.post("/v1/password/resets", m{"code": "12345"}).want(t, "BAD_REQUEST")
	p.post("/v1/password/resets", m{"code": "31415x2653"}).want(t, "BAD_REQUEST")
	p.post("/v1/password/resets", m{"code": "1111122222"}).want(t, "RESET_CODE_WRONG")
	r := p.post("/v1/password/resets", m{"code": "31415-９26 53"}).want(t, "OK")
	if r.get(t, "state") != "passed" || r.get(t, "certify_id") != nil || r.get(t, "certify_url") != nil {
		t.Errorf("begun: %s", r.Raw)
	}
	p.post("/v1/password/resets", m{"code": "3141592653"}).want(t, "RESET_CODE_WRONG") // used
	path := "/v1/password/resets/" + r.get(t, "id").(string)
	h.logIn(c).post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	p.knows(c, "Copper-Kettle-77")
	events := p.get("/v1/events").Raw
	if !strings.Contains(events, "reset_code_issued") || !strings.Contains(events, store.ChannelCounter) || h.sim.Calls(initialize) != 0 {
		t.Errorf("events %s", events)
	}
}

// Five tries, half an hour, one account, one use, however many ask at once.
func TestResetCodeLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c, d := h.citizen(), h.citizen()
	p := h.linkedPhone(c)
	right := m{"code": "3141592653"}
	h.issue(c, "3141592653")
	h.linkedPhone(d).post("/v1/password/resets", right).want(t, "RESET_CODE_WRONG")
	for i := range store.ResetCodeTries {
		p.post("/v1/password/resets", m{"code": fmt.Sprintf("000000000%d", i)}).want(t, "RESET_CODE_WRONG")
	}
	p.post("/v1/password/resets", right).want(t, "RESET_CODE_WRONG")
	h.issue(c, "3141592653")
	h.exec(`UPDATE reset_codes SET expires_at = now() - interval '1 second' WHERE closed_at IS NULL`)
	p.post("/v1/password/resets", right).want(t, "RESET_CODE_WRONG")
	h.issue(c, "3141592653")
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			r := p.post("/v1/password/resets", right)
			mu.Lock()
			defer mu.Unlock()
			got[r.Code]++
		})
	}
	wg.Wait()
	if got["OK"] != 1 || got["RESET_CODE_WRONG"] != 19 {
		t.Errorf("got %v", got)
	}
}

// Who forgot the password before the first visit: the clerk's code opens the link,
// and then the reset that uses it up.
func TestLinkByCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c, thief := h.citizen(), h.citizen()
	body := func(code string) m {
		b := with(c.linkBody(), "reset_code", code)
		delete(b, "password")
		return b
	}
	p := h.logIn(c)
	h.lockOut(c, store.PublicLane)
	p.post("/v1/link", body("3141592653")).want(t, "LINK_REFUSED") // none was issued
	h.issue(c, "3141592653")
	for range 2 * store.ResetCodeTries { // a stranger takes no tries
		h.logIn(thief).post("/v1/link", body("3141592653")).want(t, "LINK_REFUSED")
	}
	for i := range store.ResetCodeTries - 1 {
		p.post("/v1/link", body(fmt.Sprintf("000000000%d", i))).want(t, "LINK_REFUSED")
	}
	p.post("/v1/link", with(body("3141592653"), "name", "欧阳别人")).want(t, "LINK_REFUSED")
	p.post("/v1/link", with(body("3141592653"), "password", c.Password)).want(t, "BAD_REQUEST")
	p.post("/v1/link", body("314159265")).want(t, "BAD_REQUEST")
	p.post("/v1/link", body("31415 92653")).want(t, "OK")
	r := p.post("/v1/password/resets", m{"code": "3141592653"}).want(t, "OK")
	p.post("/v1/password/resets/"+r.get(t, "id").(string)+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	p.knows(c, "Copper-Kettle-77")
	p.post("/v1/link/remove", m{"password": "Copper-Kettle-77"}).want(t, "OK")
	h.logIn(c).post("/v1/link", body("3141592653")).want(t, "LINK_REFUSED") // used up
}

// A clerk's code for an account that has ended opens nothing.
func TestLinkByCodeEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withProof(ProofNone))
	c := h.citizen()
	h.issue(c, "3141592653")
	h.exec(`UPDATE accounts SET status = '04'`)
	b := with(c.linkBody(), "reset_code", "3141592653")
	delete(b, "password")
	h.logIn(c).post("/v1/link", b).want(t, "ACCOUNT_CLOSED")
}
