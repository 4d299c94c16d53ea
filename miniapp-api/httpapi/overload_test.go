package httpapi_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"fundpass/miniapp-api/selfservice"
)

// stopClock replaces the clock of turnedAway by one that advances only during delays. waits
// records the delays.
func (h *env) stopClock() (waits *[]time.Duration) {
	now := time.Now()
	waits = new([]time.Duration)
	h.server.SetTurnAway(func() time.Time { return now }, func(_ context.Context, d time.Duration) {
		*waits = append(*waits, d)
		now = now.Add(d)
	})
	return waits
}

// A refused caller is charged nothing, gets retry_after, is not logged, and is served under the
// same key after that time.
func TestShedCallerIsChargedNothing(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	h.crowd(withProof(selfservice.ProofNone))
	waits := h.stopClock()
	c := h.citizen()
	owner, stranger := h.linkedClient(c), h.logIn(h.citizen())
	calls := map[string]func() reply{
		"OLD_PASSWORD_WRONG": func() reply { return owner.post(changesPath, h.changeOf(c, "Wrong-River-1"), key("d7")) },
		"LINK_REFUSED": func() reply {
			return stranger.post("/v1/link", withPassword(c.linkBody(), "Wrong-River-1"), key("d7"))
		},
	}
	charged := func() int {
		return h.count(`SELECT coalesce(sum(attempts + cardinality(pending)), 0) FROM lockouts WHERE person_digest = $1`, h.personDigest(c))
	}
	free := h.fillHasher()
	for name, call := range calls {
		r := call().want(t, "BUSY")
		if r.Retry < 1 || r.Header.Get("Retry-After") != strconv.Itoa(r.Retry) {
			t.Errorf("%s: come back after %d, in the header %s", name, r.Retry, r.Header.Get("Retry-After"))
		}
		if strings.Contains(h.logs.String(), r.RequestID) {
			t.Errorf("%s: is logged", name)
		}
	}
	if n := charged(); n != 0 || len(*waits) != 0 {
		t.Errorf("%d attempts charged, delayed for %v", n, *waits)
	}
	scraped := httptest.NewRecorder()
	h.server.OpsHandler().ServeHTTP(scraped, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(scraped.Body.String(), "\nfundpass_hash_shed_total 2\n") {
		t.Error("they are not counted")
	}
	free()
	for name, call := range calls {
		call().want(t, name)
	}
	if n := charged(); n != 2 || len(*waits) == 0 {
		t.Errorf("%d attempts charged, delayed for %v", n, *waits)
	}
}

// An early caller is delayed until their time, or refused again if that is too long. Other
// callers and requests are not.
func TestEarlyCallerIsKeptWaiting(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	h.crowd()
	waits := h.stopClock()
	c, d := h.citizen(), h.citizen()
	p, q := h.linkedClient(c), h.linkedClient(d)
	open := func() reply { return p.post(changesPath, h.changeOf(c, c.Password)) }
	free := h.fillHasher()
	open().want(t, "BUSY")
	free()
	q.openChange(d)
	p.get("/v1/password").want(t, "OK")
	p.post("/v1/link/remove", m{"password": ""}).want(t, "BAD_REQUEST")
	if len(*waits) != 0 {
		t.Fatalf("others are delayed for %v", *waits)
	}
	stop := h.server.HoldMost()
	open().want(t, "BUSY") // immediately if the maximum of requests is delayed
	stop()
	open().want(t, "OK")
	if len(*waits) != 1 || (*waits)[0] != time.Second {
		t.Errorf("delayed for %v", *waits)
	}
	if n := h.server.TurnedAway(); n != 0 {
		t.Errorf("%d callers are remembered", n)
	}
	h.server.TurnAway(p.token, changesPath, 9*time.Second)
	if r := open().want(t, "BUSY"); r.Retry < 5 || r.Retry > 6 {
		t.Errorf("9 s too early: %s", r.Raw)
	}
	open().want(t, "BUSY")
	open().want(t, "OK")
	if got := fmt.Sprint(*waits); got != "[1s 4s 4s 1s]" {
		t.Errorf("delayed for %s", got)
	}
}
