package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/keys/testenv"
	"fundpass/signing/alipaysim"
)

const (
	templateMethod = "alipay.open.app.mini.templatemessage.send"
	noticeKey      = "notice" // the page's parameter that says which notice was tapped
)

// mailing starts a server that sends notices.
func (n *fixture) mailing() *process {
	n.t.Helper()
	return startServer(n.t, n.env(unlimited, values{"FUNDPASS_MESSAGE_TEMPLATE": "template"}))
}

// A told is a message that the simulator has taken.
type told struct {
	To   string `json:"to_open_id"`
	Page string `json:"page"`
	Data string `json:"data"`
}

// key is what the receiver recognises a repetition by.
func (m told) key() string {
	_, query, _ := strings.Cut(m.Page, "?")
	values, _ := url.ParseQuery(query)
	return values.Get(noticeKey)
}

func (n *fixture) told() (all []told) {
	n.t.Helper()
	for _, m := range n.sim.Messages() {
		if m.Method != templateMethod {
			continue
		}
		var one told
		noError(n.t, json.Unmarshal(m.Content, &one))
		all = append(all, one)
	}
	return all
}

// unsent are the notices that are neither delivered nor given up.
const unsent = `SELECT count(*) FROM outbox WHERE done_at IS NULL AND failed_at IS NULL`

// awaitNumber waits until a query gives exactly this.
func (n *fixture) awaitNumber(want int, query string) {
	n.t.Helper()
	testenv.Eventually(n.t, fmt.Sprintf("%s is %d", query, want), func() bool { return n.number(query) == want })
}

// ageClaims makes every notice due now, as after the lease or the pause.
func (n *fixture) ageClaims() {
	n.t.Helper()
	_, err := n.sql.Exec(`UPDATE outbox SET next_at = now() - interval '1 second' WHERE next_at > now()`)
	noError(n.t, err)
}

func (c *citizen) mustChange() {
	c.fixture.t.Helper()
	c.must("OK", apiclient.Request{Method: "POST", Path: "/v1/subscriptions", Body: apiclient.Fields{"template_id": "template", "accepted": true}})
	change := changeAt(c.must("OK", c.openChange(c.Password)))
	next := confirmTo(change, c.newPassword())
	if a := c.must("OK", next); a.Object()["notified"] != true {
		c.fixture.t.Errorf("notified: %s", a.Raw)
	}
	c.Password = passwordOf(next)
}

// Two servers on one outbox: each notice is told once, to its owner, in words
// that name nobody; the metrics say so.
func TestOutboxOfTwoServers(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	servers := []*process{n.mailing(), n.mailing()}
	citizens := n.linked(6, servers[0].URL)
	for i, c := range citizens {
		c.Base = servers[i%2].URL
		c.mustChange()
	}
	citizens[0].must("OK", postTo("/v1/freeze", apiclient.Fields{}))
	n.awaitNumber(0, unsent)
	seen, words := map[string]int{}, map[string]int{}
	for _, m := range n.told() {
		seen[m.key()]++
		words[m.To]++
		if !strings.Contains(m.Data, "年") || !strings.HasPrefix(m.Page, "pages/freeze/index?") {
			t.Errorf("%+v", m)
		}
		for _, c := range citizens {
			for _, secret := range []string{c.Name, c.IDNumber, c.AccountNo, c.Phone, c.Password} {
				if strings.Contains(m.Data+m.Page, secret) {
					t.Errorf("%q stands in a message", secret)
				}
			}
		}
	}
	if len(seen) != 13 || len(n.told()) != 13 || words[citizens[0].OpenID] != 3 || words[citizens[1].OpenID] != 2 {
		t.Errorf("%d messages under %d keys, %v", len(n.told()), len(seen), words)
	}
	delivered := 0
	for _, s := range servers {
		s.awaitMetric("fundpass_outbox_due", 0)
		s.awaitMetric("fundpass_outbox_oldest_seconds", 0)
		s.awaitMetric("fundpass_outbox_failed_total", 0)
		delivered += s.metric("fundpass_outbox_delivered_total")
		noError(t, s.Stop())
	}
	if delivered != 13 {
		t.Errorf("%d delivered by the metrics", delivered)
	}
	checkServer(t, servers...)
}

// metric is what a server says of itself, -1 when it says nothing.
func (p *process) metric(name string) int {
	p.t.Helper()
	_, text := fetch(p.t, "GET", p.Ops+"/metrics", "")
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			noError(p.t, err)
			return int(math.Ceil(value))
		}
	}
	return -1
}

// awaitMetric waits until a server says this of itself.
func (p *process) awaitMetric(name string, want int) {
	p.t.Helper()
	testenv.Eventually(p.t, fmt.Sprintf("%s is %d", name, want), func() bool { return p.metric(name) == want })
}

// awaitTold waits until Alipay has taken so many messages.
func (n *fixture) awaitTold(want int) {
	n.t.Helper()
	testenv.Eventually(n.t, fmt.Sprintf("%d messages are sent", want), func() bool { return len(n.told()) >= want })
}

