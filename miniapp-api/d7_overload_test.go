package miniapp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// stopClock gives who is turned away a time that passes only while they are kept waiting.
// waits are how long that was.
func (h *house) stopClock() (waits *[]time.Duration) {
	now := time.Now()
	waits = new([]time.Duration)
	h.server.turnedAway.now = func() time.Time { return now }
	h.server.turnedAway.pause = func(_ context.Context, d time.Duration) {
		*waits = append(*waits, d)
		now = now.Add(d)
	}
	return waits
}

// A caller who is turned away has been charged nothing, is told when to come back, has no
// line in the log, and is served under the same key when the time has come.
func TestD7ShedCallerIsChargedNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withProof(ProofNone))
	waits := h.stopClock()
	c := h.citizen()
	owner, stranger := h.linkedPhone(c), h.logIn(h.citizen())
	calls := map[string]func() reply{
		"OLD_PASSWORD_WRONG": func() reply { return owner.post(changesPath, h.changeOf(c, "Wrong-River-1"), key("d7")) },
		"LINK_REFUSED": func() reply {
			return stranger.post("/v1/link", withPassword(c.linkBody(), "Wrong-River-1"), key("d7"))
		},
	}
	charged := func() int {
		return h.count(`SELECT coalesce(sum(used + cardinality(pending)), 0) FROM guess_budgets WHERE person_digest = $1`, h.personDigest(c))
	}
	free := h.fillHasher()
	for name, call := range calls {
		r := call().want(t, "BUSY")
		if r.Retry < 1 || r.Header.Get("Retry-After") != strconv.Itoa(r.Retry) {
			t.Errorf("%s: come back after %d, in the header %s", name, r.Retry, r.Header.Get("Retry-After"))
		}
		if strings.Contains(h.logs.String(), r.RequestID) {
			t.Errorf("%s: has a line in the log", name)
		}
	}
	if n := charged(); n != 0 || len(*waits) != 0 {
		t.Errorf("%d guesses charged, kept waiting for %v", n, *waits)
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
		t.Errorf("%d guesses charged, kept waiting for %v", n, *waits)
	}
}

// Who comes before the time is kept waiting until then, and where that is long is told
// again. Others, and other requests, are not.
func TestD7EarlyCallerIsKeptWaiting(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	waits := h.stopClock()
	c, d := h.citizen(), h.citizen()
	p, q := h.linkedPhone(c), h.linkedPhone(d)
	open := func() reply { return p.post(changesPath, h.changeOf(c, c.Password)) }
	free := h.fillHasher()
	open().want(t, "BUSY")
	free()
	q.openChange(d)
	p.get("/v1/password").want(t, "OK")
	p.post("/v1/link/remove", m{"password": ""}).want(t, "BAD_REQUEST")
	if len(*waits) != 0 {
		t.Fatalf("others are kept waiting for %v", *waits)
	}
	h.server.turnedAway.held = mostTurnedAway
	open().want(t, "BUSY") // at once, where as many as may wait
	h.server.turnedAway.held = 0
	open().want(t, "OK")
	if len(*waits) != 1 || (*waits)[0] != time.Second {
		t.Errorf("kept waiting for %v", *waits)
	}
	for key := range h.server.turnedAway.until {
		t.Errorf("%q is remembered", key)
	}
	token := digestOfToken(p.token)
	h.server.turnedAway.note(string(token)+changesPath, 9*time.Second)
	if r := open().want(t, "BUSY"); r.Retry < 5 || r.Retry > 6 {
		t.Errorf("9 s too early: %s", r.Raw)
	}
	open().want(t, "BUSY")
	open().want(t, "OK")
	if got := fmt.Sprint(*waits); got != "[1s 4s 4s 1s]" {
		t.Errorf("kept waiting for %s", got)
	}
}

// Strangers cannot fill the memory with callers who are turned away.
func TestD7TurnedAwayAreBounded(t *testing.T) {
	t.Parallel()
	a, now := newTurnedAway(), time.Now()
	a.now = func() time.Time { return now }
	for i := range 2 * mostTurnedAway {
		a.note(fmt.Sprint(i), time.Second)
	}
	if len(a.until) != mostTurnedAway {
		t.Errorf("%d are remembered", len(a.until))
	}
	now = now.Add(time.Second)
	a.note("the next", time.Second)
	if len(a.until) != 1 {
		t.Errorf("%d are remembered of whom one still has to wait", len(a.until))
	}
}

// T8: who has to wait, and for what, follows from the visitor's session alone.
func TestD7PlaceFollowsFromTheSession(t *testing.T) {
	t.Parallel()
	v := visit{Session: store.Session{IdentityDigest: []byte("somebody")}}
	if got := hashesFor(v); got != (passwd.Caller{Identity: "somebody", Stranger: true}) {
		t.Errorf("without a link: %v", got)
	}
	if v.Link = new(store.Link); hashesFor(v) != (passwd.Caller{Identity: "somebody"}) {
		t.Error("with a link they are a stranger")
	}
}

// A confirm that has several passwords to look at holds one place, and leaves it before
// the database is asked.
func TestD7OnePlaceARequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hasher := passwd.NewHasher(passwd.HasherConfig{Pepper: h.pepper, Memory: 64, Time: 1, Slots: 1, Wait: time.Nanosecond})
	t.Cleanup(hasher.Close)
	h.server.hasher = hasher
	first := h.server.hashing(visit{})
	defer first.end()
	hash, err := h.server.hashing(visit{}).last(t.Context(), passwd.NewSecret("Copper-Kettle-58"))
	must(t, err)
	for range 3 {
		right, err := first.verify(t.Context(), hash, passwd.NewSecret("Copper-Kettle-58"))
		if must(t, err); !right {
			t.Error("not verified")
		}
	}
	if hasher.Dummy(t.Context(), passwd.NewSecret("x")) == nil {
		t.Error("there is another place")
	}
	_, err = first.last(t.Context(), passwd.NewSecret("Copper-Kettle-58"))
	must(t, err)
	must(t, hasher.Dummy(t.Context(), passwd.NewSecret("x")))
}

// What is prebuilt reads as every other answer.
func TestD7PrebuiltBusy(t *testing.T) {
	t.Parallel()
	id, e := uuid.NewString(), ErrBusy
	want, err := json.Marshal(problem{Type: problemType + e.Code, Title: e.Title, Status: e.Status, Code: e.Code,
		Message: e.Message, RetryAfter: 7, RequestID: id})
	must(t, err)
	if got := busyBody(7, id); string(got) != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
