package serve

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/signing/alipaysim"
)

// A town has two centres in one process. The first is reached by its path, the second by its
// host, and each has a mini-program, a simulated Alipay, keys and a policy of its own.
type town struct {
	*cmdtest.Process
	a, b   *cmdtest.Fixture
	atA    string // base URL of the API
	atB    string
	byHost *http.Client // connects to the process whatever the host
	dir    string
	ea, eb cmdtest.CenterEntry
}

// longPolicy is the policy of the second centre.
const longPolicy = `{"name":"long","city":"","rules":[
{"id":"min","text":"至少16位","check":{"min_length":16},"source":"n"},
{"id":"max","text":"最多64位","check":{"max_length":64},"source":"n"}],
"history":3,"initial_rules":["id-last6"],"lock":{"rounds":[{"guesses":5,"lock":"15m"},{"guesses":5,"lock":"reset"}]}}`

func newTown(t *testing.T) *town {
	t.Helper()
	w := prepareTown(t)
	w.start(t)
	return w
}

// prepareTown returns a town before its process starts.
func prepareTown(t *testing.T) *town {
	t.Helper()
	w := &town{a: cmdtest.NewFixture(t), b: cmdtest.NewFixture(t), dir: t.TempDir()}
	w.b.ChangeAlipayKey()
	w.b.Write("policy.json", longPolicy)
	w.ea = cmdtest.CenterEntry{Env: w.a.ServerEnv, Path: "a", Set: cmdtest.Unlimited}
	w.eb = cmdtest.CenterEntry{Env: w.b.ServerEnv, Hosts: []string{"b.example"}, Set: maps.Clone(cmdtest.Unlimited)}
	w.eb.Set["FUNDPASS_POLICY_FILE"] = w.b.Path("policy.json")
	return w
}

// start starts the process with the entries that are given, or both.
func (w *town) start(t *testing.T, entries ...cmdtest.CenterEntry) {
	t.Helper()
	w.Process = cmdtest.StartServer(t, w.write(entries...))
	w.atA, w.atB = w.URL+"/a", "http://b.example"
	w.byHost = w.clientTo(t)
}

// write writes the file of centres with the entries that are given, or both.
func (w *town) write(entries ...cmdtest.CenterEntry) cmdtest.Values {
	w.a.T.Helper()
	if entries == nil {
		entries = []cmdtest.CenterEntry{w.ea, w.eb}
	}
	return cmdtest.WriteCenters(w.a.T, w.dir, entries...)
}

func (w *town) clientTo(t *testing.T) *http.Client {
	c := cmdtest.NewClient(t)
	c.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(w.URL, "http://"))
	}
	return c
}

// citizenOfB returns a linked citizen of the second centre, who reaches it by its host.
func (w *town) citizenOfB() *cmdtest.Citizen {
	c := w.b.AddCitizens(1, w.atB)[0]
	c.HTTP = w.byHost
	c.MustLogIn()
	c.Must("OK", c.Link())
	return c
}

// post posts a message of Alipay to a path of the shared address and returns the reply's body.
func (w *town) post(t *testing.T, path string, n alipaysim.Notification) string {
	t.Helper()
	resp, err := cmdtest.NewClient(t).Post(w.URL+path, n.ContentType, strings.NewReader(string(n.Body)))
	cmdtest.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	cmdtest.NoError(t, err)
	return string(body)
}