// The server that holds the claim is killed while Alipay has the message and
// the answer is on its way: another one tells it again, under the same key.
func TestOutboxKill(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	quiet := n.serve(n.dsn) // sends nothing
	c := n.linked(1, quiet.URL)[0]
	_, err := n.sql.Exec(`DELETE FROM outbox`)
	noError(t, err)
	change := changeAt(c.must("OK", c.openChange(c.Password)))
	if a := c.must("OK", confirmTo(change, c.newPassword())); a.Object()["notified"] != false {
		t.Errorf("nobody sends, but %s", a.Raw)
	}
	noError(t, n.sim.Fault("timeout", 1)) // the message is taken, the answer held back
	first := n.mailing()
	n.awaitTold(1)
	first.Kill()
	second := n.mailing()
	second.awaitMetric("fundpass_outbox_due", 1) // it has looked
	if len(n.told()) != 1 || n.number(unsent) != 1 {
		t.Fatalf("%d messages, %d unsent while the claim holds", len(n.told()), n.number(unsent))
	}
	n.ageClaims()
	n.awaitNumber(0, unsent)
	all := n.told()
	if len(all) != 2 || all[0] != all[1] || all[0].key() != strings.TrimPrefix(change, "/v1/password/changes/") {
		t.Errorf("%+v", all)
	}
	if got := n.number(`SELECT attempts FROM outbox`); got != 2 {
		t.Errorf("%d attempts", got)
	}
	noError(t, second.Stop())
	noError(t, quiet.Stop())
	checkServer(t, first, second, quiet)
}

// A message on its way at the end is finished, and told once.
func TestOutboxDrains(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	quiet := n.serve(n.dsn)
	n.linked(1, quiet.URL)
	noError(t, n.sim.Fault("slow", 1)) // the answer takes 3 s
	server := n.mailing()
	n.awaitTold(1)
	noError(t, server.Stop())
	if n.number(unsent) != 0 || len(n.told()) != 1 {
		t.Errorf("%d unsent, %d told", n.number(unsent), len(n.told()))
	}
	noError(t, quiet.Stop())
	checkServer(t, quiet, server)
}

// Alipay is away for a while: every notice gets through afterwards. Whoever
// refuses messages is asked once.
func TestOutboxThroughTrouble(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	quiet := n.serve(n.dsn)
	citizens := n.linked(5, quiet.URL)
	refuses := citizens[4].Person
	refuses.Subscribed = false
	n.sim.Add(refuses)
	noError(t, n.sim.Fault("html_502", 5))
	server := n.mailing()
	n.awaitNumber(5, `SELECT count(*) FROM outbox WHERE attempts = 1 AND lease IS NULL AND next_at > created_at + interval '55 seconds'`)
	if len(n.told()) != 0 {
		t.Errorf("told %+v", n.told())
	}
	n.ageClaims()
	n.awaitNumber(0, unsent)
	if len(n.told()) != 4 || n.number(`SELECT count(*) FROM outbox WHERE failed_at IS NOT NULL`) != 1 {
		t.Errorf("%d told, %d failed", len(n.told()), n.number(`SELECT count(*) FROM outbox WHERE failed_at IS NOT NULL`))
	}
	asked := n.sim.Calls(templateMethod)
	n.ageClaims()
	change := changeAt(citizens[0].must("OK", citizens[0].openChange(citizens[0].Password)))
	citizens[0].must("OK", confirmTo(change, citizens[0].newPassword()))
	n.awaitNumber(0, unsent) // so it has looked again
	if n.sim.Calls(templateMethod) != asked+1 {
		t.Error("who refused was asked again")
	}
	server.awaitLog("notice given up", 1)
	for _, c := range citizens {
		for _, secret := range []string{c.Name, c.IDNumber, c.AccountNo, c.OpenID, c.Phone} {
			if strings.Contains(server.Log(), secret) {
				t.Errorf("%q stands in the log", secret)
			}
		}
	}
	noError(t, server.Stop())
	noError(t, quiet.Stop())
	checkServer(t, quiet, server)
}

// A template that is wrong waits for the operator to correct it.
func TestOutboxWrongTemplate(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	quiet := n.serve(n.dsn)
	n.linked(2, quiet.URL)
	wrong := startServer(t, n.env(map[string]string{"FUNDPASS_MESSAGE_TEMPLATE": alipaysim.WrongTemplate}))
	wrong.awaitLog("notice deferred", 2)
	noError(t, wrong.Stop())
	if n.number(unsent) != 2 {
		t.Error("given up for a slip of the operator's")
	}
	n.ageClaims()
	right := n.mailing()
	n.awaitNumber(0, unsent)
	if len(n.told()) != 2 {
		t.Errorf("%d told after the template was corrected", len(n.told()))
	}
	noError(t, right.Stop())
	noError(t, quiet.Stop())
	checkServer(t, quiet, wrong, right)
}
