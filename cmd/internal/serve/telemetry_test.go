package serve

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

// A collector keeps what is sent to it, by path.
type collector struct {
	mu   sync.Mutex
	sent map[string][]byte
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[r.URL.Path] = append(c.sent[r.URL.Path], body...)
}

// A server with an endpoint sends traces and metrics there at the latest when it ends. Neither
// holds anything of a citizen. The exporters read the process's environment, so the test is
// not parallel.
func TestServeExports(t *testing.T) {
	c := &collector{sent: map[string][]byte{}}
	web := httptest.NewServer(c)
	t.Cleanup(web.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", web.URL)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=trial")
	n := cmdtest.NewFixture(t)
	server := cmdtest.StartServer(t, n.Env(cmdtest.Unlimited, cmdtest.Values{"OTEL_EXPORTER_OTLP_ENDPOINT": web.URL}))
	citizen := n.Linked(1, server.URL)[0]
	citizen.Must("OLD_PASSWORD_WRONG", citizen.OpenChange("Wrong-Canary-81"))
	cmdtest.NoError(t, server.Stop())

	for path, wants := range map[string][]string{
		"/v1/traces":  {"POST /v1/link", "store.Session", "alipay.system.oauth.token", "fundpass.code", "OLD_PASSWORD_WRONG", "deployment.environment.name"},
		"/v1/metrics": {"fundpass_request_seconds", "fundpass_business_total", "fundpass_hashes_total"},
	} {
		sent := c.sent[path]
		for _, want := range wants {
			if !bytes.Contains(sent, []byte(want)) {
				t.Errorf("%s lacks %s", path, want)
			}
		}
		for _, secret := range []string{citizen.Name, citizen.IDNumber, citizen.IDNumber[10:], citizen.AccountNo, citizen.Phone,
			citizen.Password, citizen.OpenID + `"`, citizen.Token, "Wrong-Canary-81", "SELECT", "INSERT", "127.0.0.1"} {
			if bytes.Contains(sent, []byte(secret)) {
				t.Errorf("%s holds %q", path, secret)
			}
		}
	}
}

// What the variables ask for and this program cannot do is said before it listens.
func TestServeRefusesTelemetry(t *testing.T) {
	t.Parallel()
	p := cmdtest.BeginServe(t, cmdtest.NewBareEnv(t).Env(cmdtest.Values{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
	}))
	<-p.Dead
	if p.Err == nil || !strings.Contains(p.Err.Error(), "OTEL_EXPORTER_OTLP_PROTOCOL") {
		t.Errorf("got %v", p.Err)
	}
}
