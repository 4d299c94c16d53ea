package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/keys/testenv"
)

// cut sends a request and closes the socket after a while. It returns the code of an
// answer that came before, or "".
func (c *citizen) cut(r request, after time.Duration) string {
	t := c.fixture.t
	t.Helper()
	raw, err := json.Marshal(r.body)
	noError(t, err)
	req, err := http.NewRequest(r.method, c.base+r.path, bytes.NewReader(raw))
	noError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.token)
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	line, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
	noError(t, err)
	defer line.Close()
	noError(t, req.Write(line))
	noError(t, line.SetReadDeadline(time.Now().Add(after)))
	text, _ := io.ReadAll(line) // until the time is up, or there is no more
	_, body, _ := strings.Cut(string(text), "\r\n\r\n")
	var told struct {
		Code string `json:"code"`
	}
	if json.Unmarshal([]byte(body), &told) != nil {
		return ""
	}
	return told.Code
}

// hangUp is when a caller hangs up, as in the report of the fault.
func hangUp() time.Duration { return time.Duration(5+rand.IntN(56)) * time.Millisecond }

// failedAttempts returns those at a citizen's password that were looked at, once the server is
// idle. The policy locks after five.
func (c *citizen) failedAttempts(servers ...*process) int {
	t := c.fixture.t
	t.Helper()
	for _, p := range servers {
		noError(t, p.Stop()) // answers, and commits, are waited for
	}
	var attempts, tier int
	noError(t, c.fixture.sql.QueryRow(`SELECT coalesce(sum(attempts), 0), coalesce(sum(tier), 0) FROM lockouts WHERE person_digest = $1`, c.digest).Scan(&attempts, &tier))
	return attempts + 5*tier
}

// TestCutOwner hangs up on an owner's right password two hundred times: nothing is
// locked. Of wrong ones under the same cuts five are looked at.
func TestCutOwner(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	crowd := n.linked(2, server.URL)
	owner, thief := crowd[0], crowd[1]
	codes := map[string]int{}
	for range testenv.Rounds(60, 200) {
		codes[owner.cut(owner.openChange(owner.Password), hangUp())]++
	}
	t.Logf("right password, answers before the cut: %v", codes)
	if codes["PASSWORD_LOCKED"]+codes["OLD_PASSWORD_WRONG"] > 0 {
		t.Errorf("the right password is locked or wrong: %v", codes)
	}
	if a := owner.persist(owner.openChange(owner.Password)); a.Code != "OK" {
		t.Errorf("after the cuts: %s", a.raw)
	}
	codes = map[string]int{}
	for range testenv.Rounds(60, 200) {
		codes[thief.cut(thief.openChange("Wrong-Harbor-1"), hangUp())]++
	}
	t.Logf("wrong password, answers before the cut: %v", codes)
	thief.must("PASSWORD_LOCKED", thief.openChange(thief.Password))
	checkServer(t, server)
	if right, wrong := owner.failedAttempts(server), thief.failedAttempts(); right != 0 || wrong != 5 {
		t.Errorf("%d attempts of the right password are charged, want none; %d wrong ones, want 5", right, wrong)
	}
}

