package passwd

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestRomanisedNames(t *testing.T) {
	t.Parallel()
	for name, passwords := range map[string][]string{
		"王小明": {
			"wangxiaoming-77", "mx-WangXiaoMing", "wang xiao ming 77", "wang.xiao.ming!", "xiaomingwang77", "xiaoming-wang!", "xiaoming8254", "77xiaoming", "mxxiaomingkv",
			"wang19824756", "Wang@82547", "825471wang", "wxm82547", "WXM-825471", "xmw825471", "wangxm82547", "wxiaoming8254", "xiaomingw82", "w.x.m.82547", "wxma8254", "wáng xiǎo míng 7", "ＷａｎｇＸｉａｏＭｉｎｇ",
			"wang_xiaoming_is_me", "iamwangxiaoming",
		},
		"李娜":  {"li na is here", "xx-lina-77", "LiNa825471", "nali825471", "ln825471", "li825471", "na825471", "lna82547"},
		"欧阳娜": {"ouyangna-77x", "mx-ouyang-na", "naouyang-77", "ouyang82547", "oyn82547", "ouyangn8254"},
		"司马相如": {
			"simaxiangru-7", "xiangrusima-7", "xiangru82547", "smxr82547", "sima82547", "simaxr8254",
		},
		"尉迟恭":      {"yuchigong-77", "weichigong-77", "gongyuchi-77", "ycg82547"},
		"万俟雪":      {"moqixue-77x", "wansixue-77x"},
		"单雄信":      {"shanxiongxin", "danxiongxin7", "chanxiongxin", "sxx82547", "dxx82547"},
		"曾国强":      {"zengguoqiang", "cengguoqiang", "zgq82547", "cgq82547"},
		"仇英华":      {"qiuyinghua-7", "chouyinghua7"},
		"解明亮":      {"xiemingliang", "jiemingliang"},
		"查良华":      {"zhalianghua7", "chalianghua7"},
		"区志强":      {"ouzhiqiang77", "quzhiqiang77"},
		"翟志刚":      {"zhaizhigang7", "dizhigang-77"},
		"吕小绿":      {"lvxiaolv-77x", "luxiaolu-77x", "lyuxiaolyu-7", "lüxiaolü-77x"},
		"黑永明":      {"heyongming-7", "heiyongming7"},
		"阿依古丽·买买提": {"ayiguli-77xx", "maimaiti-77x", "ayigulimaimaiti"},
		"JOHN SMITH": {
			"johnsmith-77", "smithjohn-77", "john.smith77", "js825471", "sj825471", "xx-smith-77x",
		},
		"JOSÉ NÚÑEZ": {"jose-nunez-7", "José Núñez 7", "nunezjose-77", "xx-nunez-77x"},
		"LI NA":      {"lina-82547-x", "na li 82547x", "ln825471"},
	} {
		for _, password := range passwords {
			if got := codes(Default().Check(NewSecret(password), Subject{Name: name})); !slices.Contains(got, "CONTAINS_NAME") {
				t.Errorf("%q of %s: %v", password, name, got)
			}
		}
	}
}

// TestWordsWithNames checks that short names and initials are refused only if they are
// the whole password, because many words contain them.
func TestWordsWithNames(t *testing.T) {
	t.Parallel()
	for name, passwords := range map[string][]string{
		"王小明":    {"wangxm-fährt-rad", "mx wang pq rvkt", "swxmtp-82547", "wxm and a tall tree", "wxm 8254 7596 1047", "wang 8254 7596 104", "xiao-kd82mq", "ming vases rvk"},
		"李娜":     {"carolina kd82", "lisbon national", "berlinale rvk7", "kd82lnmqx", "xx-linak-77x", "lnx825471"},
		"伊力":     {"building-rvk-7", "yoga-until-late", "yl-korb-lampe"},
		"欧阳娜":    {"oyster-nap-77", "kd82oynmq"},
		"LI NA":  {"carolina kd82", "lisbon national", "lizard-77-xx"},
		"":       {"wangxiaoming-77"},
		"··":     {"wangxiaoming-77"},
		"13":     {"kd82mq-13-rv"},
		"王":      {"mxwangkvpq", "w-kd82mq-rv"},
		"阿依·买买提": {"a m korb lampe"},
	} {
		for _, password := range passwords {
			if got := codes(Default().Check(NewSecret(password), Subject{Name: name})); slices.Contains(got, "CONTAINS_NAME") {
				t.Errorf("%q of %q is refused: %v", password, name, got)
			}
		}
	}
}

// TestNameProperties checks that a full name is found anywhere in a password, with
// separators between its syllables, in any case and normal form.
func TestNameProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := string(rapid.SliceOfN(rapid.SampledFrom([]rune("王李张欧阳司马单曾仇解查区翟吕小明国强志刚雪华长乐")), 3, 4).Draw(t, "name"))
		var parts []string
		for _, s := range readings(name) {
			parts = append(parts, rapid.SampledFrom(s).Draw(t, "reading"))
		}
		if rapid.Bool().Draw(t, "backwards") {
			parts = append(parts[1:], parts[0])
		}
		full := strings.Join(parts, rapid.SampledFrom([]string{"", "-", " ", ".", "1"}).Draw(t, "separator"))
		if rapid.Bool().Draw(t, "capitals") {
			full = strings.ToUpper(full)
		}
		if len(strings.Join(parts, "")) < longName {
			return
		}
		password := rapid.StringMatching(`[kvpt7]{0,4}`).Draw(t, "before") + full + rapid.StringMatching(`[kvpt7]{0,4}`).Draw(t, "behind")
		q := checkInput{normalForms: newNormalForms(NewSecret(password)), Subject: Subject{Name: norm.NFD.String(name)}}
		if !containsName(q) {
			t.Fatalf("%q of %s passes", password, name)
		}
	})
}

// TestManyReadingsAreBounded checks that the time does not grow with the product of the
// readings.
func TestManyReadingsAreBounded(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("单解查区仇", 24)
	password := NewSecret(strings.Repeat("chajie", 10) + "x")
	bounded(t, "a name of many readings", func() { Default().Check(password, Subject{Name: name}) })
}
