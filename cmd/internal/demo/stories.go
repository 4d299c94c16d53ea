package demo

import (
	"cmp"
	"context"
	"slices"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// A story is an invented depositor who demonstrates one case.
type story struct {
	key     string // names the person and the story
	caption string // Chinese
	english string // the same
	name    string
	idType  string // ZJLX, "" = 01
	id      string // ZJHM, of an ID number the first 17 digits
	account string // GRZH, "" = no fund account
	status  string // GRZHZT, "" = 01

	password    string // the current one; "" if initialRule gives it
	initialRule string
	sm3         string // SM3 digest of the password in hex, as an old system stored it; "" = none

	sameUser   string // key of the person whose Alipay account this person uses; "" = their own
	uncertain  bool   // Alipay does not certify the user's identity
	oneAttempt bool   // all attempts but one are used up
	newPhone   string // the number that Alipay knows; "" = the one on file
	again      string // key of the person whose second Alipay account this is; "" = none
}

// stories are the people of the demo. Their ID numbers and phones cannot be real: there
// is no region 99, and no phone number begins with 100.
var stories = []story{
	{key: "ok", caption: "正常缴存，已设密码", english: "Regular saver, own password", name: "林知夏",
		id: "99010119880416102", account: "990100003104", password: "Maple-Bridge-41"},
	{key: "initial", caption: "初始密码，尚未修改", english: "Initial password, never changed", name: "周砚秋",
		id: "99010119930722105", account: "990100003205", initialRule: "id-last6"},
	{key: "locked_soon", caption: "再错一次就锁定", english: "One wrong guess from a lock", name: "沈青禾",
		id: "99010119790309108", account: "990100003306", password: "Copper-Kettle-58", oneAttempt: true},
	{key: "suspended_account", caption: "账户封存，可以改密码", english: "Suspended account, may change", name: "顾南星",
		id: "99010119851130111", account: "990100003407", password: "Silver-Ferry-26", status: store.StatusSealed},
	{key: "frozen_account", caption: "账户冻结，不能改密码", english: "Frozen account, may not change", name: "许怀瑾",
		id: "99010119900518114", account: "990100003508", password: "Quiet-Harbor-73", status: store.StatusFrozen},
	{key: "moved", caption: "已转出销户，不能绑定", english: "Moved out, cannot link", name: "陆鸣谦",
		id: "99010119820827117", account: "990100003609", password: "Amber-Window-35", status: store.StatusMoved},
	{key: "passport", caption: "外籍职工，护照开户", english: "Foreigner with a passport", name: "ANNA LINDQVIST", idType: document.Passport,
		id: "XA9901047", account: "990100003710", password: "Paper-Lantern-92"},
	{key: "two_accounts", caption: "一人两户，第一个账户", english: "Two accounts, the first", name: "宋云舒",
		id: "99010119870214123", account: "990100003811", password: "Violet-Garden-64"},
	{key: "two_accounts_2", caption: "一人两户，第二个账户", english: "Two accounts, the second", name: "宋云舒",
		id: "99010119870214123", account: "990100003912", password: "Marble-Orchard-87", sameUser: "two_accounts"},
	{key: "no_account", caption: "没有公积金账户", english: "No fund account", name: "唐晚晴",
		id: "99010119960603126", password: "Velvet-Compass-49"},
	{key: "face_fails", caption: "人脸核验不通过", english: "Face check fails", name: "程既白",
		id: "99010119751212129", account: "990100004013", password: "Walnut-Staircase-36"},
	{key: "mismatch", caption: "支付宝实名不是本人", english: "Somebody else's Alipay", name: "魏长风",
		id: "99010119910925132", account: "990100004114", password: "Crimson-Teapot-84", uncertain: true},
	{key: "legacy", caption: "旧系统SM3密码，照用", english: "SM3 hash of the old system", name: "秦若水",
		id: "99010119840107135", account: "990100004215", password: "Willow-Harbor-69", sm3: "190170cd8d69a7f8af49b4777620011e0e7ec07e9b75e9b05927b38a59433f14"},
	{key: "new_phone", caption: "手机号与预留的不同", english: "Other phone number on file", name: "苏望舒",
		id: "99010119890226138", account: "990100004316", password: "Lantern-Meadow-57", newPhone: "10077700316"},
	{key: "ok_again", caption: "换了支付宝，可改绑", english: "New Alipay, can transfer", again: "ok"},
}

// person returns the story as a person of the simulator.
func (s story) person() alipaysim.Person {
	if s.again != "" {
		p := storyByKey(s.again).person()
		p.Person, p.Story, p.OpenID = s.key, s.key, "074demo_"+s.key
		return p
	}
	p := alipaysim.Person{
		Person: s.key, Story: s.key, Name: s.name, IDType: cmp.Or(s.idType, document.Citizen), IDNumber: s.id,
		AccountNo: s.account, Password: s.password,
		OpenID: "074demo_" + cmp.Or(s.sameUser, s.key), Certified: !s.uncertain,
	}
	if p.IDType == document.Citizen {
		p.IDNumber += document.CheckDigit(s.id)
	}
	p.Phone = cmp.Or(s.newPhone, s.phoneOnFile())
	if initial, ok := passwd.Derive(s.initialRule, passwd.Subject{IDNumber: p.IDNumber, AccountNo: p.AccountNo}); ok {
		p.Password = initial.Reveal()
	}
	return p
}

func storyByKey(key string) story {
	s, _ := storyIn(stories, key)
	return s
}

func storyIn(all []story, key string) (story, bool) {
	i := slices.IndexFunc(all, func(s story) bool { return s.key == key })
	if i < 0 {
		return story{}, false
	}
	return all[i], true
}

// storiesUnder are the stories where the policy's own initial passwords are used.
func storiesUnder(p *passwd.Policy) []story {
	all := slices.Clone(stories)
	for i := range all {
		if all[i].initialRule != "" && len(p.InitialRules) > 0 {
			all[i].initialRule = p.InitialRules[0]
		}
	}
	return all
}

// phoneOnFile returns an invented number, also for a person without an account.
func (s story) phoneOnFile() string {
	from := cmp.Or(s.account, s.id)
	return "100" + from[len(from)-8:]
}

// depositor returns the story as a row of the centre's core system.
func (s story) depositor(ctx context.Context, h *passwd.Hasher) (store.Depositor, error) {
	p := s.person()
	doc, err := document.Parse(p.IDType, p.IDNumber)
	if err != nil {
		return store.Depositor{}, err
	}
	d := store.Depositor{
		Person: store.Person{
			Name: p.Name, IDType: doc.Type, IDNumber: doc.Number, Phone: s.phoneOnFile(), AccountNo: p.AccountNo,
		},
		DocumentKey: doc.Key(), Status: cmp.Or(s.status, store.StatusNormal), InitialRule: s.initialRule,
	}
	switch {
	case s.sm3 != "":
		d.Hash, err = h.WrapLegacy("sm3", s.sm3)
	case s.initialRule == "":
		d.Hash, err = h.Hash(ctx, passwd.NewSecret(s.password))
	}
	return d, err
}
