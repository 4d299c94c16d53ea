package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// serveTwo starts two servers that ask no proof and whose limits are out of the way,
// those of spraying, too.
func (n *fixture) serveTwo() []*process {
	n.t.Helper()
	policy := *passwd.Default()
	policy.Spraying = passwd.Spraying{PerUser: 100, PerAddress: 2000, PerMinute: 100_000}
	raw, err := json.Marshal(policy)
	noError(n.t, err)
	n.write("policy.json", string(raw))
	env := n.env(unlimited, values{"FUNDPASS_POLICY_FILE": n.path("policy.json")})
	return []*process{startServer(n.t, env), startServer(n.t, env)}
}

// told repeats a request until the answer is not to come back later.
func (c *citizen) told(r request) answer {
	for end := time.Now().Add(testenv.Patience); ; time.Sleep(50 * time.Millisecond) {
		a := c.ask(r)
		later := a.Code == "BUSY" || a.Code == "RESULT_UNKNOWN" || a.Code == "ALIPAY_UNAVAILABLE"
		if !later || time.Now().After(end) {
			return a
		}
	}
}

// letIn gives a citizen a session that the database has, without a log-in at Alipay.
func (c *citizen) letIn() {
	c.fixture.t.Helper()
	c.token = uuid.NewString()
	digest := sha256.Sum256([]byte(c.token))
	_, err := c.fixture.db.OpenSession(c.fixture.t.Context(), store.ChannelAlipay, digest[:], store.Visitor{
		Identity: store.Identity{Provider: store.ProviderAlipay, AppID: testAppID, Kind: "open_id", Value: c.OpenID}})
	noError(c.fixture.t, err)
}

// double is another Alipay user of the same person, with a session at a server.
func (c *citizen) double(i int, server *process) *citizen {
	c.fixture.t.Helper()
	d := c.twin(server.URL)
	d.Person.Person, d.OpenID = fmt.Sprintf("%s-double-%d", c.Person.Person, i), fmt.Sprintf("%s-double-%d", c.OpenID, i)
	c.fixture.sim.Add(d.Person)
	d.letIn()
	return d
}

// linkByCode is the link with a reset code in place of the password, which costs no hash.
func (c *citizen) linkByCode(code string) request {
	r := c.link()
	body := r.body.(fields)
	delete(body, "password")
	body["reset_code"] = code
	return r
}

// issue issues a reset code, as an operator does, and returns the account.
func (c *citizen) issue(code string) uuid.UUID {
	c.fixture.t.Helper()
	a, err := c.fixture.db.AccountByNumber(c.fixture.t.Context(), c.AccountNo)
	noError(c.fixture.t, err)
	_, err = c.fixture.db.IssueResetCode(c.fixture.t.Context(), a, code, "window-3")
	noError(c.fixture.t, err)
	return a.ID
}

// TestRaceLinkOneAccount has a hundred Alipay users link one account at once over two servers,
// where the holder's data and a reset code are enough: all of them come as far as the
// link, and one has it.
func TestRaceLinkOneAccount(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	servers := n.serveTwo()
	owner := n.addCitizens(1, servers[0].URL)[0]
	owner.issue("3141592653")
	crowd := make([]*citizen, testenv.Rounds(100, 500))
	for i := range crowd {
		crowd[i] = owner.double(i, servers[i%2])
	}
	s := rush(len(crowd), func(i int) answer { return crowd[i].told(owner.linkByCode("3141592653")) })
	t.Logf("answers: %v", s.codes)
	if s.codes["OK"] != 1 || s.codes["ALREADY_LINKED"] != len(crowd)-1 {
		t.Errorf("answers: %v", s.codes)
	}
	after := rush(len(crowd), func(i int) answer {
		return crowd[i].twin(servers[(i+1)%2].URL).told(getFrom("/v1/link"))
	})
	if after.codes["OK"] != 1 || after.codes["NOT_LINKED"] != len(crowd)-1 {
		t.Errorf("links: %v", after.codes)
	}
	for i := range after.winners {
		if _, won := s.winners[i]; !won {
			t.Error("somebody else is linked than was told so")
		}
	}
	for what, query := range map[string]string{
		"links":   `SELECT count(*) FROM links`,
		"events":  `SELECT count(*) FROM events WHERE kind = 'linked'`,
		"notices": `SELECT count(*) FROM outbox`,
	} {
		if got := n.number(query); got != 1 {
			t.Errorf("%d %s", got, what)
		}
	}
	checkServer(t, servers...)
}

// TestRaceLinkManyAccounts has one Alipay user link the accounts of fifty people at once
// in five sessions over two servers: one link, which every session shows.
func TestRaceLinkManyAccounts(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	servers := n.serveTwo()
	people := n.addCitizens(50, "")
	visitor := n.addCitizens(1, servers[0].URL)[0]
	sessions := make([]*citizen, 5)
	for i := range sessions {
		sessions[i] = visitor.twin(servers[i%2].URL)
		sessions[i].letIn()
	}
	s := rush(len(people), func(i int) answer { return sessions[i%len(sessions)].told(people[i].link()) })
	t.Logf("answers: %v", s.codes)
	if s.codes["OK"] != 1 || s.codes["ALREADY_LINKED"] != len(people)-1 {
		t.Fatalf("answers: %v", s.codes)
	}
	for _, told := range s.winners {
		for _, c := range sessions {
			for _, p := range servers {
				if shown := c.twin(p.URL).must("OK", getFrom("/v1/link")); string(shown.Data) != string(told.Data) {
					t.Errorf("told %s, shown %s", told.Data, shown.Data)
				}
			}
		}
	}
	if links, told := n.number(`SELECT count(*) FROM links`), n.number(`SELECT count(*) FROM events WHERE kind = 'linked'`); links != 1 || told != 1 {
		t.Errorf("%d links, %d events", links, told)
	}
	checkServer(t, servers...)
}
