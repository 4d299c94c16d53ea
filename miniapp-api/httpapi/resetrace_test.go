package httpapi_test

import (
	"sync"
	"testing"
	"time"

	"fundpass/store/storetest"
)

// Of a hundred concurrent confirms over two processes one wins.
func TestHundredResets(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	path, _ := p.openReset()
	urls := []string{h.url, h.listen(h.newServer())}
	got, winner := p.race(urls, path+"/confirm", 100)
	if got["OK"] != 1 || got["OK"]+got["RESET_GONE"]+got["BUSY"]+got["ALIPAY_UNAVAILABLE"] != 100 {
		t.Fatalf("got %v", got)
	}
	if n := h.count(`SELECT count(*) FROM outbox WHERE kind = 'password_reset'`) + h.count(`SELECT count(*) FROM events WHERE kind = 'password_reset'`); n != 2 {
		t.Errorf("%d notices and events, want one of each", n)
	}
	p.knows(c, winner)
}

// A confirm sent many times concurrently gets OK every time.
func TestOneResetManyTimes(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	urls := []string{h.url, h.listen(h.newServer())}
	for range 15 {
		p := h.linkedClient(h.citizen())
		path, _ := p.openReset()
		p.sameAnswer(urls, path+"/confirm", "Copper-Kettle-77")
	}
}

// T36: of a reset and a concurrent change or cancel one wins.
func TestResetRaces(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	second := h.listen(h.newServer())
	for i := range 30 {
		c := h.citizen()
		p := h.linkedClient(c)
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

// T38: if any statement of the reset fails, nothing is changed.
func TestHalfDoneReset(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"password_credentials", "password_history", "lockouts", "sessions", "events", "outbox"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			h := newEnvIn(t, storetest.DSN(t))
			c := h.citizen()
			p := h.linkedClient(c)
			other := h.logIn(c)
			path, _ := p.openReset()
			p.get(path).want(t, "OK")
			hasty := p.hasty()
			storetest.NeedPlain(t, "distributed tables have no triggers")
			h.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'made to fail' USING ERRCODE = '53100'; END $$`)
			h.exec(`CREATE TRIGGER fail BEFORE INSERT OR UPDATE OR DELETE ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION fail()`)
			if r := hasty.post(path+"/confirm", twice("Copper-Kettle-77")); r.HTTP < 500 {
				t.Fatalf("got %s", r.Raw)
			}
			h.exec(`DROP TRIGGER fail ON ` + table)
			other.get("/v1/link").want(t, "OK")
			if n := h.count(`SELECT (SELECT count(*) FROM outbox WHERE kind = 'password_reset') + (SELECT count(*) FROM password_history) + (SELECT max(version) - 1 FROM password_credentials)`); n != 0 {
				t.Errorf("%d rows of a failed reset", n)
			}
			p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
		})
	}
}

// Each start is billed and may probe a name: exactly three a day, with concurrent requests,
// too.
func TestResetLimit(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen(withStory("face_pending"))
	p := h.linkedClient(c)
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
	must(t, h.db.Operations().Purge(t.Context()))
	if n := h.count(`SELECT count(*) FROM daily_counts`); n != 0 {
		t.Errorf("%d counts of past days", n)
	}
}
