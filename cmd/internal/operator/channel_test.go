package operator

import (
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/store"
)

// by are the flags of an operator.
func by(operator string, args ...string) []string {
	return append(args, "--operator", operator, "--reason", "ticket 17")
}

// channel runs fundpass channel.
func channel(t *testing.T, s *cmdtest.ServerEnv, args ...string) cmdtest.Result {
	t.Helper()
	return cmdtest.Run(t, s.Env(), append([]string{"channel"}, args...)...)
}

// lineOf returns the line of a listing that has a word.
func lineOf(text, word string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return ""
}

// An operator switches channels on and off and sees what is in force, with the other's request.
func TestChannelCommands(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	must := func(args ...string) string {
		t.Helper()
		got := channel(t, s, args...)
		cmdtest.NoError(t, got.Err)
		return got.Out
	}
	if line := lineOf(must("list"), "alipay"); line != "90 alipay 支付宝 open 00:00-24:00 the password any settings none" {
		t.Error(line)
	}
	must(by("li", "on", "website")...)
	must(by("li", "hours", "website", "00:00-00:01")...) // closed nearly always
	must(by("li", "limit", "website", "--requests", "600", "--failures", "40", "--window", "3m", "--cool-down", "10m")...)
	must(by("li", "limit", "website", "--failures", "50")...) // keeps the rest
	must(by("li", "set", "website", "--title", "网上大厅", "--proofs", "certdoc,phone", "--keypad", "!-~", "--shares-password=false")...)
	if line := lineOf(must("list"), "website"); !strings.HasPrefix(line, "30 website 网上大厅 o") ||
		!strings.HasSuffix(line, " 00:00-00:01 another password !-~ certdoc,phone; initial settings 600 requests/min, off at 50% failures of 100 in 3 min, for 10m0s") {
		t.Error(line)
	}
	must(by("li", "limit", "website", "--requests", "0", "--failures", "0")...)
	must(by("li", "set", "website", "--proofs", "settings", "--keypad", "any")...)
	if line := lineOf(must("list"), "website"); !strings.HasSuffix(line, "00:00-00:01 another password any settings none") {
		t.Error(line)
	}

	asked := channel(t, s, by("li", "off", "alipay")...)
	if asked.Err == nil || terminal.Status(asked.Err) != 3 || !strings.Contains(asked.Err.Error(), "still on") {
		t.Errorf("one operator: %v", asked.Err)
	}
	if out := must("list"); !strings.Contains(out, "alipay: li requests to switch it off (ticket 17)") || !strings.Contains(lineOf(out, "支付宝"), " open ") {
		t.Error(out)
	}
	if got := channel(t, s, by("Li", "off", "alipay")...); got.Err == nil || terminal.Status(got.Err) != 1 || !strings.Contains(got.Err.Error(), "another operator") {
		t.Errorf("the same operator: %v", got.Err)
	}
	if out := must(by("wang", "off", "alipay")...); !strings.Contains(out, "requested by li and approved by wang") {
		t.Error(out)
	}
	if line := lineOf(must("list"), "alipay"); !strings.Contains(line, "off by hand since") || !strings.Contains(line, "(ticket 17)") {
		t.Error(line)
	}
	if got := channel(t, s, by("zhao", "off", "alipay")...); got.Err == nil || !strings.Contains(got.Err.Error(), "off already") {
		t.Errorf("%v", got.Err)
	}
	must(by("zhao", "on", "alipay")...)
	must(by("zhao", "off", "alipay", "--emergency")...)
	record := cmdtest.Run(t, s.Env(), "audit").Out
	for _, want := range []string{"li channel on website", "li channel hours website", "li channel limit website", "li channel set website",
		"li channel off requested alipay", "wang channel off alipay", "zhao channel on alipay", "zhao channel off, emergency alipay"} {
		if !strings.Contains(strings.Join(strings.Fields(record), " "), want) {
			t.Errorf("audit lacks %q:\n%s", want, record)
		}
	}
}

