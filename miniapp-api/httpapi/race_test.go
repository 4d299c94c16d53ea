package httpapi_test

import (
	"fmt"
	"sync"
	"testing"

	"fundpass/keys/testenv"
	"fundpass/store/storetest"
)

// Of a hundred concurrent confirms over two processes, a thousand in the long tier, one wins,
// and the others get a true answer.
func TestRacingConfirms(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	change := p.openChange(c)
	urls := []string{h.url, h.listen(h.newServer())}
	callers := testenv.Rounds(100, 1000)
	got, winner := p.race(urls, change+"/confirm", callers)
	if got["OK"] != 1 || got["OK"]+got["CHANGE_GONE"]+got["BUSY"] != callers {
		t.Fatalf("got %v", got)
	}
	if n := h.count(`SELECT count(*) FROM outbox WHERE kind = 'password_changed'`) + h.count(`SELECT count(*) FROM events WHERE kind = 'password_changed'`); n != 2 {
		t.Errorf("%d notices and events, want one of each", n)
	}
	p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": winner}).want(t, "OK")
}

// The same confirm sent concurrently over two processes gets the first answer every time, even
// if another run has completed it meanwhile.
func TestOneConfirmManyTimes(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	urls := []string{h.url, h.listen(h.newServer())}
	for round := range 20 {
		change := p.openChange(c)
		c.Password = fmt.Sprintf("Copper-Kettle-%c%c", 'p'+round%10, 'k'+round/10)
		p.sameAnswer(urls, change+"/confirm", c.Password)
	}
}

// race posts a new password per caller, 64 concurrently over all urls. It returns the count of
// each code and the last accepted password.
func (p *client) race(urls []string, path string, callers int) (got map[string]int, winner string) {
	var mu sync.Mutex
	got = map[string]int{}
	atOnce(64, make([]struct{}, callers), func(i int, _ struct{}) {
		twin := *p
		twin.url = urls[i%len(urls)]
		password := fmt.Sprintf("Copper-Kettle-%d", i)
		r := twin.post(path, twice(password))
		mu.Lock()
		defer mu.Unlock()
		got[r.Code]++
		if r.Code == "OK" {
			winner = password
		}
	})
	return got, winner
}

// sameAnswer posts one new password eight times concurrently and expects the same answer each
// time.
func (p *client) sameAnswer(urls []string, path, password string) {
	p.h.t.Helper()
	var answers sync.Map
	atOnce(8, make([]struct{}, 8), func(i int, _ struct{}) {
		twin := *p
		twin.url = urls[i%len(urls)]
		answers.Store(string(twin.post(path, twice(password)).want(p.h.t, "OK").Data), true)
	})
	n := 0
	answers.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		p.h.t.Fatalf("%d different answers", n)
	}
}

// T36: a change concurrent with a cancel, an unlink or another change ends in a state that one
// order of them explains.
func TestChangeRaces(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	second := h.listen(h.newServer())
	for i := range 40 {
		c := h.citizen()
		p := h.linkedClient(c)
		change := p.openChange(c)
		q := *p
		q.url = second
		var confirm, rival reply
		var wg sync.WaitGroup
		wg.Go(func() { confirm = p.post(change+"/confirm", twice("Copper-Kettle-77")) })
		wg.Go(func() {
			switch i % 3 {
			case 0:
				rival = q.post(change+"/cancel", m{})
			case 1:
				rival = q.post("/v1/link/remove", m{"password": c.Password})
			case 2:
				rival = q.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password})
			}
		})
		wg.Wait()
		changed := h.count(`SELECT count(*) FROM password_credentials c JOIN accounts a USING (center_id, account_id)
			WHERE account_no_digest = $1 AND version = 2`, h.accountDigest(c)) == 1
		if changed != (confirm.Code == "OK") {
			t.Fatalf("got %s, but changed is %v", confirm.Code, changed)
		}
		if i%3 == 0 && changed == (rival.Code == "OK") {
			t.Fatalf("confirm %s and cancel %s", confirm.Code, rival.Code)
		}
		if rival.HTTP >= 500 || confirm.HTTP >= 500 {
			t.Fatalf("confirm %s, rival %s", confirm.Raw, rival.Raw)
		}
		if open := h.count(`SELECT count(*) FROM changes WHERE state = 'open' AND person_digest = $1`, h.personDigest(c)); open > 1 {
			t.Fatalf("%d changes open", open)
		}
	}
}

// T38: if any statement of the change fails, nothing is changed.
func TestHalfDoneChange(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"password_credentials", "password_history", "sessions", "events", "outbox", "changes"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			h := newEnvIn(t, storetest.DSN(t))
			c := h.citizen()
			p := h.linkedClient(c)
			other := h.logIn(c)
			change, hasty := p.openChange(c), p.hasty()
			storetest.NeedPlain(t, "distributed tables have no triggers")
			h.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'made to fail' USING ERRCODE = '53100'; END $$`)
			h.exec(`CREATE TRIGGER fail BEFORE INSERT OR UPDATE OR DELETE ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION fail()`)
			r := hasty.post(change+"/confirm", twice("Copper-Kettle-77"))
			if r.HTTP < 500 || r.Code == "OK" {
				t.Fatalf("got %s", r.Raw)
			}
			h.exec(`DROP TRIGGER fail ON ` + table)
			other.get("/v1/link").want(t, "OK")
			if n := h.count(`SELECT (SELECT count(*) FROM outbox WHERE kind = 'password_changed') + (SELECT count(*) FROM password_history) + (SELECT max(version) - 1 FROM password_credentials)`); n != 0 {
				t.Errorf("%d rows of a failed change", n)
			}
			p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "OK") // the same change can still succeed
		})
	}
}

// A second Alipay user of the same person cannot open a change while one is open.
func TestChangeInProgress(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	p.openChange(c)
	h.exec(`UPDATE changes SET identity_digest = '\x00'`) // as if opened on another channel
	p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password}).want(t, "CHANGE_IN_PROGRESS")
	h.exec(`UPDATE changes SET expires_at = now() - interval '1 hour'`)
	p.openChange(c)
}

// A change does not overwrite a password that was changed elsewhere meanwhile.
func TestChangedElsewhere(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	change := p.openChange(c)
	h.exec(`UPDATE password_credentials SET version = version + 1`) // as another channel does
	p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "CHANGE_GONE")
	if got := p.get(change).get(t, "state"); got != "cancelled" {
		t.Errorf("state %v", got)
	}
	p.openChange(c) // the password is unchanged
}

// A freeze by the centre or the owner during a change persists.
func TestFrozenMeanwhile(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	for _, tt := range []struct{ code, freeze, thaw string }{
		{"ACCOUNT_FROZEN", `UPDATE accounts SET status = '06'`, `UPDATE accounts SET status = '01'`},
		{"PASSWORD_FROZEN", `UPDATE password_credentials SET state = 'frozen'`, `UPDATE password_credentials SET state = 'set'`},
		{"ACCOUNT_CLOSED", `UPDATE accounts SET status = '04'`, `UPDATE accounts SET status = '01'`},
	} {
		c := h.citizen()
		p := h.linkedClient(c)
		change := p.openChange(c)
		h.exec(tt.freeze)
		p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, tt.code)
		h.exec(tt.thaw)
		p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	}
}
