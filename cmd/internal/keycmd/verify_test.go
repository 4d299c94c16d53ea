package keycmd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/signing/alipaysim"
)

const cancelled = "alipay.open.auth.userauth.cancelled"

// notification returns a message as the environment's Alipay writes it, modified by
// fault.
func notification(s *cmdtest.ServerEnv, kind, fault string) string {
	s.T.Helper()
	s.Sim.Add(cmdtest.OKPerson)
	l, err := s.Sim.Write(alipaysim.Notice{Person: "ok", Kind: kind, Fault: fault})
	cmdtest.NoError(s.T, err)
	return string(l.Body)
}

// verifyText runs verify with text as its standard input.
func verifyText(t testing.TB, env cmdtest.Values, text string, args ...string) cmdtest.Result {
	t.Helper()
	var out, log cmdtest.LogBuffer
	err := cmdtest.Execute(t.Context(), append([]string{"verify"}, args...),
		terminal.Stdio{Getenv: cmdtest.GetenvOf(env), In: strings.NewReader(text), Out: &out, Err: &log})
	return cmdtest.Result{Out: out.String(), Log: log.String(), Err: err}
}

// keyringEnv returns the settings that verify needs.
func keyringEnv(s *cmdtest.ServerEnv) cmdtest.Values {
	env := s.Env()
	return cmdtest.Values{"FUNDPASS_APP_ID": env["FUNDPASS_APP_ID"], "FUNDPASS_APP_KEY_FILE": env["FUNDPASS_APP_KEY_FILE"],
		"FUNDPASS_ALIPAY_KEY_FILES": env["FUNDPASS_ALIPAY_KEY_FILES"]}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	good := notification(s, cancelled, "")
	form := "Content-Type: application/x-www-form-urlencoded; charset=UTF-8"
	refusal := `{"alipay_user_info_share_response":{"code":"40006","msg":"Insufficient Permissions","sub_code":"isv.insufficient-isv-permissions","sub_msg":"ISV权限不足"}}`
	for _, c := range []struct {
		name, text string
		status     int
		want       []string // beginnings of lines
	}{
		{"genuine", good, 0, []string{"family from-ant", "verdict accepted", "signature valid: Alipay's"}},
		{"line end", good + "\r\n", 0, []string{"verdict accepted"}},
		{"with a head", "POST /alipay/notifications HTTP/1.1\r\nHost: x\r\n" + form + "\r\n\r\n" + good, 0, []string{"verdict accepted"}},
		{"head without a request", form + "\n\n" + good, 0, []string{"verdict accepted"}},
		{"call", notification(s, "spi.alipay.fund.account.query", ""), 0, []string{"family spi", "verdict accepted"}},
		{"call by GET", "GET /alipay/spi?" + notification(s, "spi.alipay.fund.account.query", "") + " HTTP/1.1\r\nHost: x", 0, []string{"family spi"}},
		{"gateway check", notification(s, "alipay.service.check", ""), 0, []string{"family service", "signed part V2"}},
		{"not labelled a form", "POST /alipay/notifications HTTP/1.1\nContent-Type: text/plain\n\n" + good, 1, []string{"verdict refused", "likely the signature is valid, but Content-Type"}},
		{"no label", "POST /alipay/notifications HTTP/1.1\nHost: x\n\n" + good, 1, []string{"likely the signature is valid, but Content-Type"}},
		{"wrong key", notification(s, cancelled, "wrong_key"), 1, []string{"signature invalid: not Alipay's", "likely wrong key", "to do if the key is wrong"}},
		{"altered", notification(s, cancelled, "altered"), 1, []string{"signature invalid: not Alipay's", "likely the signature is Alipay's", "to do"}},
		{"other application", notification(s, cancelled, "other_app"), 1, []string{"signature valid: Alipay's", "likely Alipay signed it, but for another application", "to do compare FUNDPASS_APP_ID"}},
		{"stale", notification(s, cancelled, "stale"), 1, []string{"signature valid: Alipay's", "to do a message kept in a file"}},
		{"unsigned", notification(s, cancelled, "unsigned"), 1, []string{"likely parameter sign is missing", "to do Alipay signs every message"}},
		{"SHA-1", notification(s, cancelled, "sha1"), 1, []string{"likely signed with SHA-1", "to do set the application to RSA2"}},
		{"twice", notification(s, cancelled, "duplicate"), 1, []string{"likely a parameter is given twice", "to do find what adds"}},
		{"unknown certificate", notification(s, cancelled, "unknown_sn"), 1, []string{"to do download the certificate with fundpass keys fetch-cert"}},
		{"refusal of the gateway", "HTTP/1.1 200 OK\nContent-Type: text/html;charset=utf-8\n\n" + refusal, 1, []string{"family response", "likely Alipay refused the call: 40006", "to do look the code up"}},
		{"neither", "hello", 1, []string{"family unknown", "verdict refused"}},
	} {
		t.Run(c.name, func(t *testing.T) { // not parallel: the notifications expire
			got := verifyText(t, keyringEnv(s), c.text)
			if status := exitOf(got.Err); status != c.status {
				t.Errorf("status %d (%v), want %d", status, got.Err, c.status)
			}
			plain := strings.Join(strings.Fields("\n"+strings.ReplaceAll(got.Out, "\n", " ; ")), " ")
			for _, want := range append(c.want, "keys key 1 "+s.Path("alipay_public_key.txt"), "signed text ") {
				if !strings.Contains("; "+plain, "; "+want) {
					t.Errorf("no line begins %q:\n%s", want, got.Out)
				}
			}
		})
	}
}

