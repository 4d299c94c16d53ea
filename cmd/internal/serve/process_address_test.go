package serve

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
)

// TestCentersAddresses checks that the website of a centre is found by the host of its origin,
// and the API for its app by the host and the path of its URL. A centre without them has none.
// Both channels are new and thus switched off, which only the centre says.
func TestCentersAddresses(t *testing.T) {
	t.Parallel()
	w := prepareTown(t)
	w.ea.Set = cmdtest.Values{"FUNDPASS_WEBSITE_ORIGIN": "https://a.example:8443", "FUNDPASS_MOBILE_URL": "https://app.example/A"}
	w.eb.Set = cmdtest.Values{"FUNDPASS_MOBILE_URL": "https://app.example/B/"}
	env := w.write()
	env["FUNDPASS_WEBSITE_ADDR"], env["FUNDPASS_MOBILE_ADDR"] = "127.0.0.1:0", "127.0.0.1:0"
	stdio := terminal.Stdio{Getenv: cmdtest.GetenvOf(env)}
	c, wrong := settings.ReadCenters(stdio)
	cmdtest.NoError(t, errors.Join(wrong...))
	s, err := startProcess(t.Context(), stdio, c.All, slog.New(slog.DiscardHandler), nil)
	cmdtest.NoError(t, err)
	t.Cleanup(func() { cmdtest.NoError(t, s.Close()) })
	p := s.(*process)
	for _, c := range []struct {
		name, url string
		at        http.Handler
		status    int
		holds     string
	}{
		{"website", "http://a.example:8443/", p.website, 503, "网站暂停服务"},
		{"website, port removed", "http://a.example/", p.website, 503, "网站暂停服务"},
		{"website of nobody", "http://b.example/", p.website, 404, "没有找到公积金中心"},
		{"app of A", "http://app.example/A/v1/link", p.mobile, 503, "CHANNEL_CLOSED"},
		{"app of B", "http://app.example/B/v1/link", p.mobile, 503, "CHANNEL_CLOSED"},
		{"app of nobody", "http://app.example/C/v1/link", p.mobile, 404, "CENTER_UNKNOWN"},
		{"app by another host", "http://10.0.0.1/B/v1/link", p.mobile, 503, "CHANNEL_CLOSED"},
		{"health", "http://10.0.0.1/healthz", p.mobile, 200, "alive"},
	} {
		got := httptest.NewRecorder()
		c.at.ServeHTTP(got, httptest.NewRequest("GET", c.url, nil))
		if got.Code != c.status || !strings.Contains(got.Body.String(), c.holds) {
			t.Errorf("%s: %d %s", c.name, got.Code, got.Body)
		}
	}
}
