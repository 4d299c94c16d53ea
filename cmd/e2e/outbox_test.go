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
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
	"fundpass/signing/alipaysim"
)

const (
	templateMethod = "alipay.open.app.mini.templatemessage.send"
	noticeKey      = "notice" // query parameter of the page that identifies the notice
)

// serveNotices starts a server that sends notices.
func serveNotices(n *cmdtest.Fixture) *process {
	n.T.Helper()
	return startServer(n.T, n.Env(cmdtest.Unlimited, cmdtest.Values{"FUNDPASS_MESSAGE_TEMPLATE": "template"}))
}

// A message is one that the simulator has accepted.
type message struct {
	To   string `json:"to_open_id"`
	Page string `json:"page"`
	Data string `json:"data"`
}

// key returns the parameter that is the same for repeated messages.
func (m message) key() string {
	_, query, _ := strings.Cut(m.Page, "?")
	values, _ := url.ParseQuery(query)
	return values.Get(noticeKey)
}

func sentMessages(n *cmdtest.Fixture) (all []message) {
	n.T.Helper()
	for _, m := range n.Sim.Messages() {
		if m.Method != templateMethod {
			continue
		}
		var one message
		cmdtest.NoError(n.T, json.Unmarshal(m.Content, &one))
		all = append(all, one)
	}
	return all
}

// unsent counts the notices that are neither delivered nor abandoned.
const unsent = `SELECT count(*) FROM outbox WHERE done_at IS NULL AND failed_at IS NULL`

// awaitNumber waits until a query returns exactly this number.
func awaitNumber(n *cmdtest.Fixture, want int, query string) {
	n.T.Helper()
	testenv.Eventually(n.T, fmt.Sprintf("%s is %d", query, want), func() bool { return n.Number(query) == want })
}

// makeNoticesDue makes every notice due now, as after its lease or pause.
func makeNoticesDue(n *cmdtest.Fixture) {
	n.T.Helper()
	_, err := n.SQL.Exec(`UPDATE outbox SET next_at = now() - interval '1 second' WHERE next_at > now()`)
	cmdtest.NoError(n.T, err)
}

func mustChange(c *cmdtest.Citizen) {
	c.Fixture.T.Helper()
	c.Must("OK", apiclient.Request{Method: "POST", Path: "/v1/subscriptions", Body: apiclient.Fields{"template_id": "template", "accepted": true}})
	change := cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password)))
	next := cmdtest.ConfirmTo(change, c.NewPassword())
	if a := c.Must("OK", next); a.Object()["notified"] != true {
		c.Fixture.T.Errorf("notified: %s", a.Raw)
	}
	c.Password = passwordOf(next)
}

// TestOutboxOfTwoServers checks that two servers on one outbox send each notice once, to
// its owner, without personal data, and that the metrics agree.
func TestOutboxOfTwoServers(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	servers := []*process{serveNotices(n), serveNotices(n)}
	citizens := n.Linked(6, servers[0].URL)
	for i, c := range citizens {
		c.Base = servers[i%2].URL
		mustChange(c)
	}
	citizens[0].Must("OK", cmdtest.PostTo("/v1/freeze", apiclient.Fields{}))
	awaitNumber(n, 0, unsent)
	seen, words := map[string]int{}, map[string]int{}
	for _, m := range sentMessages(n) {
		seen[m.key()]++
		words[m.To]++
		if !strings.Contains(m.Data, "年") || !strings.HasPrefix(m.Page, "pages/freeze/index?") {
			t.Errorf("%+v", m)
		}
		for _, c := range citizens {
			for _, secret := range []string{c.Name, c.IDNumber, c.AccountNo, c.Phone, c.Password} {
				if strings.Contains(m.Data+m.Page, secret) {
					t.Errorf("%q is in a message", secret)
				}
			}
		}
	}
	if len(seen) != 13 || len(sentMessages(n)) != 13 || words[citizens[0].OpenID] != 3 || words[citizens[1].OpenID] != 2 {
		t.Errorf("%d messages under %d keys, %v", len(sentMessages(n)), len(seen), words)
	}
	delivered := 0
	for _, s := range servers {
		s.awaitMetric("fundpass_outbox_due", 0)
		s.awaitMetric("fundpass_outbox_oldest_seconds", 0)
		s.awaitMetric("fundpass_outbox_failed_total", 0)
		delivered += s.metric("fundpass_outbox_delivered_total")
		cmdtest.NoError(t, s.Stop())
	}
	if delivered != 13 {
		t.Errorf("%d delivered by the metrics", delivered)
	}
	checkServer(t, servers...)
}

// metric returns the value of a metric of the server, or -1 if it is missing.
func (p *process) metric(name string) int {
	p.t.Helper()
	_, text := cmdtest.Fetch(p.t, "GET", p.Ops+"/metrics", "")
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			cmdtest.NoError(p.t, err)
			return int(math.Ceil(value))
		}
	}
	return -1
}

// awaitMetric waits until a metric has this value.
func (p *process) awaitMetric(name string, want int) {
	p.t.Helper()
	testenv.Eventually(p.t, fmt.Sprintf("%s is %d", name, want), func() bool { return p.metric(name) == want })
}

// awaitMessages waits until Alipay has accepted so many messages.
func awaitMessages(n *cmdtest.Fixture, want int) {
	n.T.Helper()
	testenv.Eventually(n.T, fmt.Sprintf("%d messages are sent", want), func() bool { return len(sentMessages(n)) >= want })
}