func exitOf(err error) int {
	if err == nil {
		return 0
	}
	return terminal.Status(err)
}

// TestVerifyKeepsValues checks that values are printed only with --show, and without
// control characters.
func TestVerifyKeepsValues(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	for _, fault := range []string{"", "altered", "wrong_key", "duplicate", "unsigned", "other_app"} {
		text := notification(s, cancelled, fault)
		if got := verifyText(t, keyringEnv(s), text); strings.Contains(got.Out+got.Said(), cmdtest.OKPerson.OpenID) {
			t.Errorf("%q: %s", fault, got.Out)
		}
		if got := verifyText(t, keyringEnv(s), text, "--show"); !strings.Contains(got.Out, `"open_id":"`+cmdtest.OKPerson.OpenID) {
			t.Errorf("%q --show: %s", fault, got.Out)
		}
	}
	got := verifyText(t, keyringEnv(s), "msg_method=%1b%5b2J%ff%c2%9b%ef张&sign=x", "--show")
	if !strings.Contains(got.Out, `msg_method=\x1b[2J\xff\u009b\xef张`) || strings.ContainsAny(got.Out, "\x1b\u009b") {
		t.Errorf("%q", got.Out)
	}
}

func TestVerifyUsage(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	good := notification(s, cancelled, "")
	for _, c := range []struct {
		name string
		env  cmdtest.Values
		text string
		args []string
		want []string
	}{
		{"nothing set", nil, good, nil, []string{"FUNDPASS_APP_ID: is not set", "FUNDPASS_APP_KEY_FILE: is not set", "FUNDPASS_ALIPAY_KEY_FILES: is not set"}},
		{"key not there", s.Env(cmdtest.Values{"FUNDPASS_ALIPAY_KEY_FILES": s.Path("absent")}), good, nil, []string{"FUNDPASS_ALIPAY_KEY_FILES: "}},
		{"half of certificate mode", s.Env(cmdtest.Values{"FUNDPASS_APP_CERT_FILE": s.Path("absent")}), good, nil, []string{"FUNDPASS_ALIPAY_ROOT_CERT_FILE: is not set"}},
		{"no such file", keyringEnv(s), "", []string{s.Path("absent")}, []string{"absent"}},
		{"two files", keyringEnv(s), "", []string{"a", "b"}, nil},
		{"unknown flag", keyringEnv(s), good, []string{"--loud"}, []string{"--loud"}},
		{"empty", keyringEnv(s), " \n", nil, []string{"no message"}},
		{"headers alone", keyringEnv(s), "POST /alipay/notifications HTTP/1.1\r\nHost: x\r\n", nil, []string{"no empty line"}},
		{"GET without query", keyringEnv(s), "GET /alipay/spi HTTP/1.1\r\n\r\n", nil, []string{"no message"}},
		{"log", keyringEnv(s), strings.Repeat("x", maxCapture+1), nil, []string{"not a log"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := verifyText(t, c.env, c.text, c.args...)
			if !errors.Is(got.Err, terminal.ErrUsage) || exitOf(got.Err) != 2 {
				t.Fatalf("got %v", got.Err)
			}
			for _, want := range c.want {
				if !strings.Contains(got.Err.Error(), want) {
					t.Errorf("%v does not say %q", got.Err, want)
				}
			}
		})
	}
}

// TestVerifyFile verifies a message in a file, without the settings that only serve
// needs.
func TestVerifyFile(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	path := filepath.Join(t.TempDir(), "notice")
	cmdtest.NoError(t, os.WriteFile(path, []byte(notification(s, cancelled, "")), 0o600))
	if got := cmdtest.Run(t, keyringEnv(s), "verify", path); got.Err != nil || !strings.Contains(got.Out, "accepted") {
		t.Errorf("%v:\n%s", got.Err, got.Out)
	}
}

func TestParseCapture(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, raw string
		want      capture
	}{
		{"body", "a=b:c", capture{body: []byte("a=b:c")}},
		{"form that looks like headers", "a-b=c: d\n\ne", capture{body: []byte("a-b=c: d\n\ne")}},
		{"JSON", "{\"a\":\n\n1}", capture{body: []byte("{\"a\":\n\n1}")}},
		{"empty line in the body", "Host: x\n\na\n\nb", capture{body: []byte("a\n\nb")}},
		{"any case", "content-TYPE:text/plain\r\n\r\na", capture{body: []byte("a"), posted: true, contentType: "text/plain"}},
		{"answer", "HTTP/2 200\nServer: x\n\n{}", capture{body: []byte("{}")}},
		{"query", "GET /x?a=b%3F?c HTTP/1.1\nContent-Type: text/plain\n\nignored", capture{body: []byte("a=b%3F?c")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := parseCapture([]byte(c.raw))
			cmdtest.NoError(t, err)
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(capture{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
