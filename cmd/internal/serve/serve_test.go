package serve

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

func TestServe(t *testing.T) {
	t.Parallel()
	server := cmdtest.StartServer(t, cmdtest.NewEnv(t).Env())
	for _, c := range []struct {
		name, url string
		want      int
	}{
		{"alive", server.URL + "/healthz", 200},
		{"ready", server.URL + "/readyz", 200},
		{"no metrics for citizens", server.URL + "/metrics", 404},
		{"operators: alive", server.Ops + "/healthz", 200},
		{"operators: ready", server.Ops + "/readyz", 200},
		{"operators: metrics", server.Ops + "/metrics", 200},
		{"operators: no API", server.Ops + "/v1/link", 404},
		{"operators: no profiles", server.Ops + "/debug/pprof/", 404},
		{"no session", server.URL + "/v1/link", 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, body := cmdtest.Fetch(t, "GET", c.url, ""); got != c.want {
				t.Errorf("got %d, want %d: %s", got, c.want, body)
			}
		})
	}
	cmdtest.NoError(t, server.Stop())
	if _, err := cmdtest.NewClient(t).Get(server.URL + "/healthz"); err == nil {
		t.Error("the server still replies")
	}
	for line := range strings.Lines(server.Output.String()) {
		var entry struct{ Time, Level, Msg, Environment string }
		if json.Unmarshal([]byte(line), &entry) != nil || entry.Msg == "" || entry.Environment != "test" {
			t.Errorf("not a line of the log: %s", line)
		}
	}
	if !strings.Contains(server.Output.String(), `"stopped"`) {
		t.Errorf("the end is not logged:\n%s", server.Output)
	}
}

// TestServeDrains checks that a stopping server reports not ready while it still accepts
// requests, and answers a request that is active.
func TestServeDrains(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	s.AddOK()
	a := newApp(t, s)
	a.Settings.DrainDelay = 7 * time.Second
	pausing, pauseOver := make(chan time.Duration), make(chan struct{})
	a.pause = func(d time.Duration) { pausing <- d; <-pauseOver }
	public, err := net.Listen("tcp", "127.0.0.1:0")
	cmdtest.NoError(t, err)
	ops, err := net.Listen("tcp", "127.0.0.1:0")
	cmdtest.NoError(t, err)
	url, opsURL := "http://"+public.Addr().String(), "http://"+ops.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx, Listeners{Public: public, Ops: ops}) }()

	cmdtest.NoError(t, s.Sim.Fault("slow", 1)) // the reply takes 3 s
	answered := make(chan int, 1)
	go func() { answered <- s.LogIn(t, url) }()
	testenv.Eventually(t, "a request is active", func() bool { return s.Sim.Calls("alipay.system.oauth.token") > 0 })
	stop()
	if got := <-pausing; got != 7*time.Second {
		t.Errorf("connections are refused after %v", got)
	}
	if got, body := cmdtest.Fetch(t, "GET", url+"/readyz", ""); got != 503 || !strings.Contains(body, "request_id") {
		t.Errorf("ready: %d %s", got, body)
	}
	if got, _ := cmdtest.Fetch(t, "GET", opsURL+"/readyz", ""); got != 503 {
		t.Errorf("operators: %d", got)
	}
	if got, _ := cmdtest.Fetch(t, "GET", url+"/healthz", ""); got != 200 {
		t.Errorf("alive: %d", got)
	}
	close(pauseOver)
	if got := <-answered; got != 200 {
		t.Errorf("the active request got %d", got)
	}
	cmdtest.NoError(t, <-ended)
}