// TestCentersInOneProcess checks that two centres serve their citizens beside each other, and
// that nothing of one is worth anything at the other.
func TestCentersInOneProcess(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a := w.a.Linked(1, w.atA)[0]
	b := w.citizenOfB()
	for _, c := range []*cmdtest.Citizen{a, b} {
		changed := cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password)))
		password := c.NewPassword()
		if c == b {
			c.Must("PASSWORD_WEAK", cmdtest.ConfirmTo(changed, password)) // its policy is another
			password = "Copper-Lantern-Walk"
		}
		c.Must("OK", cmdtest.ConfirmTo(changed, password))
	}

	t.Run("tokens", func(t *testing.T) {
		get := cmdtest.GetFrom("/v1/link")
		for _, c := range []struct {
			name, base, token, want string
		}{
			{"A's token at A's path", w.atA, a.Token, "OK"},
			{"A's token at B's host", w.atB, a.Token, "SESSION_EXPIRED"},
			{"B's token at A's path", w.atA, b.Token, "SESSION_EXPIRED"},
			{"A's token at the shared address", w.URL, a.Token, "OK"},
			{"B's token at the shared address", w.URL, b.Token, "OK"},
			{"A's token with B's tag", w.URL, w.b.Center + strings.TrimPrefix(a.Token, w.a.Center), "SESSION_EXPIRED"},
			{"A's token without its tag", w.atA, strings.TrimPrefix(a.Token, w.a.Center+"."), "SESSION_EXPIRED"},
			{"no token at the shared address", w.URL, "", "CENTER_UNKNOWN"},
			{"no token at B's host", w.atB, "", "SESSION_REQUIRED"},
			{"a path of nobody", w.URL + "/c", "", "CENTER_UNKNOWN"},
		} {
			client := apiclient.Client{Base: c.base, HTTP: w.byHost, Token: c.token}
			got, err := client.Do(t.Context(), get)
			cmdtest.NoError(t, err)
			if got.Code != c.want {
				t.Errorf("%s: got %s, want %s", c.name, got.Code, c.want)
			}
		}
	})
	t.Run("messages", func(t *testing.T) { w.checkMessages(t, a, b) })
	t.Run("operators", func(t *testing.T) {
		_, metrics := cmdtest.Fetch(t, "GET", w.Ops+"/metrics", "")
		for _, want := range []string{
			`center="` + w.a.Center + `",channel="alipay",`, `fundpass_hashes_total{center="` + w.b.Center + `"}`,
			`fundpass_center_unknown_total{address="public"} 3`, "go_goroutines ", "fundpass_build_info{",
		} {
			if !strings.Contains(metrics, want) {
				t.Errorf("the metrics lack %s", want)
			}
		}
		for _, url := range []string{w.Ops, w.URL, w.atA} {
			if status, body := cmdtest.Fetch(t, "GET", url+"/readyz", ""); status != 200 || !strings.Contains(body, `"ready"`) {
				t.Errorf("%s: %d %s", url, status, body)
			}
		}
		if log := w.Log(); !strings.Contains(log, `"center":"`+w.a.Center+`"`) || !strings.Contains(log, `"center":"`+w.b.Center+`"`) {
			t.Error("the log does not name the centres")
		}
	})
	cmdtest.NoError(t, w.Stop())
	cmdtest.CheckServer(t, w.Process)
}

// checkMessages checks that a message of Alipay reaches the centre of its application at the
// shared address, and that only that centre's keys verify it.
func (w *town) checkMessages(t *testing.T, a, b *cmdtest.Citizen) {
	message := func(n *cmdtest.Fixture, person string) alipaysim.Notification {
		m, err := n.Sim.Write(alipaysim.Notice{Person: person, Kind: "alipay.open.auth.userauth.cancelled"})
		cmdtest.NoError(t, err)
		return m
	}
	ofA, ofB := message(w.a, a.Person.Person), message(w.b, b.Person.Person)
	forged := ofA
	forged.Body = []byte(strings.ReplaceAll(string(ofA.Body), w.a.AppID, w.b.AppID))
	unknown := ofA
	unknown.Body = []byte(strings.ReplaceAll(string(ofA.Body), w.a.AppID, "2021000000000000"))
	if got := w.post(t, "/alipay/notifications", forged); got != "fail" {
		t.Errorf("A's message with B's application: %s", got)
	}
	if got := w.post(t, "/a/alipay/notifications", ofB); got != "fail" {
		t.Errorf("B's message at A's path: %s", got)
	}
	if got := w.post(t, "/alipay/notifications", unknown); !strings.Contains(got, "CENTER_UNKNOWN") {
		t.Errorf("a message to nobody: %s", got)
	}
	a.Must("OK", cmdtest.GetFrom("/v1/link"))
	b.Must("OK", cmdtest.GetFrom("/v1/link"))
	if got := w.post(t, "/alipay/notifications", ofA); got != "success" {
		t.Errorf("A's message: %s", got)
	}
	a.Must("SESSION_EXPIRED", cmdtest.GetFrom("/v1/link")) // the link and its sessions have ended
	b.Must("OK", cmdtest.GetFrom("/v1/link"))
	if got := w.post(t, "/alipay/notifications", ofB); got != "success" {
		t.Errorf("B's message: %s", got)
	}
	b.Must("SESSION_EXPIRED", cmdtest.GetFrom("/v1/link")) // the link and its sessions have ended
}