// TestCutStrangers has twenty Alipay users make a thousand attempts at one stranger's
// password, over two servers, and hang up at random: five are looked at.
func TestCutStrangers(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	servers := []*process{n.serve(n.dsn), n.serve(n.dsn)}
	victim := n.addCitizens(1, servers[0].URL)[0]
	var thieves []*citizen
	for i, c := range n.addCitizens(20, "") {
		c.base = servers[i%2].URL
		c.mustLogIn()
		thieves = append(thieves, c)
	}
	var mu sync.Mutex
	codes := map[string]int{}
	rush(testenv.Rounds(200, 1000), func(i int) answer {
		try := victim.link()
		try.body.(fields)["password"] = fmt.Sprintf("Wrong-Harbor-%d", i)
		code := thieves[i%len(thieves)].cut(try, time.Duration(rand.IntN(1000))*time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		codes[code]++
		return answer{}
	})
	t.Logf("answers before the cut: %v", codes)
	try := victim.link()
	try.body.(fields)["password"] = "Wrong-Harbor"
	for range 6 { // where most hung up before they were charged
		thieves[0].persist(try)
	}
	if a := thieves[0].persist(victim.link()); a.Code != "LINK_REFUSED" {
		t.Errorf("the right password, locked: %s", a.raw)
	}
	var links int
	noError(t, n.sql.QueryRow(`SELECT count(*) FROM links WHERE person_digest = $1`, victim.digest).Scan(&links))
	checkServer(t, servers...)
	if wrong := victim.failedAttempts(servers...); wrong != 5 || links != 0 {
		t.Errorf("%d failed attempts were looked at, want 5; %d links", wrong, links)
	}
}

// TestEventsLocked opens changes with a right and a wrong password, with and without a
// key, while nothing can be written to events for seven seconds.
func TestEventsLocked(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	type story struct {
		*citizen
		name  string
		right bool
		request
		first answer
	}
	var all []*story
	for i, c := range n.linked(4, server.URL) {
		s := &story{citizen: c, name: "right", right: i%2 == 0, request: c.openChange(c.Password)}
		if !s.right {
			s.name, s.request = "wrong", c.openChange("Wrong-Harbor-1")
		}
		if i >= 2 {
			s.name, s.request = s.name+" under a key", s.request.under("k-1")
		}
		all = append(all, s)
	}
	tx, err := n.sql.Begin()
	noError(t, err)
	_, err = tx.Exec(`LOCK TABLE events`)
	noError(t, err)
	unlocked := time.AfterFunc(7*time.Second, func() { tx.Rollback() })
	defer unlocked.Stop()
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Go(func() { s.first = s.ask(s.request) })
	}
	wg.Wait()
	for _, s := range all {
		t.Logf("%s: %s after %v", s.name, s.first.Code, s.first.took.Round(10*time.Millisecond))
		if s.first.Code != "BUSY" && (s.right || s.first.Code != "OLD_PASSWORD_WRONG") {
			t.Errorf("%s: %s", s.name, s.first.raw)
		}
		var charged int // what BUSY says was not done, and the other answer was
		noError(t, n.sql.QueryRow(`SELECT coalesce(sum(attempts + cardinality(pending)), 0) FROM lockouts WHERE person_digest = $1`, s.digest).Scan(&charged))
		if said := s.first.Code == "OLD_PASSWORD_WRONG"; said != (charged == 1) || charged > 1 {
			t.Errorf("%s: told %s, and %d attempts are charged", s.name, s.first.Code, charged)
		}
	}
	for _, s := range all {
		a := s.persist(s.request)
		t.Logf("%s, again: %s", s.name, a.Code)
		want, left := "OLD_PASSWORD_WRONG", 4
		if s.right {
			want, left = "OK", 5
		} else if s.key == "" && s.first.Code != "BUSY" {
			left = 3 // another attempt
		}
		var used int
		noError(t, n.sql.QueryRow(`SELECT coalesce(sum(attempts), 0) FROM lockouts WHERE person_digest = $1`, s.digest).Scan(&used))
		if a.Code != want || used != 5-left {
			t.Errorf("%s, again: %d attempts charged, want %d; %s", s.name, used, 5-left, a.raw)
		}
		if s.key != "" && a.Code == s.first.Code && string(a.raw) != string(s.first.raw) && !s.right {
			t.Errorf("%s: another answer than the first: %s, then %s", s.name, s.first.raw, a.raw)
		}
		s.truth()
	}
	checkServer(t, server)
}

// TestKillBetweenChargeAndVerdict kills the server five times when an attempt has just been
// charged: the owner is not locked, neither under the same key nor later under none.
func TestKillBetweenChargeAndVerdict(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	tap, dsn := newTap(t, n.dsn)
	server := n.serve(dsn)
	c := n.linked(1, server.URL)[0]
	for i := range 5 {
		tap.set("INTO lockouts", afterCommit, server.Kill)
		if a, err := c.do(t.Context(), c.openChange(c.Password).under(fmt.Sprint("k-", i))); err == nil {
			t.Fatalf("killed before it answered, but: %s", a.raw)
		}
		checkServer(t, server)
		server = n.serve(dsn)
		c.base = server.URL
	}
	n.ageLeases()
	if a := c.persist(c.openChange(c.Password).under("k-0")); a.Code != "OK" {
		t.Errorf("the same request again: %s", a.raw)
	}
	if a := c.persist(c.openChange(c.Password)); a.Code != "OK" {
		t.Errorf("without a key: %s", a.raw)
	}
	checkServer(t, server)
	if wrong := c.failedAttempts(server); wrong != 0 {
		t.Errorf("%d attempts are charged", wrong)
	}
}
