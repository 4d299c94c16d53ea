package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// serveTwo starts two servers without proofs and effective limits, also of spraying.
func serveTwo(n *cmdtest.Fixture) []*process {
	n.T.Helper()
	policy := *passwd.Default()
	policy.Spraying = passwd.Spraying{PerUser: 100, PerAddress: 2000, PerMinute: 100_000}
	raw, err := json.Marshal(policy)
	cmdtest.NoError(n.T, err)
	n.Write("policy.json", string(raw))
	env := n.Env(cmdtest.Unlimited, cmdtest.Values{"FUNDPASS_POLICY_FILE": n.Path("policy.json")})
	return []*process{startServer(n.T, env), startServer(n.T, env)}
}

// sendRepeatedly repeats a request while the reply is to retry later.
func sendRepeatedly(c *cmdtest.Citizen, r apiclient.Request) apiclient.Answer {
	for end := time.Now().Add(testenv.Patience); ; time.Sleep(50 * time.Millisecond) {
		a := sendOnce(c, r)
		retry := a.Code == "BUSY" || a.Code == "RESULT_UNKNOWN" || a.Code == "ALIPAY_UNAVAILABLE"
		if !retry || time.Now().After(end) {
			return a
		}
	}
}

// insertSession adds a session for a citizen to the database, without a log-in at Alipay.
func insertSession(c *cmdtest.Citizen) {
	c.Fixture.T.Helper()
	c.Token = uuid.NewString()
	digest := sha256.Sum256([]byte(c.Token))
	_, err := c.Fixture.DB.OpenSession(c.Fixture.T.Context(), store.ChannelAlipay, digest[:], store.Visitor{
		Identity: store.Identity{Provider: store.ProviderAlipay, AppID: cmdtest.TestAppID, Kind: "open_id", Value: c.OpenID}})
	cmdtest.NoError(c.Fixture.T, err)
}

// secondUserOf returns another Alipay user of the same person, with a session.
func secondUserOf(c *cmdtest.Citizen, i int, server *process) *cmdtest.Citizen {
	c.Fixture.T.Helper()
	d := c.Twin(server.URL)
	d.Person.Person, d.OpenID = fmt.Sprintf("%s-double-%d", c.Person.Person, i), fmt.Sprintf("%s-double-%d", c.OpenID, i)
	c.Fixture.Sim.Add(d.Person)
	insertSession(d)
	return d
}

// linkByCode returns the request for a link with a reset code instead of the password,
// which needs no hash.
func linkByCode(c *cmdtest.Citizen, code string) apiclient.Request {
	r := c.Link()
	body := r.Body.(apiclient.Fields)
	delete(body, "password")
	body["reset_code"] = code
	return r
}

// issueCode issues a reset code, as an operator does, and returns the account.
func issueCode(c *cmdtest.Citizen, code string) uuid.UUID {
	c.Fixture.T.Helper()
	a, err := c.Fixture.DB.AccountByNumber(c.Fixture.T.Context(), c.AccountNo)
	cmdtest.NoError(c.Fixture.T, err)
	_, err = c.Fixture.DB.Operations().IssueResetCode(c.Fixture.T.Context(), a, code, "window-3")
	cmdtest.NoError(c.Fixture.T, err)
	return a.ID
}

// TestRaceLinkOneAccount makes a hundred Alipay users link one account with a reset code
// concurrently over two servers: one succeeds.
func TestRaceLinkOneAccount(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	servers := serveTwo(n)
	owner := n.AddCitizens(1, servers[0].URL)[0]
	issueCode(owner, "3141592653")
	users := make([]*cmdtest.Citizen, testenv.Rounds(100, 500))
	for i := range users {
		users[i] = secondUserOf(owner, i, servers[i%2])
	}
	s := runConcurrently(len(users), func(i int) apiclient.Answer { return sendRepeatedly(users[i], linkByCode(owner, "3141592653")) })
	t.Logf("answers: %v", s.codes)
	if s.codes["OK"] != 1 || s.codes["ALREADY_LINKED"] != len(users)-1 {
		t.Errorf("answers: %v", s.codes)
	}
	after := runConcurrently(len(users), func(i int) apiclient.Answer {
		return sendRepeatedly(users[i].Twin(servers[(i+1)%2].URL), cmdtest.GetFrom("/v1/link"))
	})
	if after.codes["OK"] != 1 || after.codes["NOT_LINKED"] != len(users)-1 {
		t.Errorf("links: %v", after.codes)
	}
	for i := range after.winners {
		if _, won := s.winners[i]; !won {
			t.Error("the linked user did not get OK")
		}
	}
	for what, query := range map[string]string{
		"links":   `SELECT count(*) FROM links`,
		"events":  `SELECT count(*) FROM events WHERE kind = 'linked'`,
		"notices": `SELECT count(*) FROM outbox`,
	} {
		if got := n.Number(query); got != 1 {
			t.Errorf("%d %s", got, what)
		}
	}
	checkServer(t, servers...)
}

// TestRaceLinkManyAccounts makes one Alipay user link the accounts of fifty people
// concurrently in five sessions over two servers: one link is added, which every session
// shows.
func TestRaceLinkManyAccounts(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	servers := serveTwo(n)
	people := n.AddCitizens(50, "")
	visitor := n.AddCitizens(1, servers[0].URL)[0]
	sessions := make([]*cmdtest.Citizen, 5)
	for i := range sessions {
		sessions[i] = visitor.Twin(servers[i%2].URL)
		insertSession(sessions[i])
	}
	s := runConcurrently(len(people), func(i int) apiclient.Answer { return sendRepeatedly(sessions[i%len(sessions)], people[i].Link()) })
	t.Logf("answers: %v", s.codes)
	if s.codes["OK"] != 1 || s.codes["ALREADY_LINKED"] != len(people)-1 {
		t.Fatalf("answers: %v", s.codes)
	}
	for _, reply := range s.winners {
		for _, c := range sessions {
			for _, p := range servers {
				if shown := c.Twin(p.URL).Must("OK", cmdtest.GetFrom("/v1/link")); string(shown.Data) != string(reply.Data) {
					t.Errorf("reply %s, shown %s", reply.Data, shown.Data)
				}
			}
		}
	}
	if links, reply := n.Number(`SELECT count(*) FROM links`), n.Number(`SELECT count(*) FROM events WHERE kind = 'linked'`); links != 1 || reply != 1 {
		t.Errorf("%d links, %d events", links, reply)
	}
	checkServer(t, servers...)
}
