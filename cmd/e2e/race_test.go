package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// A raceResult is the replies to concurrent requests.
type raceResult struct {
	mu      sync.Mutex
	codes   map[string]int
	winners map[int]apiclient.Answer // the OKs
}

const maxConcurrent = 200 // connections

// runConcurrently calls send n times, at most maxConcurrent at once.
func runConcurrently(n int, send func(i int) apiclient.Answer) *raceResult {
	s := &raceResult{codes: map[string]int{}, winners: map[int]apiclient.Answer{}}
	slots := make(chan struct{}, maxConcurrent)
	var wg sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			a := send(i)
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

// TestRaceAttempts makes a hundred attempts of twenty Alipay users at one person's
// password over two servers: five are verified.
func TestRaceAttempts(t *testing.T) {
	t.Parallel()
	tries := testenv.Rounds(100, 1000)
	n := cmdtest.NewOwnFixture(t)
	servers := []*process{serveOn(n, n.DSN), serveOn(n, n.DSN)}
	victim := n.AddCitizens(1, servers[0].URL)[0]
	var attackers []*cmdtest.Citizen
	for i, c := range n.AddCitizens(20, "") {
		c.Base = servers[i%2].URL
		c.MustLogIn()
		attackers = append(attackers, c)
	}
	s := runConcurrently(tries, func(i int) apiclient.Answer {
		try := victim.Link()
		try.Body.(apiclient.Fields)["password"] = fmt.Sprintf("Wrong-Harbor-%d", i)
		return sendOnce(attackers[i%len(attackers)], try)
	})
	t.Logf("answers: %v", s.codes)
	unknown := s.codes["RESULT_UNKNOWN"] // a slow server commits some all the same
	if s.codes["LINK_REFUSED"]+s.codes["BUSY"]+unknown != tries || s.codes["LINK_REFUSED"] < 5 {
		t.Errorf("a stranger learns something: %v", s.codes)
	}
	var attempts, tier, refused int
	cmdtest.NoError(t, n.SQL.QueryRow(`SELECT attempts, tier, refused FROM lockouts WHERE person_digest = $1`, victim.Digest).
		Scan(&attempts, &tier, &refused))
	if least := s.codes["LINK_REFUSED"] - 5; attempts != 0 || tier != 1 || refused < least || refused > least+unknown {
		t.Errorf("attempts %d, tier %d, refused %d of %d: not five verified", attempts, tier, refused, s.codes["LINK_REFUSED"])
	}
	for _, p := range servers { // the right password, while it is locked
		attackers[0].Twin(p.URL).Must("LINK_REFUSED", victim.Link())
	}
	_, err := n.SQL.Exec(`UPDATE lockouts SET locked_until = $1`, time.Now().Add(-time.Second))
	cmdtest.NoError(t, err)
	victim.MustLogIn()
	victim.Must("OK", victim.Link())
	checkServer(t, servers...)
}

// TestRaceConfirms sends a hundred different new passwords for one change to two servers:
// one succeeds.
func TestRaceConfirms(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	servers := []*process{serveOn(n, n.DSN), serveOn(n, n.DSN)}
	c := n.Linked(1, servers[0].URL)[0]
	change := cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password)))
	twins := []*cmdtest.Citizen{c, c.Twin(servers[1].URL)}
	passwords := make([]string, testenv.Rounds(100, 1000))
	for i := range passwords {
		passwords[i] = c.NewPassword()
	}
	s := runConcurrently(len(passwords), func(i int) apiclient.Answer { return sendOnce(twins[i%2], cmdtest.ConfirmTo(change, passwords[i])) })
	t.Logf("answers: %v", s.codes)
	if s.codes["OK"] != 1 || s.codes["OK"]+s.codes["CHANGE_GONE"]+s.codes["BUSY"]+s.codes["TOO_MANY_REQUESTS"] != len(passwords) {
		t.Fatalf("answers: %v", s.codes)
	}
	if got := dbStateOf(c); got.Version != 2 {
		t.Errorf("%+v", got)
	}
	for _, twin := range twins {
		twin.Must("OLD_PASSWORD_WRONG", c.OpenChange(c.Password))
		for i := range s.winners {
			twin.Must("OK", c.OpenChange(passwords[i]))
		}
	}
	checkServer(t, servers...)
}

// TestRaceAuthCode sends one auth code a hundred times to two servers: Alipay gets it
// once, and one session is opened.
func TestRaceAuthCode(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	servers := []*process{serveOn(n, n.DSN), serveOn(n, n.DSN)}
	c := n.AddCitizens(1, servers[0].URL)[0]
	exchange := cmdtest.PostTo("/v1/sessions", apiclient.Fields{"auth_code": c.Code()})
	before := n.Sim.Calls("alipay.system.oauth.token")
	twins := []*cmdtest.Citizen{c, c.Twin(servers[1].URL)}
	s := runConcurrently(100, func(i int) apiclient.Answer { return sendOnce(twins[i%2], exchange) })
	if ok, busy := s.codes["OK"], s.codes["BUSY"]; ok+busy+s.codes["AUTH_CODE_INVALID"] != 100 || ok != 1 && busy == 0 {
		t.Errorf("answers: %v", s.codes)
	}
	if calls := n.Sim.Calls("alipay.system.oauth.token") - before; calls != 1 {
		t.Errorf("Alipay got it %d times", calls)
	}
	var sessions int
	cmdtest.NoError(t, n.SQL.QueryRow(`SELECT count(*) FROM sessions`).Scan(&sessions))
	if sessions != s.codes["OK"] {
		t.Errorf("%d sessions", sessions)
	}
	for _, twin := range twins { // the session is valid at both
		for _, a := range s.winners {
			twin.Token = a.Text("token")
			twin.Must("NOT_LINKED", cmdtest.GetFrom("/v1/link"))
		}
	}
	checkServer(t, servers...)
}
