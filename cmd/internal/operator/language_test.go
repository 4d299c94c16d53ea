package operator

import (
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// TestOperatorInChinese checks the Chinese reports of the commands at the counter.
func TestOperatorInChinese(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	citizens := n.Linked(2, server.URL)
	c, other := citizens[0], citizens[1]
	cmdtest.NoError(t, server.Stop())
	lockOut(n, c)
	why := []string{"--operator", "li", "--reason", "came to the counter"}
	for _, step := range []struct {
		typed string
		args  []string
		want  []string
	}{
		{c.AccountNo, append([]string{"unlock"}, why...), []string{"已解锁：", "清除了 2 个错误计数，其中 2 个已锁定。", "市民在“办理记录”中看到", "记录编号 "}},
		{other.AccountNo, append([]string{"unlock"}, why...), []string{"没有密码错误记录，该账户也没有锁定："}},
		{c.AccountNo, []string{"issue-reset-code", "--operator", "0017"}, []string{"户主 ", "重置码 ", "只能用一次"}},
		{"", []string{"audit"}, []string{"时间", "解锁", "发放重置码", "came to the counter"}},
		{"880099999999", []string{"audit", "--account", "-"}, []string{"这段时间没有人工操作。"}},
	} {
		got := operate(t, n.ServerEnv, step.typed, append(step.args, "--lang", "zh")...)
		cmdtest.NoError(t, got.Err)
		cmdtest.WantIn(t, got.Out, step.want...)
		for _, secret := range secretsOf(c) {
			if testenv.Holds(got.Out+got.Log, secret) {
				t.Errorf("%v shows %q", step.args, secret)
			}
		}
	}
	if got := cmdtest.RunTyping(t, n.Env(cmdtest.Values{"LANG": "zh_CN.UTF-8"}), c.AccountNo, append([]string{"unlock"}, why...)...); got.Err != nil || !strings.Contains(got.Out, "没有密码错误记录，该账户也没有锁定：") {
		t.Errorf("got %v\n%s", got.Err, got.Out)
	}
}

// TestAuditOfAccount lists the actions on one account; its number is not accepted as an argument.
func TestAuditOfAccount(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	citizens := n.AddCitizens(2, "")
	for i, reason := range []string{"about the first", "about the other"} {
		cmdtest.NoError(t, operate(t, n.ServerEnv, citizens[i].AccountNo, "unlock", "--operator", "li", "--reason", reason).Err)
	}
	got := operate(t, n.ServerEnv, citizens[1].AccountNo+"\n", "audit", "--account", "-")
	cmdtest.NoError(t, got.Err)
	if !strings.Contains(got.Out, "about the other") || strings.Contains(got.Out, "about the first") {
		t.Errorf("got\n%s", got.Out)
	}
	if got := operate(t, n.ServerEnv, "", "audit", "--account", citizens[1].AccountNo); got.Err == nil || got.Out != "" {
		t.Errorf("a number as an argument: %v", got.Err)
	}
}

// TestUnlockOfUnlocked checks the report about an account that was not locked.
func TestUnlockOfUnlocked(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	server := n.Serve(n.DSN)
	c := n.Linked(1, server.URL)[0]
	c.Must("OLD_PASSWORD_WRONG", c.OpenChange("Wrong-River-81"))
	got := operate(t, n.ServerEnv, c.AccountNo, "unlock", "--operator", "li", "--reason", "asked by phone")
	cmdtest.NoError(t, got.Err)
	if !strings.Contains(got.Out, "Failed attempts reset; the account was not locked: ") || strings.Contains(got.Out, "Unlocked") {
		t.Errorf("got\n%s", got.Out)
	}
}

// TestPersonReportsInChinese checks the Chinese reports about a person's data.
func TestPersonReportsInChinese(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	c := n.AddCitizens(1, "")[0]
	got := runAbout(n, c.AccountNo, "erase-person", "--lang", "zh")
	cmdtest.NoError(t, got.Err)
	cmdtest.WantIn(t, got.Out, "1 个账户：", "保留", "没有改动。加 --yes 再运行才会执行。")
	got = runAbout(n, c.AccountNo, "export-person", "--out", n.Path("person.json"), "--lang", "zh")
	cmdtest.NoError(t, got.Err)
	cmdtest.WantIn(t, got.Out, "交给市民后请删除。")
	got = operate(t, n.ServerEnv, "", "retention", "--dry-run", "--lang", "zh")
	cmdtest.NoError(t, got.Err)
	cmdtest.WantIn(t, got.Out, "种类", "将删除", "删除的分区")
}
