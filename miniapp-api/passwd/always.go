package passwd

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// A checkInput is one candidate of one person under one policy.
type checkInput struct {
	normalForms
	Subject
	policy *Policy
}

// A fixedRule applies under every policy.
type fixedRule struct {
	ID, Text, Code, Source string
	Check                  Check
	refuses                func(checkInput) bool
}

// refusals are the texts of broken rules whose own text is no refusal.
var refusals = map[string]string{"common": "密码过于常见，请换一个"}

func (r fixedRule) broken() Broken { return Broken{r.ID, r.Code, cmp.Or(refusals[r.ID], r.Text)} }

// Rules that are shown with the others but checked where the old passwords are stored.
const (
	sameRule    = "same"
	historyRule = "history"
)

const (
	nistBlocklist = "NIST SP 800-63B-4, 3.1.1.2 (blocklist)"
	asvsContext   = "OWASP ASVS 5.0, 6.1.2 and 6.2.11"
)

// fixedRules are the fixed rules in the order in which they are shown. A password that is
// not UTF-8 breaks the first. The texts contain no examples, because an example could be
// the password.
var fixedRules = []fixedRule{
	{"printable", "密码不能包含无法显示的字符", "NOT_PRINTABLE", "NIST SP 800-63B-4, 3.1.1.2 (printing characters)", server, notPrintable},
	{"common", "密码不能是常见的密码", "COMMON", nistBlocklist + "; OWASP ASVS 5.0, 6.2.4", server, isCommon},
	{"id-number", "密码不能包含证件号码中连续4位或以上的字符", "CONTAINS_ID", asvsContext, server, containsID},
	{"birthday", "密码不能包含您的出生日期", "CONTAINS_BIRTHDAY", asvsContext, server, containsBirthday},
	{"phone", "密码不能包含手机号码中连续4位或以上的数字", "CONTAINS_PHONE", asvsContext, server, containsPhone},
	{"account", "密码不能包含公积金账号中连续4位或以上的字符", "CONTAINS_ACCOUNT", asvsContext, server, containsAccount},
	{"name", "密码不能包含您的姓名、姓名的拼音或拼音首字母", "CONTAINS_NAME", asvsContext, server, containsName},
	{"context", "密码不能包含与本业务或本地有关的词语", "CONTEXT_WORD", asvsContext, server, containsContextWord},
	{"sequence", "密码不能包含4个或以上连续的数字、字母或键盘相邻的按键", "SEQUENCE", nistBlocklist, server, hasSequence},
	{"repeat", "密码不能由重复的字符或片段组成", "REPEAT", nistBlocklist, server, isRepeat},
	{"initial", "密码不能与初始密码相同", "DERIVED", "OWASP ASVS 5.0, 6.4.1", server, isDerived},
}

var server = Check{Server: true}

// notPrintable refuses control and format characters, and unassigned code points, whose
// normal form may change in a later version of Unicode and change the hash.
func notPrintable(q checkInput) bool {
	return slices.ContainsFunc(q.runes, func(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar })
}

// contextWords are refused under every policy, in addition to Policy.Words. OWASP ASVS
// 6.1.2 requires a documented list: this is it.
var contextWords = []string{
	"公积金", "住房", "支付宝", "gjj", "gongjijin", "12329", "zhufang", "alipay", "zhifubao",
}

func containsContextWord(q checkInput) bool {
	return slices.ContainsFunc(slices.Concat(contextWords, q.policy.Words), func(word string) bool {
		return strings.Contains(q.bare, bare(fold(word)))
	})
}

// isDerived compares the candidate with the initial passwords of all known rules, not
// only the city's, because the citizen may have moved. All of them are six ASCII
// characters.
func isDerived(q checkInput) bool {
	return len(q.folded) == 6 && slices.ContainsFunc(slices.Concat(InitialRules(), q.policy.InitialRules), func(rule string) bool {
		return IsInitial(rule, q.Subject, NewSecret(q.folded))
	})
}