// A channel whose keypad types less than the policy allows may not share the password: the
// refusal says what to do, and both ways work.
func TestKeypadNeedsDigits(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	set := by("li", "set", "hotline", "--credential", "password", "--shares-password")
	cmdtest.NoError(t, channel(t, s, set...).Err)
	got := channel(t, s, by("li", "on", "hotline")...)
	if got.Err == nil || !strings.Contains(got.Err.Error(), "charset 0-9") || !strings.Contains(got.Err.Error(), "--credential phone_pin") {
		t.Fatalf("on with passwords that it cannot type: %v", got.Err)
	}
	cmdtest.NoError(t, channel(t, s, by("li", "set", "hotline", "--credential", "phone_pin")...).Err)
	cmdtest.NoError(t, channel(t, s, by("li", "on", "hotline")...).Err)
	if got := channel(t, s, set...); got.Err == nil {
		t.Error("set to the password while it is on")
	}
	s.Write("policy.json", digitsOnly)
	env := s.Env(cmdtest.Values{"FUNDPASS_POLICY_FILE": s.Path("policy.json")})
	cmdtest.NoError(t, cmdtest.Run(t, env, append([]string{"channel"}, set...)...).Err)
	if out := channel(t, s, "list").Out; !strings.Contains(out, "warning: the policy allows what hotline cannot type") {
		t.Errorf("another policy: %s", out)
	}
	if out := cmdtest.Run(t, env, "channel", "list").Out; strings.Contains(out, "warning") {
		t.Error(out)
	}
}

const digitsOnly = `{"name":"digits","city":"","history":3,"initial_rules":[],
"rules":[{"id":"min-length","text":"密码至少8位","check":{"min_length":8},"source":"n"},
{"id":"max-length","text":"密码最多12位","check":{"max_length":12},"source":"n","legacy":true,"reason":"keypad"},
{"id":"charset","text":"密码只能使用数字","check":{"charset":"0-9"},"source":"n","legacy":true,"reason":"keypad"}],
"lock":{"rounds":[{"guesses":5,"lock":"15m"},{"guesses":5,"lock":"reset"}]}}`

// What is typed wrongly is refused by name, before anything is changed.
func TestChannelRefusals(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	for _, tt := range []struct {
		want string
		args []string
	}{
		{"no such channel", by("li", "on", "phone")},
		{"no such channel", by("li", "off", "counter")},
		{"--operator is required", []string{"on", "website", "--reason", "ticket 17"}},
		{"--reason is required", []string{"on", "website", "--operator", "li"}},
		{"6 or more digits", []string{"on", "website", "--operator", "li", "--reason", "asked by 13800138000"}},
		{"automatic", by("Automatic", "on", "website")},
		{"08:30-17:00", by("li", "hours", "website", "8-17")},
		{"accepts 2 arg", by("li", "hours", "website")},
		{"nothing to change", by("li", "limit", "website")},
		{"nothing to change", by("li", "set", "website")},
		{"nothing to change", by("li", "set", "website", "--lang", "en")},
		{"--requests", by("li", "limit", "website", "--requests", "-1")},
		{"--failures", by("li", "limit", "website", "--failures", "101")},
		{"--failures", by("li", "limit", "website", "--failures", "50", "--window", "30s")},
		{"--cool-down", by("li", "limit", "website", "--failures", "50", "--cool-down", "25h")},
		{"--title", by("li", "set", "website", "--title", "")},
		{"--credential", by("li", "set", "website", "--credential", "face")},
		{"does not share", by("li", "set", "website", "--credential", "phone_pin", "--shares-password")},
		{"does not share", by("li", "set", "hotline", "--shares-password")},
		{"--keypad", by("li", "set", "kiosk", "--keypad", "9-0")},
		{"proofs are", by("li", "set", "website", "--proofs", "dice")},
		{"no proof", by("li", "set", "website", "--proofs", "")},
		{"unknown flag", by("li", "on", "website", "--emergency")},
	} {
		got := channel(t, s, tt.args...)
		if got.Err == nil || terminal.Status(got.Err) != 2 || !strings.Contains(got.Err.Error(), tt.want) {
			t.Errorf("%v: %v", tt.args, got.Err)
		}
	}
	db := s.Open()
	if all, err := db.Operations().OperatorActions(t.Context(), db.Now().AddDate(-1, 0, 0)); err != nil || len(all) > 0 {
		t.Errorf("%+v %v", all, err)
	}
	all, err := db.Registry().Channels(t.Context())
	cmdtest.NoError(t, err)
	for _, e := range all {
		if usual, _ := store.DefaultChannel(e.Channel); e.Title != usual.Title || e.IsOn != usual.IsOn || !e.SetAt.IsZero() {
			t.Errorf("%+v", e)
		}
	}
}

// A channel may not be left without a proof that the centre has contracted.
func TestChannelProofs(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	for names, right := range map[string]bool{"face": false, "certdoc": true, "phone,certdoc": true, "settings": true} {
		got := channel(t, s, by("li", "set", "website", "--initial-proofs", names)...) // FUNDPASS_PROOF is certdoc
		if (got.Err == nil) != right || !right && !strings.Contains(got.Err.Error(), "name some of certdoc") {
			t.Errorf("%s: %v", names, got.Err)
		}
	}
}
