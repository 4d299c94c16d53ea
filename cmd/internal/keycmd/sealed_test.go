package keycmd

import (
	"errors"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/testenv"
)

// post sends a message of Alipay's to a server.
func post(n *cmdtest.ServerEnv, url, body string) {
	n.T.Helper()
	resp, err := cmdtest.NewClient(n.T).Post(url, "application/x-www-form-urlencoded; charset=UTF-8", strings.NewReader(body))
	cmdtest.NoError(n.T, err)
	cmdtest.NoError(n.T, resp.Body.Close())
}

// TestVerifySealedLine logs one refused message sealed. Verify prints the same about the line
// as about the message.
func TestVerifySealedLine(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	server := cmdtest.StartServer(t, s.Env(cmdtest.Values{"FUNDPASS_LOG_REFUSED_MESSAGE": "sealed"}))
	spoilt := notification(s, cancelled, "wrong_key")
	for _, body := range []string{"a=b", notification(s, cancelled, ""), spoilt, spoilt} {
		post(s, server.URL+"/alipay/notifications", body)
	}
	cmdtest.NoError(t, server.Stop())
	if n := strings.Count(server.Log(), "fundpass-sealed:"); n != 1 {
		t.Fatalf("%d messages were logged:\n%s", n, server.Log())
	}
	if testenv.Holds(server.Log(), "notify_id=") || testenv.Holds(server.Log(), spoilt) {
		t.Error("the log holds a readable message")
	}
	env := s.Env()
	plain := verifyText(t, env, "Content-Type: application/x-www-form-urlencoded\r\n\r\n"+spoilt)
	for line := range strings.Lines(server.Log()) {
		if strings.Contains(line, "fundpass-sealed:") {
			if got := verifyText(t, env, line); got.Out != plain.Out || !errors.Is(got.Err, errRefused) {
				t.Errorf("got %v\n%s\nwant\n%s", got.Err, got.Out, plain.Out)
			}
			if got := verifyText(t, keyringEnv(s), line); !errors.Is(got.Err, terminal.ErrUsage) || !strings.Contains(got.Err.Error(), "FUNDPASS_COLUMN_KEY_FILE") {
				t.Errorf("without the key: %v", got.Err)
			}
		}
	}
}

// TestNoRefusedMessageInLog checks that no message is logged by default.
func TestNoRefusedMessageInLog(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	server := cmdtest.StartServer(t, s.Env())
	post(s, server.URL+"/alipay/notifications", notification(s, cancelled, "wrong_key"))
	post(s, server.URL+"/alipay/spi", notification(s, cancelled, "wrong_key"))
	cmdtest.NoError(t, server.Stop())
	if strings.Contains(server.Log(), "sealed") {
		t.Errorf("logged:\n%s", server.Log())
	}
}
