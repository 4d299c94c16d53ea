package main

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"fundpass/miniapp-api/passwd"
)

// serveTwo starts two servers whose limits are out of the way, those of spraying, too.
func (n *town) serveTwo(proof string) []*process {
	n.t.Helper()
	policy := *passwd.Default()
	policy.Spraying = passwd.Spraying{PerUser: 100, PerAddress: 2000, PerMinute: 100_000}
	raw, err := json.Marshal(policy)
	noError(n.t, err)
	n.write("policy.json", string(raw))
	env := n.env(map[string]string{"FUNDPASS_PROOF": proof, "FUNDPASS_POLICY_FILE": n.path("policy.json"),
		"FUNDPASS_PER_ADDRESS": "1000000,1000000", "FUNDPASS_PER_USER": "1000000,1000000"})
	return []*process{startServer(n.t, env), startServer(n.t, env)}
}

// told repeats a request until the answer is not to come back later.
func (c *citizen) told(make func() request) answer {
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		a := c.call(make())
		later := a.Code == "BUSY" || a.Code == "RESULT_UNKNOWN" || a.Code == "ALIPAY_UNAVAILABLE"
		if !later || time.Now().After(end) {
			return a
		}
	}
}

// doubles are Alipay users whom Alipay certifies as c, each with a session at one of the
// servers in turn.
func (c *citizen) doubles(k int, servers []*process) []*citizen {
	c.town.t.Helper()
	all := make([]*citizen, k)
	for i := range all {
		d := c.twin(servers[i%len(servers)].URL)
		d.Person.Person, d.OpenID = fmt.Sprintf("%s-double-%d", c.Person.Person, i), fmt.Sprintf("%s-double-%d", c.OpenID, i)
		c.town.sim.Add(d.Person)
		all[i] = d
	}
	s := rush(k, func(i int) answer {
		a := all[i].told(func() request { return postTo("/v1/sessions", fields{"auth_code": all[i].code()}) })
		all[i].token = a.text("token")
		return a
	})
	if s.codes["OK"] != k {
		c.town.t.Fatalf("log in: %v", s.codes)
	}
	return all
}

// linkByCode is the link with a clerk's code in place of the password, which costs no hash.
func (c *citizen) linkByCode(code string) request {
	r := c.link()
	body := r.body.(fields)
	delete(body, "password")
	body["reset_code"] = code
	return r
}

// issue is what a clerk does.
func (c *citizen) issue(code string) {
	c.town.t.Helper()
	a, err := c.town.db.AccountByNumber(c.town.t.Context(), c.AccountNo)
	noError(c.town.t, err)
	_, err = c.town.db.IssueResetCode(c.town.t.Context(), a, code, "window-3")
	noError(c.town.t, err)
}

// TestRaceLinkOneAccount has 500 Alipay users, each certified as the holder, link one
// account at once over two servers, by the right password or a clerk's code: one has it.
func TestRaceLinkOneAccount(t *testing.T) {
	t.Parallel()
	n := newTown(t)
	servers := n.serveTwo("certdoc")
	owner := n.move(1, servers[0].URL)[0]
	owner.issue("3141592653")
	crowd := owner.doubles(500, servers)
	s := rush(len(crowd), func(i int) answer {
		if i%20 == 0 {
			return crowd[i].told(owner.link)
		}
		return crowd[i].told(func() request { return owner.linkByCode("3141592653") })
	})
	t.Logf("answers: %v", s.codes)
	if s.codes["OK"] != 1 || s.codes["ALREADY_LINKED"] != len(crowd)-1 {
		t.Errorf("answers: %v", s.codes)
	}
	after := rush(len(crowd), func(i int) answer {
		return crowd[i].twin(servers[(i+1)%2].URL).told(func() request { return getFrom("/v1/link") })
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
		"links":   `SELECT count(*) FROM alipay_links`,
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
	n := newTown(t)
	servers := n.serveTwo("none")
	people := n.move(50, "")
	visitor := n.move(1, servers[0].URL)[0]
	sessions := make([]*citizen, 5)
	for i := range sessions {
		sessions[i] = visitor.twin(servers[i%2].URL)
		sessions[i].mustLogIn()
	}
	s := rush(len(people), func(i int) answer { return sessions[i%len(sessions)].told(people[i].link) })
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
	if links, told := n.number(`SELECT count(*) FROM alipay_links`), n.number(`SELECT count(*) FROM events WHERE kind = 'linked'`); links != 1 || told != 1 {
		t.Errorf("%d links, %d events", links, told)
	}
	checkServer(t, servers...)
}
