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

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// cutConnection sends a request and closes the socket after a while. It returns the code
// of a reply that arrived before, or "".
func cutConnection(c *cmdtest.Citizen, r apiclient.Request, after time.Duration) string {
	t := c.Fixture.T
	t.Helper()
	raw, err := json.Marshal(r.Body)
	cmdtest.NoError(t, err)
	req, err := http.NewRequest(r.Method, c.Base+r.Path, bytes.NewReader(raw))
	cmdtest.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.Token)
	if r.Key != "" {
		req.Header.Set("Idempotency-Key", r.Key)
	}
	line, err := net.Dial("tcp", strings.TrimPrefix(c.Base, "http://"))
	cmdtest.NoError(t, err)
	defer line.Close()
	cmdtest.NoError(t, req.Write(line))
	cmdtest.NoError(t, line.SetReadDeadline(time.Now().Add(after)))
	text, _ := io.ReadAll(line) // until the deadline or the end
	_, body, _ := strings.Cut(string(text), "\r\n\r\n")
	var reply struct {
		Code string `json:"code"`
	}
	if json.Unmarshal([]byte(body), &reply) != nil {
		return ""
	}
	return reply.Code
}

// cutDelay returns a random time after which a caller disconnects, as in the report of
// the fault.
func cutDelay() time.Duration { return time.Duration(5+rand.IntN(56)) * time.Millisecond }

// failedAttempts stops the servers and returns the number of charged attempts at a
// citizen's password. The policy locks after five.
func failedAttempts(c *cmdtest.Citizen, servers ...*process) int {
	t := c.Fixture.T
	t.Helper()
	for _, p := range servers {
		cmdtest.NoError(t, p.Stop()) // waits for replies and commits
	}
	var attempts, tier int
	cmdtest.NoError(t, c.Fixture.SQL.QueryRow(`SELECT coalesce(sum(attempts), 0), coalesce(sum(tier), 0) FROM lockouts WHERE person_digest = $1`, c.Digest).Scan(&attempts, &tier))
	return attempts + 5*tier
}

// TestCutOwner disconnects two hundred times during a change with the right password,
// which must charge nothing, and with a wrong one, of which five are verified.
func TestCutOwner(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	server := serveOn(n, n.DSN)
	citizens := n.Linked(2, server.URL)
	owner, attacker := citizens[0], citizens[1]
	codes := map[string]int{}
	for range testenv.Rounds(60, 200) {
		codes[cutConnection(owner, owner.OpenChange(owner.Password), cutDelay())]++
	}
	t.Logf("right password, answers before the cut: %v", codes)
	if codes["PASSWORD_LOCKED"]+codes["OLD_PASSWORD_WRONG"] > 0 {
		t.Errorf("the right password is locked or wrong: %v", codes)
	}
	if a := sendUntilDone(owner, owner.OpenChange(owner.Password)); a.Code != "OK" {
		t.Errorf("after the cuts: %s", a.Raw)
	}
	codes = map[string]int{}
	for range testenv.Rounds(60, 200) {
		codes[cutConnection(attacker, attacker.OpenChange("Wrong-Harbor-1"), cutDelay())]++
	}
	t.Logf("wrong password, answers before the cut: %v", codes)
	attacker.Must("PASSWORD_LOCKED", attacker.OpenChange(attacker.Password))
	checkServer(t, server)
	if right, wrong := failedAttempts(owner, server), failedAttempts(attacker); right != 0 || wrong != 5 {
		t.Errorf("%d attempts of the right password are charged, want none; %d wrong ones, want 5", right, wrong)
	}
}

