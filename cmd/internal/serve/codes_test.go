package serve

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

// TestServeWithCentreCodes checks that check prints the number of types in the centre's
// file, and that a server uses them.
func TestServeWithCentreCodes(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewOwnEnv(t)
	s.AddOK()
	own, err := os.ReadFile(cmdtest.CentreFile)
	cmdtest.NoError(t, err)
	s.Write("documents.json", string(own))
	env := s.Env(cmdtest.Values{"FUNDPASS_DOCUMENTS_FILE": s.Path("documents.json")})
	got := runCheck(t, env)
	cmdtest.NoError(t, got.Err)
	got.want(verdictOK, "FUNDPASS_DOCUMENTS_FILE", "documents.json: 12 types")
	server := cmdtest.StartServer(t, env)
	token := s.OpenSession(t, server.URL)
	for code, want := range map[string]string{
		"08": "COUNTER_ONLY", // on the centre's list, not compared by Alipay
		"20": "UNKNOWN",      // on the built-in list only
	} {
		body := `{"name":"林志","id_type":"` + code + `","id_number":"99010001","password":"x"}`
		req, err := http.NewRequest("POST", server.URL+"/v1/link", strings.NewReader(body))
		cmdtest.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := cmdtest.NewClient(t).Do(req)
		cmdtest.NoError(t, err)
		answer, err := io.ReadAll(resp.Body)
		cmdtest.NoError(t, err)
		resp.Body.Close()
		if resp.StatusCode != 400 || !strings.Contains(string(answer), `"`+want+`"`) {
			t.Errorf("code %s: %d %s", code, resp.StatusCode, answer)
		}
	}
	cmdtest.NoError(t, server.Stop())
}
