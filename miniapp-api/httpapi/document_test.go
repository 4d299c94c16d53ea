package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
)

// centreDocuments is the list of a centre whose codes differ from JGJ/T 320.
func centreDocuments(t testing.TB) envOption {
	list, err := document.LoadList("../document/testdata/centre.json")
	must(t, err)
	return func(c *Config) { c.Documents = list }
}

// somebody adds a depositor with a document under the centre's code, which Alipay knows under
// its own code, if at all.
func (h *env) somebody(code, number, alipay string) citizen {
	h.t.Helper()
	c := h.citizen()
	c.AccountNo, c.IDType, c.IDNumber = c.AccountNo+"7", code, number
	h.deposit(c)
	known := c.Person
	known.IDType = alipay
	h.sim.Add(known)
	return c
}

// onePerKind has a number for every code of the centre. proven is the code under which Alipay
// compares it.
var onePerKind = []struct{ code, number, mask, proven string }{
	{"01", idNumber("19560307", 901), "9****************" + idNumber("19560307", 901)[17:], "01"},
	{"02", "军字第1234567号", "军*********号", "02"},
	{"03", "E99010001", "E*******1", "03"},
	{"04", "USA990185070301", "U*************1", ""},
	{"05", idNumber("19560307", 902), "9****************" + idNumber("19560307", 902)[17:], "01"},
	{"06", "士字第1234567号", "士*********号", ""},
	{"07", "H9901000103", "H*********3", ""},
	{"08", "9901000101B", "9*********B", ""},
	{"10", idNumber("19560307", 903), "9****************" + idNumber("19560307", 903)[17:], "01"},
	{"99", "A123456(7)", "A********)", ""},
}

// Documents that Alipay compares are linked, whatever the centre's code; the others are
// referred to the counter. No reply or log line contains a number.
func TestLinkEveryDocument(t *testing.T) {
	t.Parallel()
	h := newEnv(t, centreDocuments(t))
	for _, d := range onePerKind {
		c := h.somebody(d.code, d.number, d.proven)
		r := h.logIn(c).post("/v1/link", c.linkBody())
		if strings.Contains(r.Raw, d.number) {
			t.Errorf("%s: the reply shows the number: %s", d.code, r.Raw)
		}
		if d.proven == "" {
			r.want(t, "BAD_REQUEST")
			if len(r.Errors) != 1 || r.Errors[0] != counterOnlyView {
				t.Errorf("%s: %s", d.code, r.Raw)
			}
			continue
		}
		r.want(t, "OK")
		wantMasked(t, r, d.code, d.mask)
	}
	if r := h.count(`SELECT count(*) FROM lockouts WHERE person_digest <> ''`); r != 5 {
		t.Errorf("%d counters: a document without a possible proof costs no attempt", r)
	}
	wantSilent(t, h)
}

// If the password is the only proof, every document of the list can be linked unless it is
// CounterOnly; GET returns it masked.
func TestLinkEveryDocumentWithoutProof(t *testing.T) {
	t.Parallel()
	h := newEnv(t, centreDocuments(t), withProof(selfservice.ProofNone))
	for _, d := range onePerKind {
		c := h.somebody(d.code, d.number, d.proven)
		p := h.logIn(c)
		wantMasked(t, p.post("/v1/link", c.linkBody()).want(t, "OK"), d.code, d.mask)
		wantMasked(t, p.get("/v1/link").want(t, "OK"), d.code, d.mask)
		p.openChange(c)
	}
	retired := h.somebody("11", "退字990104", "")
	r := h.logIn(retired).post("/v1/link", retired.linkBody()).want(t, "BAD_REQUEST")
	if len(r.Errors) != 1 || r.Errors[0] != counterOnlyView {
		t.Errorf("counter_only: %s", r.Raw)
	}
	wantSilent(t, h)
}

func wantMasked(t *testing.T, r reply, code, mask string) {
	t.Helper()
	account := r.get(t, "account").(map[string]any)
	if account["id_type"] != code || account["id_number"] != mask {
		t.Errorf("shown as %v %v, want %s %s", account["id_type"], account["id_number"], code, mask)
	}
}

// wantSilent fails if the log contains a number.
func wantSilent(t *testing.T, h *env) {
	t.Helper()
	for _, d := range onePerKind {
		if strings.Contains(h.logs.String(), d.number) {
			t.Errorf("the log shows the number of %s", d.code)
		}
	}
}