// TestOutboxKill kills a server after Alipay has accepted a message and before the reply:
// another server sends it again with the same key.
func TestOutboxKill(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	quiet := serveOn(n, n.DSN) // does not send notices
	c := n.Linked(1, quiet.URL)[0]
	_, err := n.SQL.Exec(`DELETE FROM outbox`)
	cmdtest.NoError(t, err)
	change := cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password)))
	if a := c.Must("OK", cmdtest.ConfirmTo(change, c.NewPassword())); a.Object()["notified"] != false {
		t.Errorf("no server sends notices, but %s", a.Raw)
	}
	cmdtest.NoError(t, n.Sim.Fault("timeout", 1)) // the message is accepted, the reply delayed
	first := serveNotices(n)
	awaitMessages(n, 1)
	first.Kill()
	second := serveNotices(n)
	second.awaitMetric("fundpass_outbox_due", 1) // it has read the outbox
	if len(sentMessages(n)) != 1 || n.Number(unsent) != 1 {
		t.Fatalf("%d messages, %d unsent while the claim holds", len(sentMessages(n)), n.Number(unsent))
	}
	makeNoticesDue(n)
	awaitNumber(n, 0, unsent)
	all := sentMessages(n)
	if len(all) != 2 || all[0] != all[1] || all[0].key() != strings.TrimPrefix(change, "/v1/password/changes/") {
		t.Errorf("%+v", all)
	}
	if got := n.Number(`SELECT attempts FROM outbox`); got != 2 {
		t.Errorf("%d attempts", got)
	}
	cmdtest.NoError(t, second.Stop())
	cmdtest.NoError(t, quiet.Stop())
	checkServer(t, first, second, quiet)
}

// TestOutboxDrains checks that a stopping server finishes a message, which is sent once.
func TestOutboxDrains(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	quiet := serveOn(n, n.DSN)
	n.Linked(1, quiet.URL)
	cmdtest.NoError(t, n.Sim.Fault("slow", 1)) // the reply takes 3 s
	server := serveNotices(n)
	awaitMessages(n, 1)
	cmdtest.NoError(t, server.Stop())
	if n.Number(unsent) != 0 || len(sentMessages(n)) != 1 {
		t.Errorf("%d unsent, %d sent", n.Number(unsent), len(sentMessages(n)))
	}
	cmdtest.NoError(t, quiet.Stop())
	checkServer(t, quiet, server)
}

// TestOutboxWithoutAlipay checks that every notice is delivered after Alipay was
// unavailable, and that a citizen who accepts no messages is tried once.
func TestOutboxWithoutAlipay(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	quiet := serveOn(n, n.DSN)
	citizens := n.Linked(5, quiet.URL)
	refuses := citizens[4].Person
	refuses.Subscribed = false
	n.Sim.Add(refuses)
	cmdtest.NoError(t, n.Sim.Fault("html_502", 5))
	server := serveNotices(n)
	awaitNumber(n, 5, `SELECT count(*) FROM outbox WHERE attempts = 1 AND lease IS NULL AND next_at > created_at + interval '55 seconds'`)
	if len(sentMessages(n)) != 0 {
		t.Errorf("sent %+v", sentMessages(n))
	}
	makeNoticesDue(n)
	awaitNumber(n, 0, unsent)
	if len(sentMessages(n)) != 4 || n.Number(`SELECT count(*) FROM outbox WHERE failed_at IS NOT NULL`) != 1 {
		t.Errorf("%d sent, %d failed", len(sentMessages(n)), n.Number(`SELECT count(*) FROM outbox WHERE failed_at IS NOT NULL`))
	}
	calls := n.Sim.Calls(templateMethod)
	makeNoticesDue(n)
	change := cmdtest.ChangeAt(citizens[0].Must("OK", citizens[0].OpenChange(citizens[0].Password)))
	citizens[0].Must("OK", cmdtest.ConfirmTo(change, citizens[0].NewPassword()))
	awaitNumber(n, 0, unsent) // the outbox was read again
	if n.Sim.Calls(templateMethod) != calls+1 {
		t.Error("a refused message was sent again")
	}
	server.awaitLog("notice abandoned", 1)
	for _, c := range citizens {
		for _, secret := range []string{c.Name, c.IDNumber, c.AccountNo, c.OpenID, c.Phone} {
			if strings.Contains(server.Log(), secret) {
				t.Errorf("%q is in the log", secret)
			}
		}
	}
	cmdtest.NoError(t, server.Stop())
	cmdtest.NoError(t, quiet.Stop())
	checkServer(t, quiet, server)
}

// TestOutboxWrongTemplate checks that notices wait until the operator corrects a wrong
// template.
func TestOutboxWrongTemplate(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	quiet := serveOn(n, n.DSN)
	n.Linked(2, quiet.URL)
	wrong := startServer(t, n.Env(map[string]string{"FUNDPASS_MESSAGE_TEMPLATE": alipaysim.WrongTemplate}))
	wrong.awaitLog("notice deferred", 2)
	cmdtest.NoError(t, wrong.Stop())
	if n.Number(unsent) != 2 {
		t.Error("abandoned because of an operator's mistake")
	}
	makeNoticesDue(n)
	right := serveNotices(n)
	awaitNumber(n, 0, unsent)
	if len(sentMessages(n)) != 2 {
		t.Errorf("%d sent after the template was corrected", len(sentMessages(n)))
	}
	cmdtest.NoError(t, right.Stop())
	cmdtest.NoError(t, quiet.Stop())
	checkServer(t, quiet, wrong, right)
}
