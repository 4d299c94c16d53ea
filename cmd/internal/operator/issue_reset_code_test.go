package operator

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
)

// TestResetAtTheCounter checks that a code is shown once, opens a reset for its citizen
// only, and is not stored in clear.
func TestResetAtTheCounter(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	c := n.Linked(1, server.URL)[0]
	got := cmdtest.RunTyping(t, n.Env(), " "+c.AccountNo+"\n", "issue-reset-code", "--account", "-", "--operator", "0017")
	cmdtest.NoError(t, got.Err)
	code := regexp.MustCompile(`code +(\d{5}-\d{5})\n`).FindStringSubmatch(got.Out)
	if code == nil {
		t.Fatalf("%q", got.Out)
	}
	for name, secret := range map[string]string{"name": c.Name, "ID number": c.IDNumber, "account number": c.AccountNo} {
		if strings.Contains(got.Out+got.Log, secret) {
			t.Errorf("the %s is printed", name)
		}
	}
	if !strings.Contains(got.Out, "**试") && !strings.Contains(got.Out, "***试") {
		t.Errorf("the holder's masked name is missing: %q", got.Out)
	}
	var by, digest string
	cmdtest.NoError(t, n.SQL.QueryRow(`SELECT issued_by, encode(code_digest, 'escape') FROM reset_codes`).Scan(&by, &digest))
	if plain := strings.ReplaceAll(code[1], "-", ""); by != "0017" || strings.Contains(digest, plain) {
		t.Errorf("issued by %q", by)
	}
	c.Must("OK", c.OpenChange(c.Password)) // the password is unchanged
	opened := c.Must("OK", cmdtest.PostTo("/v1/password/resets", apiclient.Fields{"code": code[1]}))
	c.Must("OK", cmdtest.ConfirmTo("/v1/password/resets/"+opened.Text("id"), "Copper-Kettle-77"))
	c.Must("OK", c.OpenChange("Copper-Kettle-77"))
	c.Must("RESET_CODE_WRONG", cmdtest.PostTo("/v1/password/resets", apiclient.Fields{"code": code[1]}))
	for _, kind := range []string{"reset_code_issued", "password_reset"} {
		if n.Events(kind) != 1 {
			t.Errorf("%d events %s", n.Events(kind), kind)
		}
	}
}

func TestResetRefused(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	all := n.AddCitizens(2, "")
	good, frozen := all[0], all[1]
	_, err := n.SQL.Exec(`UPDATE accounts SET status = '06' WHERE person_digest = $1`, frozen.Digest)
	cmdtest.NoError(t, err)
	for name, tt := range map[string]struct {
		typed string
		args  []string
		want  error
	}{
		"number as an argument": {"", []string{"--account", good.AccountNo, "--operator", "0017"}, errAccountFlag},
		"no operator":           {good.AccountNo, nil, errResetOperator},
		"a name with blanks":    {good.AccountNo, []string{"--operator", "Li Si"}, errResetOperator},
		"nothing typed":         {"\n", []string{"--operator", "0017"}, errNoSuchNumber},
		"unknown":               {"123", []string{"--operator", "0017"}, errNoSuchNumber},
		"frozen":                {frozen.AccountNo, []string{"--operator", "0017"}, errNotResettable},
	} {
		got := cmdtest.RunTyping(t, n.Env(), tt.typed, append([]string{"issue-reset-code"}, tt.args...)...)
		if !errors.Is(got.Err, tt.want) || strings.Contains(got.Out, "code") || strings.Contains(got.Err.Error(), good.AccountNo) {
			t.Errorf("%s: %v %q", name, got.Err, got.Out)
		}
	}
	var issued int
	cmdtest.NoError(t, n.SQL.QueryRow(`SELECT count(*) FROM reset_codes`).Scan(&issued))
	if issued != 0 {
		t.Errorf("%d codes were issued", issued)
	}
	if got := cmdtest.RunTyping(t, nil, good.AccountNo, "issue-reset-code", "--operator", "0017"); got.Err == nil || !strings.Contains(got.Err.Error(), "FUNDPASS_COLUMN_KEY_FILE") {
		t.Errorf("without settings: %v", got.Err)
	}
}