// Alipay does not compare a residence permit filed as an ID card, and the error says so.
func TestResidencePermitAsIDCard(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	permit := citizenNumber("810101", "19900307")
	c := h.somebody("01", permit, "01")
	r := h.logIn(c).post("/v1/link", c.linkBody()).want(t, "BAD_REQUEST")
	if len(r.Errors) != 1 || r.Errors[0] != counterOnlyView {
		t.Errorf("got %s", r.Raw)
	}
}

// citizenNumber returns a number of a region that does not exist.
func citizenNumber(region, birthday string) string {
	n := idNumber(birthday, 1)
	body := region + n[6:17]
	return body + document.CheckDigit(body)
}

// Reissues of a permit and its codes share one lockout counter.
func TestReissuesShareTheLimit(t *testing.T) {
	t.Parallel()
	h := newEnv(t, centreDocuments(t), withProof(selfservice.ProofNone))
	permit := h.somebody("07", "H9901000101", "")
	taiwan := h.somebody("08", "99010001", "")
	officer := h.somebody("02", "军字第1234567号", "")
	p := h.logIn(h.citizen())
	for _, s := range []struct {
		of      citizen
		numbers []string
	}{
		{permit, []string{"H99010001", "h9901000100", "H 99010001 03", "Ｈ９９０１０００１"}},
		{taiwan, []string{"99010001", "9901000102", "9901000101(B)", "9901000101（b）"}},
		{officer, []string{"军字第1234567号", "军1234567", "军 字 第 １２３４５６７", "军字1234567号"}},
	} {
		for _, number := range s.numbers {
			p.post("/v1/link", withPassword(with(s.of.linkBody(), "id_number", number), "wrong-password")).want(t, "LINK_REFUSED")
		}
		if got := h.count(`SELECT count(*) FROM lockouts WHERE person_digest = $1`, h.personDigest(s.of)); got != 1 {
			t.Errorf("%s: %d counters", s.of.IDNumber, got)
		}
		last := s.numbers[len(s.numbers)-1]
		q := h.logIn(h.citizen())
		q.post("/v1/link", with(s.of.linkBody(), "id_number", last)).want(t, "OK")
	}
	if got := h.count(`SELECT count(*) FROM lockouts`); got != 3 {
		t.Errorf("%d counters for three people", got)
	}
}

// An ID number shares one lockout counter under the codes of a provisional card and a household
// register.
func TestCodesShareTheLimit(t *testing.T) {
	t.Parallel()
	h := newEnv(t, centreDocuments(t), withProof(selfservice.ProofNone))
	victim := h.citizen()
	p := h.logIn(h.citizen())
	for range 3 {
		for _, code := range []string{"01", "10", "05"} {
			p.post("/v1/link", withPassword(with(victim.linkBody(), "id_type", code), "wrong-password")).want(t, "LINK_REFUSED")
		}
	}
	if got := h.count(`SELECT refused FROM lockouts WHERE person_digest = $1`, h.personDigest(victim)); got != 4 {
		t.Errorf("%d attempts were refused, want 4 of 9", got)
	}
}

// Each error of a document has its own message, at its field, and costs no attempt.
func TestDocumentErrors(t *testing.T) {
	t.Parallel()
	h := newEnv(t, centreDocuments(t))
	c := h.citizen()
	p := h.logIn(c)
	n := c.IDNumber
	said := map[string]string{}
	for _, tt := range []struct{ idType, number, field, code string }{
		{"01", "", "id_number", "REQUIRED"},
		{"01", n[:17], "id_number", "INVALID"},
		{"01", n[:17] + wrongDigit(n), "id_number", "INVALID"},
		{"01", n[:17] + "*", "id_number", "INVALID"},
		{"01", "99010119560230123" + n[17:], "id_number", "INVALID"},
		{"01", "00" + n[2:], "id_number", "INVALID"},
		{"07", "C99010001", "id_number", "INVALID"},
		{"77", n, "id_type", "UNKNOWN"},
		{"20", "H99010001", "id_type", "UNKNOWN"}, // only in the built-in list
	} {
		body := with(with(c.linkBody(), "id_type", tt.idType), "id_number", tt.number)
		r := p.post("/v1/link", body).want(t, "BAD_REQUEST")
		if len(r.Errors) != 1 || r.Errors[0].Field != tt.field || r.Errors[0].Code != tt.code {
			t.Errorf("%s %q: %s", tt.idType, tt.number, r.Raw)
			continue
		}
		if len(tt.number) > 3 && strings.Contains(r.Raw, tt.number) {
			t.Errorf("the reply repeats the number: %s", r.Raw)
		}
		if before, ok := said[r.Errors[0].Message]; ok && tt.code == "INVALID" {
			t.Errorf("%q and %q have the same message", before, tt.number)
		}
		said[r.Errors[0].Message] = tt.number
	}
	future := idNumber(time.Now().AddDate(1, 0, 0).Format("20060102"), 1)
	r := p.post("/v1/link", with(c.linkBody(), "id_number", future)).want(t, "BAD_REQUEST")
	if len(r.Errors) != 1 || !strings.Contains(r.Errors[0].Message, "出生日期") {
		t.Errorf("born next year: %s", r.Raw)
	}
	if got := h.count(`SELECT count(*) FROM lockouts`); got != 0 {
		t.Errorf("%d counters", got)
	}
	p.post("/v1/link", c.linkBody()).want(t, "OK")
}

