package httpapi_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"testing"
	"time"

	"fundpass/keys"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

const changesPath = "/v1/password/changes"

// cut sends a POST and disconnects after a while, with or without an answer.
func (p *client) cut(path string, body any, after time.Duration) {
	p.h.t.Helper()
	raw, err := json.Marshal(body)
	must(p.h.t, err)
	ctx, stop := context.WithTimeout(p.h.t.Context(), after)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, "POST", p.url+path, bytes.NewReader(raw))
	must(p.h.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+p.token)
	if rsp, err := http.DefaultClient.Do(req); err == nil {
		rsp.Body.Close()
	}
}

// settled waits until no attempt at the citizen's password is pending, and returns the number
// of failed ones.
func (h *env) settled(c citizen) int {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); h.count(`SELECT coalesce(sum(cardinality(pending)), 0) FROM lockouts WHERE person_digest = $1`, h.personDigest(c)) > 0; {
		if time.Now().After(end) {
			h.t.Fatal("an attempt has no verdict")
		}
	}
	return h.count(`SELECT coalesce(sum(attempts + 5 * tier), 0) FROM lockouts WHERE person_digest = $1`, h.personDigest(c))
}

func (h *env) changeOf(c citizen, old string) m {
	return m{"id_number": c.IDNumber, "old_password": old}
}

// A client that disconnects during the check is charged nothing for a right password and one
// attempt for a wrong one.
func TestCutConnectionCostsNoAttempt(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	slow := h.newServer(fullHasher(h)) // keeps attempts pending for a while
	h.server, h.db, h.url = slow, slow.DB, h.listen(slow)
	c := h.citizen()
	p := h.linkedClient(c)
	moment := func() time.Duration { return time.Duration(2+mathrand.IntN(40)) * time.Millisecond }
	for range 40 {
		p.cut(changesPath, h.changeOf(c, c.Password), moment())
	}
	if n := h.settled(c); n != 0 {
		t.Errorf("the right password has cost %d attempts", n)
	}
	p.openChange(c)
	for range 20 {
		p.cut(changesPath, h.changeOf(c, "Wrong-River-1"), moment())
	}
	if n := h.settled(c); n > 5 {
		t.Errorf("%d failed attempts were checked, want 5 at most", n)
	}
	for range 5 {
		p.post(changesPath, h.changeOf(c, "Wrong-River-1"))
	}
	p.post(changesPath, h.changeOf(c, c.Password)).want(t, "PASSWORD_LOCKED")
	if n := h.settled(c); n != 5 {
		t.Errorf("%d failed attempts were checked, want 5", n)
	}
}

// Of many concurrent strangers who disconnect at random, five passwords are checked.
func TestCutStrangersKeepTheLimit(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone))
	victim, attacker := h.citizen(), h.logIn(h.citizen())
	atOnce(50, make([]struct{}, 150), func(i int, _ struct{}) {
		attacker.cut("/v1/link", withPassword(victim.linkBody(), fmt.Sprint("Wrong-Harbor-", i)), time.Duration(mathrand.IntN(100))*time.Millisecond)
	})
	if n := h.settled(victim); n > 5 {
		t.Errorf("%d failed attempts were checked, want 5 at most", n)
	}
	for range 6 {
		attacker.post("/v1/link", withPassword(victim.linkBody(), "Wrong-Harbor")).want(t, "LINK_REFUSED")
	}
	if n := h.settled(victim); n != 5 {
		t.Errorf("%d failed attempts were checked, want 5", n)
	}
	attacker.post("/v1/link", victim.linkBody()).want(t, "LINK_REFUSED")
}

// deadRun creates the state that a process leaves if it dies between the charge and the verdict
// of an attempt.
func (p *client) deadRun(c citizen, path, key string, body any) {
	p.h.t.Helper()
	ctx, db := p.h.t.Context(), p.h.db
	raw, err := json.Marshal(body)
	must(p.h.t, err)
	token := sha256.Sum256([]byte(p.token))
	s, err := db.Session(ctx, token[:])
	must(p.h.t, err)
	r := &store.IdempotencyRecord{Scope: s.IdentityDigest, KeyDigest: db.Digest("idempotency key", []byte(key)), RequestDigest: db.RequestDigests(path, raw)[0]}
	_, err = db.IdempotencyRecords().Begin(ctx, r)
	must(p.h.t, err)
	a, err := db.ReserveAttempt(ctx, store.AttemptRequest{PersonDigest: s.Link.PersonDigest, Scope: store.OwnerScope, AccountID: s.Link.AccountID,
		Policy: p.h.lockoutPolicy(), Record: r})
	must(p.h.t, err)
	if !a.Admitted {
		p.h.t.Fatal("not admitted")
	}
}

