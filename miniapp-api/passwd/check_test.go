package passwd

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/miniapp-api/document"
)

// idNumber returns an invented number: region 990101 does not exist.
func idNumber(birthday string, sequence int) string {
	s := fmt.Sprintf("990101%s%03d", birthday, sequence)
	return s + document.CheckDigit(s)
}

// wang returns a person born on 1987-06-09 whose numbers have no keyboard sequence.
func wang() Subject {
	return Subject{IDType: "01", IDNumber: idNumber("19870609", 285), Name: "王小明", Phone: "13902746185", AccountNo: "0573918264"}
}

func codes(broken []Broken) []string {
	got := []string{}
	for _, b := range broken {
		got = append(got, b.Code)
	}
	slices.Sort(got)
	return got
}

func mustBuiltin(t testing.TB, name string) *Policy {
	t.Helper()
	p, err := Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGoodPasswords(t *testing.T) {
	t.Parallel()
	for policy, passwords := range map[string][]string{
		"default": {
			"Korb-Lampe-Wiese", "correct horse battery staple", "vT9#kd2Lq!", "mxpqrvkt", "  x y z v a b", "清风徐来水波不兴",
			"пароль-никто-не-знает", "🦀🍋🎻🚲🌵🧦🥁🛶", "Zm9 ctU4 wyP8", strings.Repeat("kLm7 ", 12) + "kLm7", "wangxm-fährt-rad", "8254 7596 1047",
			"understudy me", "property-owners", "power tool shed", "strewn petals", "a\u0301e\u0301i\u0301o\u0301u\u0301 vw", "weather and power",
		},
		"classic-6-12": {"kd82mq", "Tulpe58392ab", "mxpq7r", "zug8wald"},
		"wuxi":         {"Korb-7-Lampe", "vT9#kd2Lq!", "Zug & Wald 82"},
	} {
		for _, password := range passwords {
			if broken := mustBuiltin(t, policy).Check(NewSecret(password), wang()); len(broken) > 0 {
				t.Errorf("%s refuses %q: %v", policy, password, broken)
			}
		}
	}
}

func TestCityRules(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		policy, password string
		want             []string
	}{
		{"default", "mxpqrvk", []string{"TOO_SHORT"}},
		{"default", "", []string{"TOO_SHORT"}},
		{"default", "清风徐来水波不", []string{"TOO_SHORT"}},
		{"default", "e\u0301a\u0301o\u0301u\u0301i\u0301n\u0303y\u0301", []string{"TOO_SHORT"}}, // seven code points after NFC
		{"default", strings.Repeat("kLm7 ", 12) + "kLm7z", []string{"TOO_LONG"}},
		{"default", strings.Repeat("清风徐来水", 13), []string{"TOO_LONG"}},
		{"classic-6-12", "kd82m", []string{"TOO_SHORT"}},
		{"classic-6-12", "kd82mqkd82mqx", []string{"TOO_LONG"}},
		{"classic-6-12", "kdvmqp", []string{"MISSING_DIGIT"}},
		{"classic-6-12", "582947", []string{"MISSING_LETTER"}},
		{"classic-6-12", "kd8-2mq", []string{"BAD_CHARACTER"}},
		{"classic-6-12", "kd8 2mq", []string{"BAD_CHARACTER"}},
		{"classic-6-12", "kd8２mq", []string{"BAD_CHARACTER"}},
		{"classic-6-12", "密kd82mq", []string{"BAD_CHARACTER"}},
		{"classic-6-12", "", []string{"MISSING_DIGIT", "MISSING_LETTER", "TOO_SHORT"}},
		{"wuxi", "korb-7-lampe", []string{"MISSING_UPPER"}},
		{"wuxi", "KORB-7-LAMPE", []string{"MISSING_LOWER"}},
		{"wuxi", "Korb-x-Lampe", []string{"MISSING_DIGIT"}},
		{"wuxi", "Korb7Lampe", []string{"MISSING_SYMBOL"}},
		{"wuxi", "Korb 7 Lampe", []string{"MISSING_SYMBOL"}}, // a blank is not a symbol
		{"wuxi", "Korb密7Lampe", []string{"MISSING_SYMBOL"}},
		{"wuxi", "mxpqrvkt", []string{"MISSING_DIGIT", "MISSING_SYMBOL", "MISSING_UPPER"}},
		{"wuxi", "mxp", []string{"MISSING_DIGIT", "MISSING_SYMBOL", "MISSING_UPPER", "TOO_SHORT"}},
		{"wuxi", "Korb-7-无锡", []string{"CONTEXT_WORD"}},
		{"wuxi", "Korb-7-WuXi", []string{"CONTEXT_WORD"}},
		{"default", "Korb-7-WuXi", []string{}},
	} {
		got := codes(mustBuiltin(t, test.policy).Check(NewSecret(test.password), wang()))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s, %q: %s", test.policy, test.password, diff)
		}
	}
}

