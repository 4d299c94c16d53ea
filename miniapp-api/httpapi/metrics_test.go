package httpapi_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The series of a replaced certificate disappears.
func TestReportCertificates(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	server := h.newServer()
	ends := map[string]time.Time{"a.crt": time.Now().Add(100 * time.Second), "b\"\n.crt": time.Now().Add(-50 * time.Second)}
	server.ReportCertificates(func() map[string]time.Time { return ends })
	ops := httptest.NewServer(server.OpsHandler())
	t.Cleanup(ops.Close)
	scrape := func() map[string]float64 {
		rsp, err := http.Get(ops.URL + "/metrics")
		must(t, err)
		defer rsp.Body.Close()
		body, err := io.ReadAll(rsp.Body)
		must(t, err)
		left := make(map[string]float64)
		for line := range strings.Lines(string(body)) {
			var file string
			var value float64
			if n, _ := fmt.Sscanf(line, "fundpass_certificate_expires_seconds{file=%q} %g", &file, &value); n == 2 {
				left[file] = value
			}
		}
		return left
	}
	got := scrape()
	if len(got) != 2 || math.Abs(got["a.crt"]-100) > 10 || math.Abs(got["b\"\n.crt"]+50) > 10 {
		t.Errorf("got %v", got)
	}
	ends = map[string]time.Time{"c.crt": time.Now()}
	if got := scrape(); len(got) != 1 || math.Abs(got["c.crt"]) > 10 {
		t.Errorf("after a renewal: %v", got)
	}
}