// A name matches the record for every spelling of dot, blanks, width and order; other names do
// not.
func TestLinkNames(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone))
	for _, tt := range []struct {
		record, idType, number string
		right, wrong           []string
	}{
		{"阿依古丽·买买提", "01", idNumber("19880808", 1), []string{"阿依古丽•买买提", "阿依古丽．买买提", "阿依古丽 。 买买提"},
			[]string{"阿依古丽买买提", "买买提·阿依古丽", "阿依·古丽买买提"}},
		{"LINDQVIST, ANNA MARIA", "03", "XA9901041", []string{"Anna Maria Lindqvist", "ＬＩＮＤＱＶＩＳＴ　Anna-Maria"},
			[]string{"Anna Lindqvist", "Lindqvist Maria Anna", "AnnaMaria Lindqvist"}},
		{"王\ue863", "01", idNumber("19880808", 2), []string{"王䶮", "王 䶮"}, []string{"王龙", "王\ue000", "王"}},
		{"ANNA LINDQVIST", "01", idNumber("19880808", 3), []string{"anna lindqvist"}, []string{"Lindqvist Anna", "anna-lindqvist"}},
	} {
		c := h.citizen(func(c *citizen) { c.Name, c.IDType, c.IDNumber = tt.record, tt.idType, tt.number })
		for _, name := range tt.wrong {
			h.logIn(c).post("/v1/link", with(c.linkBody(), "name", name)).want(t, "LINK_REFUSED")
		}
		for _, name := range tt.right {
			p := h.logIn(c)
			p.post("/v1/link", with(c.linkBody(), "name", name)).want(t, "OK")
			p.post("/v1/link/remove", m{"password": c.Password}).want(t, "OK")
		}
	}
}

// A change accepts every spelling that a link accepts. Another person's number costs an
// attempt, an invalid one does not.
func TestChangeSpellings(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen(func(c *citizen) { c.IDNumber = numberEndingInX("19560308") })
	p, n := h.linkedClient(c), c.IDNumber
	open := func(number, password string) reply {
		return p.post("/v1/password/changes", m{"id_number": number, "old_password": password})
	}
	for _, s := range []string{n, strings.ToLower(n), fullWidth(n), n[:6] + n[8:17], n[:6] + " " + n[6:14] + " " + n[14:]} {
		open(s, c.Password).want(t, "OK")
	}
	for _, s := range []string{n[:17], n[:17] + "0", n[:17] + "×", n[:6] + "19561308" + n[14:]} {
		if r := open(s, c.Password).want(t, "BAD_REQUEST"); len(r.Errors) != 1 || r.Errors[0].Field != "id_number" {
			t.Errorf("%q: %s", s, r.Raw)
		}
	}
	left := func() float64 { return p.get("/v1/password").get(t, "remaining_attempts").(float64) }
	if got := left(); got != 5 {
		t.Errorf("%v attempts left, want 5", got)
	}
	open(idNumber("19560308", 900), c.Password).want(t, "OLD_PASSWORD_WRONG")
	open(strings.ToLower(n), "wrong-password").want(t, "OLD_PASSWORD_WRONG")
	open(n[:6]+n[8:17], "wrong-password").want(t, "OLD_PASSWORD_WRONG")
	if got := left(); got != 2 {
		t.Errorf("%v attempts left, want 2", got)
	}
}

// counterOnlyView is the error for a document that cannot be proven online.
var counterOnlyView = httpapi.FieldView{"id_type", "COUNTER_ONLY", "该证件类型暂不支持线上绑定，请到柜台办理"}