func TestFixedRules(t *testing.T) {
	t.Parallel()
	id := wang().IDNumber // 990101 19870609 285 ?
	for code, passwords := range map[string][]string{
		"NOT_PRINTABLE": {
			"mxpq\x00rvkt", "mxpq\nrvkt", "mxpq\trvkt", "mxpq\x7frvkt", "mxpq\u200brvkt", "mxpq\u200drvkt", "\ufeffmxpqrvkt", "mxpq\u202ervkt",
			"mxpq\u2028rvkt", "mxpq\ufffdrvkt", "mxpq\xffrvkt", "\xc3\x28mxpqrvkt", "mxpq\ue000rvkt", "mxpq\u0378rvkt", "mxpq\U0010ffffrvkt", "mxpq\xed\xa0\x80rvkt",
		},
		"COMMON": {
			"password", "Password", "PASSWORD1", "p@ssw0rd", "P@$$w0rd", "Passw0rd!", "pa55word", "password2024", "Password2024!", "2024password", "passwordpassword",
			"iloveyou", "ILoveYou", "1l0vey0u", "iloveyou520", "sunshine7", "dragon88", "qwerty12", "letmein1", "welcome!", "admin123!", "Admin@2024", "root1234", "changeme",
			"woaini1314", "woaini520", "WoAiNi99", "woaini5201314", "wodemima", "buzhidao", "woaizhongguo", "beijing2008", "shanghai88", "zhangsan123", "wangwei520", "caonima1",
			"5201314520", "7758521a", "1314520a", "a7758521", "a5201314", "zx5201314", "abc123456", "Aa123456", "a123456789", "qq123456", "1qaz2wsx", "q1w2e3r4", "我爱你一生一世", "我的密码123",
			"ｐａｓｓｗｏｒｄ", "ＷｏＡｉＮｉ１３１４", "19850403", "20080808", "1985040319850403", "850403abc", "147258369", "11223344", "100200300",
		},
		"CONTAINS_ID": {
			"x" + id[14:] + "kv", "mx" + id[13:17] + "kvq", id[2:6] + "-mxpq", "mx-" + id[5:9] + "-kv", strings.ToLower(id), id + "kv", "mx " + id[13:15] + " " + id[15:17] + " kvq",
			"mx" + fullWidth(id[13:17]) + "kvq",
		},
		"CONTAINS_BIRTHDAY": {
			"mx19870609kv", "mx870609kv", "mxkvq0609", "0609mxkvq", "mx1987-06-09", "1987/6/9 mxkv", "mx1987年6月9日", "mx1987.06.09", "09.06.1987 mx", "mx 06/09 kvq", "mx06!09kvq",
			"mx090687kv", "mx87 6 9kvqp", "mx０６０９kvq", "6/9/1987 mxk", "mx9.6.1987k",
		},
		"CONTAINS_PHONE":   {"mx13902746185", "mx6185kvq", "mx2746kvq", "61-85 mxkvq", "mx0274kvqp", "mx１３９０kvq", "8613902746185"},
		"CONTAINS_ACCOUNT": {"mx0573918264", "mx8264kvq", "mx5739kvq", "82 64 mxkvq", "mx９１８２kvq"},
		"CONTAINS_NAME":    {"王小明mxkvqp", "mx小明kvqpr", "mx王 小 明kvq", "mx王-小明-kvq"},
		"CONTEXT_WORD": {
			"公积金mxkvqp", "mx住房公积金kv", "gjjmxkvqp", "mxGJJkvqp", "mxＧＪＪkvqp", "g-j-j mxkvq", "gongjijin-mx", "mx12329kvq", "12-329 mxkv", "zhufang-mxkv", "alipay-mxkv", "AliPay mxkv", "zhifubao-mx", "支付宝mxkvqp",
		},
		"SEQUENCE": {
			"mx1234kvq", "mx4321kvq", "mxabcdkvq", "mxdcbakvq", "mxqwerkvq", "mxrewqkvq", "mxasdfkvq", "mxzxcvkvq", "mx7890kvq", "mx8901kvq", "mx!@#$kvq", "mx1!2@3#4$", "mxQWERkvq", "mx1-2-3-4kv",
			"mx1qazkvq", "mx2wsxkvq", "mx!QAZkvq", "mx1q2w3e4r", "a1b2c3d4", "mx1a2b3c4d", "mx1472kvq", "mx7894kvq", "mx９８７６kvq", "xyzabmkv",
		},
		"REPEAT": {"mxxxxkvqp", "mx7777kvq", "mx----kvqp", "aabbaabb", "ababcabc", "a1b2a1b2", "abcabcab", "xyxyxyxy", "zqmzqmzqm", "我我我我mxkv", "你我他你我他你我", "🦀🦀🦀🦀mxkv"},
		"DERIVED": {
			id[12:], strings.ToLower(id[12:]), id[14:] + "00", strings.Replace(id[12:], "X", "0", 1), wang().AccountNo[4:], wang().AccountNo[6:] + "00", "111111", "１１１１１１",
		},
	} {
		for _, password := range passwords {
			if got := codes(Default().Check(NewSecret(password), wang())); !slices.Contains(got, code) {
				t.Errorf("%q: %v, want %s among them", password, got, code)
			}
		}
	}
}

