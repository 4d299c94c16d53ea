package main

import (
	"errors"
	"strings"
	"testing"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/document"
	"fundpass/store"
)

// operate runs a command with the operator's keyboard.
func (s *serverEnv) operate(t testing.TB, typed string, args ...string) result {
	t.Helper()
	var out, log logBuffer
	err := run(t.Context(), args, stdio{getenv: getenvOf(s.env()), in: strings.NewReader(typed), out: &out, err: &log})
	return result{out.String(), log.String(), err}
}

// lock locks the citizen's password in both scopes.
func (n *fixture) lock(c *citizen) {
	n.t.Helper()
	_, err := n.sql.Exec(`
		INSERT INTO lockouts (center_id, person_digest, scope, attempts, tier, locked_until, admitted, refused, updated_at)
		SELECT $3, $1, scope, 0, 1, now() + interval '1 hour', true, 0, now()
		FROM (VALUES ('public'::bytea), ($2)) scopes (scope)
		ON CONFLICT (center_id, person_digest, scope) DO UPDATE SET tier = 1, locked_until = excluded.locked_until`,
		c.digest, n.identityOf(c), n.center)
	noError(n.t, err)
}

func (n *fixture) identityOf(c *citizen) (digest []byte) {
	n.t.Helper()
	noError(n.t, n.sql.QueryRow(`SELECT identity_digest FROM links WHERE person_digest = $1`, c.digest).Scan(&digest))
	return digest
}

// The clerk unlocks by account number or by ID number: the citizen can try
// again, reads of it, and the record says who and why.
func TestUnlock(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	citizens := n.linked(3, server.URL)
	bystander := citizens[2]
	n.lock(bystander)
	for i, typed := range []string{citizens[0].AccountNo + "\n", "  " + citizens[1].IDNumber} {
		c := citizens[i]
		n.lock(c)
		c.must("PASSWORD_LOCKED", c.openChange(c.Password))
		got := n.operate(t, typed, "unlock", "--operator", "窗口7 李", "--reason", "came to the counter with the ID card")
		noError(t, got.err)
		for _, want := range []string{"2 attempt counters cleared, 2 of them were locked", "*", "公积金中心已解除密码锁定", "Recorded as "} {
			if !strings.Contains(got.out, want) {
				t.Errorf("%q is not in:\n%s", want, got.out)
			}
		}
		for _, secret := range []string{c.IDNumber, c.AccountNo, c.Name, c.Password, c.Phone} {
			if testenv.Holds(got.out+got.log, secret) {
				t.Errorf("%q is shown", secret)
			}
		}
		if events := c.must("OK", getFrom("/v1/events")).raw; !strings.Contains(string(events), `"channel":"operator"`) ||
			!strings.Contains(string(events), "公积金中心已解除密码锁定") {
			t.Errorf("the citizen reads %s", events)
		}
		c.must("OK", c.openChange(c.Password))
	}
	bystander.must("PASSWORD_LOCKED", bystander.openChange(bystander.Password))
	var touched []string
	noError(t, n.sql.Select(&touched, `SELECT concat(version, ' ', state) FROM password_credentials WHERE version <> 1 OR state <> 'set'`))
	if len(touched) != 0 {
		t.Errorf("passwords were touched: %v", touched)
	}

	listed := n.operate(t, "", "audit", "--days", "1")
	noError(t, listed.err)
	if strings.Count(listed.out, "窗口7 李") != 2 || strings.Count(listed.out, "unlock") != 2 || strings.Count(listed.out, "came to the counter") != 2 {
		t.Errorf("audit:\n%s", listed.out)
	}
	noError(t, server.Stop())
}

// A frozen password stays frozen, and the operator is told so.
func TestUnlockKeepsFrozen(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	server := n.serve(n.dsn)
	c := n.linked(1, server.URL)[0]
	c.must("OK", postTo("/v1/freeze", fields{}))
	got := n.operate(t, c.AccountNo, "unlock", "--operator", "li", "--reason", "asked by phone")
	noError(t, got.err)
	if !strings.Contains(got.out, "still frozen") {
		t.Errorf("not told:\n%s", got.out)
	}
	c.mustLogIn()
	c.must("PASSWORD_FROZEN", c.openChange(c.Password))
}

// What is called wrongly is said by name, with the exit code for it, before a
// number is asked for; who is not there leaves no trace.
func TestUnlockRefuses(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	c := n.addCitizens(1, "")[0]
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
		{"argument", c.AccountNo, append([]string{c.AccountNo}, why...), errUsage, 2},
		{"unknown flag", c.AccountNo, append([]string{"--account", "1"}, why...), errUsage, 2},
		{"nothing typed", "", why, errNobody, 1},
		{"blank typed", " \n", why, errNobody, 1},
		{"unknown account", "880099999999\n", why, errNoAccount, 1},
		{"unknown person", "99010119560307999" + document.CheckDigit("99010119560307999") + "\n", why, errNoAccount, 1},
		{"other document", c.IDNumber, append([]string{"--id-type", "03"}, why...), errNoAccount, 1},
	} {
		got := n.operate(t, test.typed, append([]string{"unlock"}, test.args...)...)
		if !errors.Is(got.err, test.want) || statusOf(got.err) != test.status || got.out != "" {
			t.Errorf("%s: %v, exit %d\n%s", test.name, got.err, statusOf(got.err), got.out)
			continue
		}
		if strings.Contains(got.err.Error()+got.log, c.IDNumber) || strings.Contains(got.err.Error()+got.log, c.AccountNo) && test.name != "argument" {
			t.Errorf("%s: shows the number: %v", test.name, got.err)
		}
	}
	if n.number(`SELECT count(*) FROM operator_actions`)+n.events(store.EventUnlocked) != 0 {
		t.Error("a refused unlock left a trace")
	}
	if got := n.operate(t, "", "audit", "--days", "0"); !errors.Is(got.err, errDays) || statusOf(got.err) != 2 {
		t.Errorf("--days 0: %v", got.err)
	}
	got := runWith(t, nil, "unlock", "--operator", "li", "--reason", "came to the counter")
	for _, name := range []string{"FUNDPASS_DATABASE_URL", "FUNDPASS_APP_ID", "FUNDPASS_COLUMN_KEY_FILE"} {
		if got.err == nil || !strings.Contains(got.err.Error(), name) {
			t.Errorf("%s is not named: %v", name, got.err)
		}
	}
}