// TestServeRefuses checks that a server with a wrong setting reports it and does not
// listen.
func TestServeRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	cmdtest.NoError(t, err)
	defer taken.Close()
	for _, c := range []struct {
		name   string
		newEnv func(t *testing.T) *cmdtest.ServerEnv
		change cmdtest.Values
		want   string
		is     error
	}{
		{"settings", newServerEnvT, cmdtest.Values{"FUNDPASS_APP_ID": "", "FUNDPASS_PROOF": "x"}, "FUNDPASS_APP_ID", nil},
		{"the demo's centre", newServerEnvT, cmdtest.Values{"FUNDPASS_CENTER": "demo"}, "FUNDPASS_CENTER", nil},
		{"the demo's database", func(t *testing.T) *cmdtest.ServerEnv {
			s := cmdtest.NewOwnEnv(t)
			storetest.Open(t, s.DSN, storetest.WithCenter("demo", "2021990100000000"))
			return s
		}, nil, "FUNDPASS_DATABASE_URL", settings.ErrDemoDatabase},
		{"not migrated", func(t *testing.T) *cmdtest.ServerEnv {
			s := cmdtest.NewBareEnv(t)
			s.DSN = storetest.EmptyDSN(t)
			return s
		}, nil, "run fundpass migrate", store.ErrNotMigrated},
		{"another application", func(t *testing.T) *cmdtest.ServerEnv {
			s := cmdtest.NewOwnEnv(t)
			storetest.Open(t, s.DSN, storetest.WithCenter("test", "2021000000000009"))
			return s
		}, nil, "FUNDPASS_DATABASE_URL", store.ErrOtherApp},
		{"port in use", newServerEnvT, cmdtest.Values{"FUNDPASS_ADDR": taken.Addr().String()}, "FUNDPASS_ADDR", syscall.EADDRINUSE},
		{"operators' port in use", newServerEnvT, cmdtest.Values{"FUNDPASS_OPS_ADDR": taken.Addr().String()}, "FUNDPASS_OPS_ADDR", syscall.EADDRINUSE},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := cmdtest.BeginServe(t, c.newEnv(t).Env(c.change))
			select {
			case <-got.Dead:
			case <-time.After(testenv.Patience):
				t.Fatalf("it serves:\n%s", got.Output)
			}
			if got.Err == nil || !strings.Contains(got.Err.Error(), c.want) || c.is != nil && !errors.Is(got.Err, c.is) {
				t.Errorf("got %v, want %q and %v", got.Err, c.want, c.is)
			}
			if strings.Contains(got.Output.String(), `"listening"`) {
				t.Error("it listened")
			}
		})
	}
}

func newServerEnvT(t *testing.T) *cmdtest.ServerEnv { return cmdtest.NewEnv(t) }

// TestServeWaitsForDatabase checks that serve waits for an unavailable database until it
// gets a signal.
func TestServeWaitsForDatabase(t *testing.T) {
	t.Parallel()
	server := cmdtest.BeginServe(t, cmdtest.NewBareEnv(t).Env())
	server.AwaitDatabase()
	cmdtest.NoError(t, server.Stop())
}

// TestServeRates checks that the rate limits are those of the settings, and that only a
// trusted proxy can set the address.
func TestServeRates(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	s.AddOK()
	limits := cmdtest.Values{"FUNDPASS_PER_ADDRESS": "0.01,4", "FUNDPASS_PER_USER": "0.01,2"}
	direct := cmdtest.StartServer(t, s.Env(limits, cmdtest.Values{"FUNDPASS_TRUSTED_PROXIES": ""}))
	proxied := cmdtest.StartServer(t, s.Env(limits))
	get := func(server *cmdtest.Process, from int, token string) int {
		req, err := http.NewRequest("GET", server.URL+"/v1/link", nil)
		cmdtest.NoError(t, err)
		req.Header.Set("X-Forwarded-For", "192.0.2."+strconv.Itoa(from))
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := cmdtest.NewClient(t).Do(req)
		cmdtest.NoError(t, err)
		resp.Body.Close()
		return resp.StatusCode
	}
	var got [2][]int
	for i, server := range []*cmdtest.Process{direct, proxied} {
		for from := range 5 {
			got[i] = append(got[i], get(server, from, "none"))
		}
	}
	if diff := cmp.Diff([2][]int{{401, 401, 401, 401, 429}, {401, 401, 401, 401, 401}}, got); diff != "" {
		t.Errorf("addresses: %s", diff)
	}

	token := s.OpenSession(t, proxied.URL)
	var user []int
	for from := range 3 {
		user = append(user, get(proxied, 100+from, token))
	}
	if user[0] == 429 || user[2] != 429 {
		t.Errorf("one user got %v", user)
	}
	cmdtest.NoError(t, direct.Stop())
	cmdtest.NoError(t, proxied.Stop())
}

// TestServeHelp checks that the help names the settings.
func TestServeHelp(t *testing.T) {
	t.Parallel()
	got := cmdtest.Run(t, nil, "serve", "--help")
	cmdtest.NoError(t, got.Err)
	for _, name := range []string{
		"ADDR", "OPS_ADDR", "DATABASE_URL", "APP_ID", "APP_KEY_FILE", "ALIPAY_KEY_FILES", "APP_CERT_FILE",
		"ALIPAY_ROOT_CERT_FILE", "CONTENT_KEY_FILE", "GATEWAY_URL", "COLUMN_KEY_FILE", "PEPPER_FILE",
		"TRANSPORT_KEY_FILES", "POLICY_FILE", "DOCUMENTS_FILE", "TRUSTED_PROXIES",
	} {
		if !strings.Contains(got.Out, "  FUNDPASS_"+name) {
			t.Errorf("%s is not explained", name)
		}
	}
}
