package e2e

import (
	"fmt"
	"sync"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/keys/testenv"
)

// A stampede is what became of many requests at once.
type stampede struct {
	mu      sync.Mutex
	codes   map[string]int
	winners map[int]apiclient.Answer // the OKs
}

const atOnce = 200 // connections

// rush asks n times, as far as that many connections are one moment.
func rush(n int, ask func(i int) apiclient.Answer) *stampede {
	s := &stampede{codes: map[string]int{}, winners: map[int]apiclient.Answer{}}
	gate := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i := range n {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			a := ask(i)
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.codes[a.Code]++; a.Code == "OK" {
				s.winners[i] = a
			}
		})
	}
	wg.Wait()
	return s
}

// TestRaceAttempts has twenty Alipay users make a hundred attempts at one
// stranger's password, over two servers: five are looked at.
func TestRaceAttempts(t *testing.T) {
	t.Parallel()
	tries := testenv.Rounds(100, 1000)
	n := newFixture(t)
	servers := []*process{n.serve(n.dsn), n.serve(n.dsn)}
	victim := n.addCitizens(1, servers[0].URL)[0]
	var thieves []*citizen
	for i, c := range n.addCitizens(20, "") {
		c.Base = servers[i%2].URL
		c.mustLogIn()
		thieves = append(thieves, c)
	}
	s := rush(tries, func(i int) apiclient.Answer {
		try := victim.link()
		try.Body.(apiclient.Fields)["password"] = fmt.Sprintf("Wrong-Harbor-%d", i)
		return thieves[i%len(thieves)].ask(try)
	})
	t.Logf("answers: %v", s.codes)
	if s.codes["LINK_REFUSED"]+s.codes["BUSY"] != tries || s.codes["LINK_REFUSED"] < 5 {
		t.Errorf("a stranger learns something: %v", s.codes)
	}
	var attempts, tier, refused int
	noError(t, n.sql.QueryRow(`SELECT attempts, tier, refused FROM lockouts WHERE person_digest = $1`, victim.digest).
		Scan(&attempts, &tier, &refused))
	if attempts != 0 || tier != 1 || refused != s.codes["LINK_REFUSED"]-5 {
		t.Errorf("attempts %d, tier %d, refused %d of %d: not five looked at", attempts, tier, refused, s.codes["LINK_REFUSED"])
	}
	for _, p := range servers { // the right password, while it is locked
		thieves[0].twin(p.URL).must("LINK_REFUSED", victim.link())
	}
	_, err := n.sql.Exec(`UPDATE lockouts SET locked_until = locked_until - interval '15 minutes 1 second'`)
	noError(t, err)
	victim.mustLogIn()
	victim.must("OK", victim.link())
	checkServer(t, servers...)
}

// TestRaceConfirms sends a hundred different new passwords for one change to
// two servers: one wins, and the others are told so.
func TestRaceConfirms(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	servers := []*process{n.serve(n.dsn), n.serve(n.dsn)}
	c := n.linked(1, servers[0].URL)[0]
	change := changeAt(c.must("OK", c.openChange(c.Password)))
	twins := []*citizen{c, c.twin(servers[1].URL)}
	passwords := make([]string, testenv.Rounds(100, 1000))
	for i := range passwords {
		passwords[i] = c.newPassword()
	}
	s := rush(len(passwords), func(i int) apiclient.Answer { return twins[i%2].ask(confirmTo(change, passwords[i])) })
	t.Logf("answers: %v", s.codes)
	if s.codes["OK"] != 1 || s.codes["OK"]+s.codes["CHANGE_GONE"]+s.codes["BUSY"]+s.codes["TOO_MANY_REQUESTS"] != len(passwords) {
		t.Fatalf("answers: %v", s.codes)
	}
	if got := c.truth(); got.Version != 2 {
		t.Errorf("%+v", got)
	}
	for _, twin := range twins {
		twin.must("OLD_PASSWORD_WRONG", c.openChange(c.Password))
		for i := range s.winners {
			twin.must("OK", c.openChange(passwords[i]))
		}
	}
	checkServer(t, servers...)
}

// TestRaceAuthCode shows one auth code a hundred times to two servers: Alipay
// sees it once, and one session is opened.
func TestRaceAuthCode(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	servers := []*process{n.serve(n.dsn), n.serve(n.dsn)}
	c := n.addCitizens(1, servers[0].URL)[0]
	exchange := postTo("/v1/sessions", apiclient.Fields{"auth_code": c.code()})
	before := n.sim.Calls("alipay.system.oauth.token")
	twins := []*citizen{c, c.twin(servers[1].URL)}
	s := rush(100, func(i int) apiclient.Answer { return twins[i%2].ask(exchange) })
	if ok, busy := s.codes["OK"], s.codes["BUSY"]; ok+busy+s.codes["AUTH_CODE_INVALID"] != 100 || ok != 1 && busy == 0 {
		t.Errorf("answers: %v", s.codes)
	}
	if calls := n.sim.Calls("alipay.system.oauth.token") - before; calls != 1 {
		t.Errorf("Alipay saw it %d times", calls)
	}
	var sessions int
	noError(t, n.sql.QueryRow(`SELECT count(*) FROM sessions`).Scan(&sessions))
	if sessions != s.codes["OK"] {
		t.Errorf("%d sessions", sessions)
	}
	for _, twin := range twins { // the session is good at both
		for _, a := range s.winners {
			twin.Token = a.Text("token")
			twin.must("NOT_LINKED", getFrom("/v1/link"))
		}
	}
	checkServer(t, servers...)
}
