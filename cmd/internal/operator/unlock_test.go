package operator

import (
	"errors"
	"strings"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/testenv"
	"fundpass/miniapp-api/document"
	"fundpass/store"
)

// operate runs a command with typed as the operator's input.
func operate(t testing.TB, s *cmdtest.ServerEnv, typed string, args ...string) cmdtest.Result {
	t.Helper()
	return cmdtest.RunTyping(t, s.Env(), typed, args...)
}

// lockOut locks the citizen's password in both scopes.
func lockOut(n *cmdtest.Fixture, c *cmdtest.Citizen) {
	n.T.Helper()
	_, err := n.SQL.Exec(`
		INSERT INTO lockouts (center_id, person_digest, scope, attempts, tier, locked_until, admitted, refused, updated_at)
		SELECT $3, $1, scope, 0, 1, now() + interval '1 hour', true, 0, now()
		FROM (VALUES ('public'::bytea), ($2::bytea)) scopes (scope)
		ON CONFLICT (center_id, person_digest, scope) DO UPDATE SET tier = 1, locked_until = excluded.locked_until`,
		c.Digest, store.OwnerScope, n.Center)
	cmdtest.NoError(n.T, err)
}

// TestUnlock unlocks by account number and by ID number: the citizen can try again and
// sees the action, and the record has the operator and the reason.
func TestUnlock(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	citizens := n.Linked(3, server.URL)
	bystander := citizens[2]
	lockOut(n, bystander)
	for i, typed := range []string{citizens[0].AccountNo + "\n", "  " + citizens[1].IDNumber} {
		c := citizens[i]
		lockOut(n, c)
		c.Must("PASSWORD_LOCKED", c.OpenChange(c.Password))
		got := operate(t, n.ServerEnv, typed, "unlock", "--operator", "窗口7 李", "--reason", "came to the counter with the ID card")
		cmdtest.NoError(t, got.Err)
		for _, want := range []string{"2 attempt counters cleared, 2 of them were locked", "*", "公积金中心已解除密码锁定", "Recorded as "} {
			if !strings.Contains(got.Out, want) {
				t.Errorf("%q is not in:\n%s", want, got.Out)
			}
		}
		for _, secret := range []string{c.IDNumber, c.AccountNo, c.Name, c.Password, c.Phone} {
			if testenv.Holds(got.Out+got.Log, secret) {
				t.Errorf("%q is shown", secret)
			}
		}
		if events := c.Must("OK", cmdtest.GetFrom("/v1/events")).Raw; !strings.Contains(string(events), `"channel":"operator"`) ||
			!strings.Contains(string(events), "公积金中心已解除密码锁定") {
			t.Errorf("the citizen reads %s", events)
		}
		c.Must("OK", c.OpenChange(c.Password))
	}
	bystander.Must("PASSWORD_LOCKED", bystander.OpenChange(bystander.Password))
	var changed []string
	cmdtest.NoError(t, n.SQL.Select(&changed, `SELECT concat(version, ' ', state) FROM password_credentials WHERE version <> 1 OR state <> 'set'`))
	if len(changed) != 0 {
		t.Errorf("passwords were changed: %v", changed)
	}

	listed := operate(t, n.ServerEnv, "", "audit", "--days", "1")
	cmdtest.NoError(t, listed.Err)
	if strings.Count(listed.Out, "窗口7 李") != 2 || strings.Count(listed.Out, "unlock") != 2 || strings.Count(listed.Out, "came to the counter") != 2 {
		t.Errorf("audit:\n%s", listed.Out)
	}
	cmdtest.NoError(t, server.Stop())
}

// TestUnlockKeepsFrozen checks that a frozen password stays frozen, and that the operator
// reads so.
func TestUnlockKeepsFrozen(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	c := n.Linked(1, server.URL)[0]
	c.Must("OK", cmdtest.PostTo("/v1/freeze", apiclient.Fields{}))
	got := operate(t, n.ServerEnv, c.AccountNo, "unlock", "--operator", "li", "--reason", "asked by phone")
	cmdtest.NoError(t, got.Err)
	if !strings.Contains(got.Out, "still frozen") {
		t.Errorf("output:\n%s", got.Out)
	}
	c.MustLogIn()
	c.Must("PASSWORD_FROZEN", c.OpenChange(c.Password))
}

// TestUnlockRefuses checks that invalid calls are refused with the right error and exit
// status before a number is read, and that an unknown person leaves no record.
func TestUnlockRefuses(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	c := n.AddCitizens(1, "")[0]
	why := []string{"--operator", "li", "--reason", "came to the counter"}
	for _, test := range []struct {
		name, typed string
		args        []string
		want        error
		status      int
	}{
		{"no operator", c.AccountNo, []string{"--reason", "came to the counter"}, errOperator, 2},
		{"blank operator", c.AccountNo, []string{"--operator", " ", "--reason", "came to the counter"}, errOperator, 2},
		{"no reason", c.AccountNo, []string{"--operator", "li"}, errReason, 2},
		{"short reason", c.AccountNo, []string{"--operator", "li", "--reason", "ok"}, errReason, 2},
		{"two lines", c.AccountNo, []string{"--operator", "li", "--reason", "came\nto the counter"}, errReason, 2},
		{"number in the reason", c.AccountNo, []string{"--operator", "li", "--reason", "for " + c.IDNumber}, errPersonal, 2},
		{"argument", c.AccountNo, append([]string{c.AccountNo}, why...), terminal.ErrUsage, 2},
		{"unknown flag", c.AccountNo, append([]string{"--account", "1"}, why...), terminal.ErrUsage, 2},
		{"nothing typed", "", why, errNoNumber, 1},
		{"blank typed", " \n", why, errNoNumber, 1},
		{"unknown account", "880099999999\n", why, errNoAccount, 1},
		{"unknown person", "99010119560307999" + document.CheckDigit("99010119560307999") + "\n", why, errNoAccount, 1},
		{"other document", c.IDNumber, append([]string{"--id-type", "03"}, why...), errNoAccount, 1},
	} {
		got := operate(t, n.ServerEnv, test.typed, append([]string{"unlock"}, test.args...)...)
		if !errors.Is(got.Err, test.want) || terminal.Status(got.Err) != test.status || got.Out != "" {
			t.Errorf("%s: %v, exit %d\n%s", test.name, got.Err, terminal.Status(got.Err), got.Out)
			continue
		}
		if strings.Contains(got.Err.Error()+got.Log, c.IDNumber) || strings.Contains(got.Err.Error()+got.Log, c.AccountNo) && test.name != "argument" {
			t.Errorf("%s: shows the number: %v", test.name, got.Err)
		}
	}
	if n.Number(`SELECT count(*) FROM operator_actions`)+n.Events(store.EventUnlocked) != 0 {
		t.Error("a refused unlock was recorded")
	}
	if got := operate(t, n.ServerEnv, "", "audit", "--days", "0"); !errors.Is(got.Err, errDays) || terminal.Status(got.Err) != 2 {
		t.Errorf("--days 0: %v", got.Err)
	}
	got := cmdtest.Run(t, nil, "unlock", "--operator", "li", "--reason", "came to the counter")
	for _, name := range []string{"FUNDPASS_DATABASE_URL", "FUNDPASS_APP_ID", "FUNDPASS_COLUMN_KEY_FILE"} {
		if got.Err == nil || !strings.Contains(got.Err.Error(), name) {
			t.Errorf("%s is not named: %v", name, got.Err)
		}
	}
}