func fullWidth(s string) string {
	return strings.Map(func(r rune) rune { return r - '!' + '！' }, s)
}

// TestFixedRulesAlone checks that each password breaks exactly the named rule.
func TestFixedRulesAlone(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]string{
		"mx\u200bpqrvkt": "NOT_PRINTABLE", "sunshine7": "COMMON", "mx2746kvq": "CONTAINS_PHONE", "mx8264kvq": "CONTAINS_ACCOUNT", "mx小明kvqpr": "CONTAINS_NAME",
		"mx12329kvq": "CONTEXT_WORD", "mx4321kvq": "SEQUENCE", "mx7777kvq": "REPEAT", "mx9.6.1987k": "CONTAINS_BIRTHDAY CONTAINS_ID", "mx0101kvq": "CONTAINS_ID",
	} {
		if got := strings.Join(codes(Default().Check(NewSecret(password), wang())), " "); got != want {
			t.Errorf("%q breaks %s, want %s", password, got, want)
		}
	}
}

func TestOtherSubjects(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		s        Subject
		password string
		want     []string
	}{
		{"nothing known", Subject{}, "mx19870609kvq", []string{}},
		{"empty name", Subject{Name: " "}, "mx kvq pr", []string{}},
		{"one character", Subject{Name: "王"}, "王mxkvqpr", []string{}},
		{"compound", Subject{Name: "阿依古丽·买买提"}, "mx阿依古丽买买提", []string{"CONTAINS_NAME"}},
		{"compound, given name", Subject{Name: "阿依古丽·买买提"}, "mxkv依古丽买买提", []string{"CONTAINS_NAME"}},
		{"latin", Subject{Name: "JOHN SMITH"}, "xx-smith-77", []string{"CONTAINS_NAME"}},
		{"latin, together", Subject{Name: "LI NA"}, "xx-Li Na-77", []string{"CONTAINS_NAME"}},
		{"latin, short part", Subject{Name: "LI NA"}, "xx-lizard-77", []string{}},
		{"passport", Subject{IDType: "03", IDNumber: "E39471058"}, "mx-e394-kvq", []string{"CONTAINS_ID"}},
		{"passport, other digits", Subject{IDType: "03", IDNumber: "E39471058"}, "mx-3958-kvq", []string{}},
		{"officer", Subject{IDType: "02", IDNumber: "南字第03947105号"}, "mx-9471-kvq", []string{"CONTAINS_ID"}},
		{"foreigner 2023", Subject{IDType: "04", IDNumber: "911840" + "19850703" + "2859"}, "mx1985-7-3kv", []string{"CONTAINS_BIRTHDAY", "CONTAINS_ID"}},
		{"phone with country code", Subject{Phone: "+86 139-0274-6185"}, "mx0274kvq", []string{"CONTAINS_PHONE"}},
		{"country code itself", Subject{Phone: "+86 139-0274-6185"}, "mx8613kvq", []string{}},
		{"three digits", Subject{Phone: "13902746185", AccountNo: "0573918264"}, "mx185-x264", []string{}},
	} {
		if diff := cmp.Diff(test.want, codes(Default().Check(NewSecret(test.password), test.s))); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}