// TestCutStrangers makes a thousand attempts of twenty Alipay users at one person's
// password over two servers and disconnects at random: five are verified.
func TestCutStrangers(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	servers := []*process{serveOn(n, n.DSN), serveOn(n, n.DSN)}
	victim := n.AddCitizens(1, servers[0].URL)[0]
	var attackers []*cmdtest.Citizen
	for i, c := range n.AddCitizens(20, "") {
		c.Base = servers[i%2].URL
		c.MustLogIn()
		attackers = append(attackers, c)
	}
	var mu sync.Mutex
	codes := map[string]int{}
	runConcurrently(testenv.Rounds(200, 1000), func(i int) apiclient.Answer {
		try := victim.Link()
		try.Body.(apiclient.Fields)["password"] = fmt.Sprintf("Wrong-Harbor-%d", i)
		code := cutConnection(attackers[i%len(attackers)], try, time.Duration(rand.IntN(1000))*time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		codes[code]++
		return apiclient.Answer{}
	})
	t.Logf("answers before the cut: %v", codes)
	try := victim.Link()
	try.Body.(apiclient.Fields)["password"] = "Wrong-Harbor"
	for range 6 { // in case most disconnected before the charge
		sendUntilDone(attackers[0], try)
	}
	if a := sendUntilDone(attackers[0], victim.Link()); a.Code != "LINK_REFUSED" {
		t.Errorf("the right password, locked: %s", a.Raw)
	}
	var links int
	cmdtest.NoError(t, n.SQL.QueryRow(`SELECT count(*) FROM links WHERE person_digest = $1`, victim.Digest).Scan(&links))
	checkServer(t, servers...)
	if wrong := failedAttempts(victim, servers...); wrong != 5 || links != 0 {
		t.Errorf("%d failed attempts were verified, want 5; %d links", wrong, links)
	}
}

// TestEventsLocked opens changes with right and wrong passwords, with and without a key,
// while the table events is locked for seven seconds.
func TestEventsLocked(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	server := serveOn(n, n.DSN)
	type charge struct {
		*cmdtest.Citizen
		name  string
		right bool
		apiclient.Request
		first apiclient.Answer
	}
	var all []*charge
	for i, c := range n.Linked(4, server.URL) {
		s := &charge{Citizen: c, name: "right", right: i%2 == 0, Request: c.OpenChange(c.Password)}
		if !s.right {
			s.name, s.Request = "wrong", c.OpenChange("Wrong-Harbor-1")
		}
		if i >= 2 {
			s.name, s.Request = s.name+" under a key", s.Request.Under("k-1")
		}
		all = append(all, s)
	}
	tx, err := n.SQL.Begin()
	cmdtest.NoError(t, err)
	_, err = tx.Exec(`LOCK TABLE events`)
	cmdtest.NoError(t, err)
	unlocked := time.AfterFunc(7*time.Second, func() { tx.Rollback() })
	defer unlocked.Stop()
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Go(func() { s.first = sendOnce(s.Citizen, s.Request) })
	}
	wg.Wait()
	for _, s := range all {
		t.Logf("%s: %s after %v", s.name, s.first.Code, s.first.Took.Round(10*time.Millisecond))
		if s.first.Code != "BUSY" && (s.right || s.first.Code != "OLD_PASSWORD_WRONG") {
			t.Errorf("%s: %s", s.name, s.first.Raw)
		}
		var charged int // by the first request, unless its reply is BUSY
		cmdtest.NoError(t, n.SQL.QueryRow(`SELECT coalesce(sum(attempts + cardinality(pending)), 0) FROM lockouts WHERE person_digest = $1`, s.Digest).Scan(&charged))
		if counted := s.first.Code == "OLD_PASSWORD_WRONG"; counted != (charged == 1) || charged > 1 {
			t.Errorf("%s: reply %s, and %d attempts are charged", s.name, s.first.Code, charged)
		}
	}
	for _, s := range all {
		a := sendUntilDone(s.Citizen, s.Request)
		t.Logf("%s, again: %s", s.name, a.Code)
		want, left := "OLD_PASSWORD_WRONG", 4
		if s.right {
			want, left = "OK", 5
		} else if s.Key == "" && s.first.Code != "BUSY" {
			left = 3 // another attempt
		}
		var used int
		cmdtest.NoError(t, n.SQL.QueryRow(`SELECT coalesce(sum(attempts), 0) FROM lockouts WHERE person_digest = $1`, s.Digest).Scan(&used))
		if a.Code != want || used != 5-left {
			t.Errorf("%s, again: %d attempts charged, want %d; %s", s.name, used, 5-left, a.Raw)
		}
		if s.Key != "" && a.Code == s.first.Code && string(a.Raw) != string(s.first.Raw) && !s.right {
			t.Errorf("%s: another answer than the first: %s, then %s", s.name, s.first.Raw, a.Raw)
		}
		dbStateOf(s.Citizen)
	}
	checkServer(t, server)
}

// TestKillBetweenChargeAndVerdict kills the server five times after an attempt was
// charged: the owner is not locked, with the same key or without one.
func TestKillBetweenChargeAndVerdict(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	proxy, dsn := newProxy(t, n.DSN)
	server := serveOn(n, dsn)
	c := n.Linked(1, server.URL)[0]
	for i := range 5 {
		proxy.set("INTO lockouts", afterCommit, server.Kill)
		if a, err := c.Do(t.Context(), c.OpenChange(c.Password).Under(fmt.Sprint("k-", i))); err == nil {
			t.Fatalf("killed before the reply, but: %s", a.Raw)
		}
		checkServer(t, server)
		server = serveOn(n, dsn)
		c.Base = server.URL
	}
	ageLeases(n)
	if a := sendUntilDone(c, c.OpenChange(c.Password).Under("k-0")); a.Code != "OK" {
		t.Errorf("the same request again: %s", a.Raw)
	}
	if a := sendUntilDone(c, c.OpenChange(c.Password)); a.Code != "OK" {
		t.Errorf("without a key: %s", a.Raw)
	}
	checkServer(t, server)
	if wrong := failedAttempts(c, server); wrong != 0 {
		t.Errorf("%d attempts are charged", wrong)
	}
}
