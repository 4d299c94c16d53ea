package walk

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
)

// TestWalkSubscribes checks that the citizen of a walk accepts the messages and that the
// page reports it, and that neither happens without templates.
func TestWalkSubscribes(t *testing.T) {
	t.Parallel()
	for templates, want := range map[string][]string{
		`["t1"]`: {
			`GET /v1/subscriptions `,
			`POST /sim/subscribe {"accepted":true,"person":"ok","templates":["t1"]}`,
			`POST /v1/subscriptions {"accepted":true,"template_id":"t1"}`,
		},
		`[]`: {`GET /v1/subscriptions `},
	} {
		var got []string
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got = append(got, r.Method+" "+r.URL.Path+" "+string(body))
			io.WriteString(w, `{"code":"OK","data":{"templates":`+templates+`}}`)
		}))
		w := &walk{client: apiclient.Client{Base: s.URL, HTTP: s.Client()}, Screen: terminal.NewScreen(terminal.Stdio{Out: &cmdtest.LogBuffer{}})}
		cmdtest.NoError(t, w.subscribe(t.Context(), &w.client, "ok"))
		s.Close()
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
}
