package main

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/terminal"
)

// runTyping runs a command with what somebody types.
func runTyping(t testing.TB, env map[string]string, typed string, args ...string) result {
	t.Helper()
	var out, log logBuffer
	err := run(t.Context(), args, terminal.Stdio{Getenv: getenvOf(env), In: strings.NewReader(typed), Out: &out, Err: &log})
	return result{out.String(), log.String(), err}
}

// From the counter to the new password: the code is shown once, opens a reset for
// the citizen alone, and stands nowhere.
func TestResetAtTheCounter(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	c := n.linked(1, server.URL)[0]
	got := runTyping(t, n.env(), " "+c.AccountNo+"\n", "issue-reset-code", "--account", "-", "--operator", "0017")
	noError(t, got.err)
	code := regexp.MustCompile(`code +(\d{5}-\d{5})\n`).FindStringSubmatch(got.out)
	if code == nil {
		t.Fatalf("%q", got.out)
	}
	for name, secret := range map[string]string{"name": c.Name, "ID number": c.IDNumber, "account number": c.AccountNo} {
		if strings.Contains(got.out+got.log, secret) {
			t.Errorf("the %s is printed", name)
		}
	}
	if !strings.Contains(got.out, "**试") && !strings.Contains(got.out, "***试") {
		t.Errorf("the holder's masked name is missing: %q", got.out)
	}
	var by, digest string
	noError(t, n.sql.QueryRow(`SELECT issued_by, encode(code_digest, 'escape') FROM reset_codes`).Scan(&by, &digest))
	if plain := strings.ReplaceAll(code[1], "-", ""); by != "0017" || strings.Contains(digest, plain) {
		t.Errorf("issued by %q", by)
	}
	c.must("OK", c.openChange(c.Password)) // the password is as it was
	opened := c.must("OK", postTo("/v1/password/resets", apiclient.Fields{"code": code[1]}))
	c.must("OK", confirmTo("/v1/password/resets/"+opened.Text("id"), "Copper-Kettle-77"))
	c.must("OK", c.openChange("Copper-Kettle-77"))
	c.must("RESET_CODE_WRONG", postTo("/v1/password/resets", apiclient.Fields{"code": code[1]}))
	for _, kind := range []string{"reset_code_issued", "password_reset"} {
		if n.events(kind) != 1 {
			t.Errorf("%d events %s", n.events(kind), kind)
		}
	}
}

func TestResetRefused(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	all := n.addCitizens(2, "")
	good, frozen := all[0], all[1]
	_, err := n.sql.Exec(`UPDATE accounts SET status = '06' WHERE person_digest = $1`, frozen.digest)
	noError(t, err)
	for name, tt := range map[string]struct {
		typed string
		args  []string
		want  error
	}{
		"number as an argument": {"", []string{"--account", good.AccountNo, "--operator", "0017"}, errAccountFlag},
		"nobody's":              {good.AccountNo, nil, errResetOperator},
		"a name with blanks":    {good.AccountNo, []string{"--operator", "Li Si"}, errResetOperator},
		"nothing typed":         {"\n", []string{"--operator", "0017"}, errNoSuchNumber},
		"unknown":               {"123", []string{"--operator", "0017"}, errNoSuchNumber},
		"frozen":                {frozen.AccountNo, []string{"--operator", "0017"}, errNoReset},
	} {
		got := runTyping(t, n.env(), tt.typed, append([]string{"issue-reset-code"}, tt.args...)...)
		if !errors.Is(got.err, tt.want) || strings.Contains(got.out, "code") || strings.Contains(got.err.Error(), good.AccountNo) {
			t.Errorf("%s: %v %q", name, got.err, got.out)
		}
	}
	var issued int
	noError(t, n.sql.QueryRow(`SELECT count(*) FROM reset_codes`).Scan(&issued))
	if issued != 0 {
		t.Errorf("%d codes were issued", issued)
	}
	if got := runTyping(t, nil, good.AccountNo, "issue-reset-code", "--operator", "0017"); got.err == nil || !strings.Contains(got.err.Error(), "FUNDPASS_COLUMN_KEY_FILE") {
		t.Errorf("without settings: %v", got.err)
	}
}

// Codes are of full length and no two alike.
func TestNewResetCode(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	first := map[byte]bool{}
	for range 1000 {
		code, err := newResetCode()
		noError(t, err)
		if len(code) != 10 || strings.Trim(code, "0123456789") != "" || seen[code] {
			t.Fatalf("code of %d digits, or again", len(code))
		}
		seen[code], first[code[0]] = true, true
	}
	if len(first) != 10 {
		t.Errorf("codes begin with %d digits only", len(first))
	}
}