// A repeat under the same key takes over the attempt of a run that died. It charges none if
// that attempt was counted and only the answer was lost.
func TestRepeatChargesOnce(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	under := header{"Idempotency-Key", "k-1"}
	wrong := h.changeOf(c, "Wrong-River-1")
	for range 4 { // the run dies during the last attempt of the tier
		p.post(changesPath, wrong).want(t, "OLD_PASSWORD_WRONG")
	}
	right := h.changeOf(c, c.Password)
	p.deadRun(c, changesPath, "k-1", right)
	p.post(changesPath, right).want(t, "BUSY") // without a key no attempt is left, but there is no lock
	h.clock.Advance(7 * time.Second)           // the lease of the dead run has ended, that of its attempt has not
	p.post(changesPath, right, under).want(t, "OK")
	if n := h.settled(c); n != 0 {
		t.Errorf("%d attempts are charged", n)
	}

	under = header{"Idempotency-Key", "k-2"}
	p.deadRun(c, changesPath, "k-2", wrong)
	h.clock.Advance(7 * time.Second)
	if r := p.post(changesPath, wrong, under).want(t, "OLD_PASSWORD_WRONG"); *r.Remaining != 4 {
		t.Errorf("%d left, want 4", *r.Remaining)
	}
	h.exec(`UPDATE idempotency_records SET status = NULL, sealed_reply = NULL`) // the answer was lost
	h.clock.Advance(7 * time.Second)
	if r := p.post(changesPath, wrong, under).want(t, "OLD_PASSWORD_WRONG"); *r.Remaining != 4 {
		t.Errorf("%d left after a repeat, want 4", *r.Remaining)
	}
	if n := h.settled(c); n != 1 {
		t.Errorf("%d attempts are charged, want 1", n)
	}
}

// Attempts of a process that died lock no account: the owner is refused with BUSY, and soon has
// the attempts again.
func TestDeadAttemptsLockNobody(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	for i := range 5 {
		p.deadRun(c, changesPath, fmt.Sprint("k-", i), m{"n": i})
	}
	if r := p.post(changesPath, h.changeOf(c, c.Password)).want(t, "BUSY"); r.Retry < 1 {
		t.Errorf("retry after %d s", r.Retry)
	}
	p.get("/v1/password").want(t, "OK")
	h.clock.Advance(store.AttemptLease)
	p.openChange(c)
}

// An error of Alipay that indicates a wrong configuration costs no start.
func TestConfigurationErrorCostsNoStart(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	p := h.linkedClient(h.citizen())
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	keyring, err := keys.NewAlipayKeyring(h.appID, other, []keys.AlipayKey{{Public: h.sim.AlipayKey(), Source: "sim"}})
	must(t, err)
	must(t, h.server.Alipay.Replace(keyring))
	for range resetsADay + 1 {
		p.post("/v1/password/resets", m{}).want(t, "RESET_UNAVAILABLE")
	}
	must(t, h.server.Alipay.Replace(h.keyring()))
	for range resetsADay {
		p.openReset()
	}
	p.post("/v1/password/resets", m{}).want(t, "RESET_LIMIT")
}

// A form whose ticket was spent by a run that returned BUSY can be sent again under its key.
func TestBusyKeepsTheTicket(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransport(t))
	c := h.citizen()
	p := h.linkedClient(c)
	for i := range 5 {
		p.deadRun(c, changesPath, fmt.Sprint("k-", i), m{"n": i})
	}
	form := m{"id_number": c.IDNumber, "encrypted": p.ticket().seal(t, m{"o": c.Password})}
	p.post(changesPath, form, header{"Idempotency-Key", "k"}).want(t, "BUSY")
	h.clock.Advance(store.AttemptLease)
	p.post(changesPath, form, header{"Idempotency-Key", "k"}).want(t, "OK")
}
