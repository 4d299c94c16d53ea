package httpapi_test

import (
	"sync"
	"testing"
	"time"
)

func key(k string) header { return header{"Idempotency-Key", k} }

// T37: the same key and body get the first answer, with fifty concurrent requests over two
// processes, too. Another body or user does not.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c, d := h.citizen(), h.citizen()
	p, q := h.linkedClient(c), h.linkedClient(d)
	change := p.openChange(c)
	urls := []string{h.url, h.listen(h.newServer())}
	var mu sync.Mutex
	answers := map[string]int{}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			twin := *p
			twin.url = urls[i%2]
			r := twin.post(change+"/confirm", twice("Copper-Kettle-77"), key("k1")).want(t, "OK")
			mu.Lock()
			defer mu.Unlock()
			answers[r.Raw]++
		})
	}
	wg.Wait()
	if len(answers) != 1 {
		t.Errorf("%d different answers: %v", len(answers), answers)
	}
	if got := h.count(`SELECT version FROM password_credentials c JOIN accounts a USING (center_id, account_id) WHERE account_no_digest = $1`, h.accountDigest(c)); got != 2 {
		t.Errorf("credential version %d, want 2", got)
	}
	p.post(change+"/confirm", twice("Another-Road-12"), key("k1")).want(t, "IDEMPOTENCY_KEY_REUSED")
	p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": "x"}, key("k1")).want(t, "IDEMPOTENCY_KEY_REUSED")
	q.openChange(d)
	q.post("/v1/password/changes", m{"id_number": d.IDNumber, "old_password": d.Password}, key("k1")).want(t, "OK") // another user's key
}

// A failed attempt that is repeated under one key counts once.
func TestRepeatedAttemptIsOneAttempt(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	for range 4 {
		r := p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": "wrong"}, key("g1")).want(t, "OLD_PASSWORD_WRONG")
		if *r.Remaining != 4 {
			t.Fatalf("%d left, want 4", *r.Remaining)
		}
	}
	p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": "wrong"}, key("g2")).want(t, "OLD_PASSWORD_WRONG")
}

// A repeated sign-in after a lost answer returns the same session.
func TestSessionAnswerIsKept(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	code, err := h.sim.AuthCode(c.Person.Person)
	must(t, err)
	first := h.client().post("/v1/sessions", m{"auth_code": code}, key("s1")).want(t, "OK")
	second := h.client().post("/v1/sessions", m{"auth_code": code}, key("s1")).want(t, "OK")
	if first.Raw != second.Raw {
		t.Error("another session")
	}
	h.client().post("/v1/sessions", m{"auth_code": code}, key("s2")).want(t, "AUTH_CODE_INVALID")
	h.clock.Advance(25 * time.Hour)
	must(t, h.db.Operations().Purge(t.Context()))
	if n := h.count(`SELECT (SELECT count(*) FROM idempotency_records) + (SELECT count(*) FROM sessions)`); n != 0 {
		t.Errorf("%d rows outlived their time", n)
	}
}

// A run that died is taken over; a running one is awaited.
func TestDeadRunIsTakenOver(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	body := m{"id_number": c.IDNumber, "old_password": c.Password}
	p.post("/v1/password/changes", body, key("d1")).want(t, "OK")
	h.exec(`UPDATE idempotency_records SET status = NULL, sealed_reply = NULL`) // as if the process had died before it completed the record
	p.hasty().post("/v1/password/changes", body, key("d1")).want(t, "BUSY")
	h.clock.Advance(11 * time.Second)
	p.post("/v1/password/changes", body, key("d1")).want(t, "OK")
}

// A repeated link or unlink after a lost answer succeeds under its key.
func TestLostAnswerOfLink(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.logIn(c)
	lost := func() { // as after kill -9 between commit and answer
		h.exec(`UPDATE idempotency_records SET status = NULL, sealed_reply = NULL, lease_until = now() - interval '1 second'`)
	}
	for range 2 {
		p.post("/v1/link", c.linkBody(), key("l1")).want(t, "OK")
		lost()
	}
	p.post("/v1/link", c.linkBody(), key("l2")).want(t, "ALREADY_LINKED")
	for range 2 {
		p.post("/v1/link/remove", m{"password": c.Password}, key("l3")).want(t, "OK")
		lost()
	}
	p.post("/v1/link/remove", m{"password": c.Password}, key("l4")).want(t, "NOT_LINKED")
	if n := h.count(`SELECT count(*) FROM events`); n != 2 {
		t.Errorf("%d events, want one link and one unlink", n)
	}
}

// Without a session nobody can use up a key that another user may choose.
func TestSameKeyOfTwoStrangers(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	for range 2 {
		code, err := h.sim.AuthCode(h.citizen().Person.Person)
		must(t, err)
		h.client().post("/v1/sessions", m{"auth_code": code}, key("1")).want(t, "OK")
	}
}
