package website_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

const newPassword = "Copper-Kettle-58"

// The whole change: sign in, old password, new password, and the other sessions have ended.
func TestChange(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b, other := h.browser(), h.browser()
	b.signIn(c)
	other.signIn(c)
	b.get("/").want(t, 200, "我的密码", "正常", "没有修改过", "试")
	path := b.openChange(c)
	other.get("/").want(t, 200, "有一笔修改正在办理")
	page := b.get(path).want(t, 200, "设置新密码", "查看全部规则")
	weak := b.submit(page, path, "new_password", "abc", "again", "abc").want(t, 422, "新密码不符合规则", "密码至少8个字符；")
	b.submit(weak, path, "new_password", newPassword, "again", newPassword+"9").want(t, 422, "两次输入的新密码不一致")
	b.submit(b.get(path), path, "new_password", newPassword, "again", newPassword).leads(t, path)
	b.get(path).want(t, 200, "新密码已生效", "1个登录已退出")
	other.get("/").leads(t, "/sign-in?why=ended")
	other.get("/sign-in?why=ended").want(t, 200, "登录已结束")
	b.get("/record").want(t, 200, "密码修改成功", "网站", "登录")
	b.get("/data").want(t, 200, "我的信息", "修改密码：已完成")
	c.Password = newPassword
	h.browser().signIn(c)
}

// A second confirm with another password, as from another tab, is not told that its password is in
// force.
func TestConfirmLate(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	b.signIn(c)
	path := b.openChange(c)
	tab := b.get(path)
	b.submit(b.get(path), path, "new_password", newPassword, "again", newPassword).leads(t, path)
	b.submit(tab, path, "new_password", "Walnut-Harbor-36", "again", "Walnut-Harbor-36").want(t, 410, "刚才这次提交没有办理", "先前提交的新密码已生效")
	b.submit(b.get("/password/change"), "/password/change", "old_password", "Walnut-Harbor-36").want(t, 403, "原密码错误")
	c.Password = newPassword
	h.browser().signIn(c)
}

// Cancelling keeps the old password.
func TestCancel(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	b.signIn(c)
	path := b.openChange(c)
	b.submit(b.get(path), path+"/cancel").leads(t, "/")
	b.get(path).want(t, 200, "已取消、已超时或已失效")
	h.browser().signIn(c)
}

// A wrong old password says how many attempts are left, and the fifth locks.
func TestWrongOldPassword(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	b.signIn(c)
	page := b.get("/password/change")
	for _, left := range []string{"4次", "3次", "2次", "1次"} {
		page = b.submit(page, "/password/change", "old_password", "wrong-"+left).want(t, 403, "原密码错误", left)
		if strings.Contains(page.Body, "wrong-"+left) {
			t.Error("the page shows the password again")
		}
	}
	b.submit(page, "/password/change", "old_password", "wrong").want(t, 423, "已锁定至")
	b.get("/").want(t, 200, "已锁定", "自动解锁", "重设密码")
}

// The sign-in page keeps what is no secret, and says the same for every reason.
func TestSignInRefused(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	page := b.submit(b.get("/sign-in"), "/sign-in", signInFields(c, "wrong-password")...).want(t, 403, "登录信息不正确")
	if !strings.Contains(page.Body, c.Person.IDNumber) || strings.Contains(page.Body, "wrong-password") {
		t.Error("the page loses the document, or shows the password")
	}
	unknown := c
	unknown.Person.IDNumber = "990101195603079991"
	unknown.Person.IDNumber = unknown.Person.IDNumber[:17] + checkDigit(unknown.Person.IDNumber[:17])
	again := b.submit(page, "/sign-in", signInFields(unknown, "wrong-password")...).want(t, 403)
	if again.text() != page.text() {
		t.Errorf("an unknown person reads\n%s\nand a known one\n%s", again.text(), page.text())
	}
	b.submit(again, "/sign-in", "id_type", "01", "id_number", "12", "account_no", "", "password", "").want(t, 400, "请输入密码", "身份证号码应为18位")
	h.browser().get("/").leads(t, "/sign-in")
}

// An initial password does not suffice where no code can be sent.
func TestInitialPassword(t *testing.T) {
	t.Parallel()
	h := newEnv(t, func(c *selfservice.Config) { c.SMS = false })
	c := h.citizen(func(d *store.Depositor) { d.Hash, d.InitialRule = "", "id-last6" })
	h.browser().get("/forgot/sms").leads(t, "/forgot")
	b := h.browser()
	b.submit(b.get("/sign-in"), "/sign-in", signInFields(c, c.Person.IDNumber[12:])...).want(t, 409, "短信验证码")
	b.get("/").leads(t, "/sign-in")
	b.get("/sign-in/code").leads(t, "/sign-in?why=step")
}

// A freeze ends every session, and sending it again after that gets the same answer.
func TestFreeze(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b, other := h.browser(), h.browser()
	b.signIn(c)
	other.signIn(c)
	page := b.get("/freeze").want(t, 200, "立即冻结")
	f := fields("form", page.token(t, "/freeze"))
	cookies := b.cookies()
	b.post("/freeze", f).leads(t, "/sign-in?why=frozen")
	b.setCookies(cookies) // the second click was sent with the first
	b.post("/freeze", f).leads(t, "/sign-in?why=frozen")
	other.get("/").leads(t, "/sign-in?why=ended")
	b.get("/sign-in?why=frozen").want(t, 200, "密码已冻结")
	b.submit(b.get("/sign-in"), "/sign-in", signInFields(c, c.Password)...).leads(t, "/sign-in/code")
}

// A clerk's code signs in who has forgotten the password, once, and sets a new one.
func TestForgotten(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	account, err := h.db.AccountByNumber(t.Context(), c.Person.AccountNo)
	must(t, err)
	_, err = h.db.Operations().IssueResetCode(t.Context(), account, "0123456789", "clerk-1")
	must(t, err)
	b := h.browser()
	form := func(name, number, code string) []string {
		return []string{"name", name, "id_type", "01", "id_number", number, "account_no", "", "code", code}
	}
	page := b.get("/forgot").want(t, 200, "重置码")
	page = b.submit(page, "/forgot", form(c.Person.Name, c.Person.IDNumber, "0123456780")...).want(t, 403, "重置码不正确")
	stranger := h.citizen()
	unknown := b.submit(page, "/forgot", form(c.Person.Name, stranger.Person.IDNumber, "0123456780")...).want(t, 403)
	page = b.submit(unknown, "/forgot", form("别的人", c.Person.IDNumber, "0123456789")...).want(t, 403, "重置码不正确")
	page = b.submit(page, "/forgot", form(c.Person.Name, c.Person.IDNumber, "12")...).want(t, 400, "10位数字")
	b.get("/").leads(t, "/sign-in")
	v := b.submit(page, "/forgot", form(c.Person.Name, c.Person.IDNumber, "01234 56789")...)
	if !strings.HasPrefix(v.To, "/password/reset/") {
		t.Fatalf("got %d %s", v.Status, v.text())
	}
	b.submit(b.get(v.To).want(t, 200, "设置新密码"), v.To, "new_password", newPassword, "again", newPassword).leads(t, v.To)
	b.get(v.To).want(t, 200, "新密码已生效")
	c.Password = newPassword
	h.browser().signIn(c)
	late := h.browser()
	late.submit(late.get("/forgot"), "/forgot", form(c.Person.Name, c.Person.IDNumber, "0123456789")...).want(t, 403)
}

// The same code works for a signed-in citizen.
func TestResetSignedIn(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	b.signIn(c)
	account, err := h.db.AccountByNumber(t.Context(), c.Person.AccountNo)
	must(t, err)
	_, err = h.db.Operations().IssueResetCode(t.Context(), account, "0123456789", "clerk-1")
	must(t, err)
	page := b.submit(b.get("/password/reset").want(t, 200), "/password/reset", "code", "").want(t, 400, "10位数字")
	v := b.submit(page, "/password/reset", "code", "0123456789")
	b.submit(b.get(v.To).want(t, 200, "设置新密码"), v.To, "new_password", newPassword, "again", newPassword).leads(t, v.To)
	b.get(v.To).want(t, 200, "新密码已生效")
}

// A person with several accounts chooses.
func TestAccounts(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	second := c.Depositor
	second.Person.AccountNo += "2"
	_, err := h.db.Roster().ImportDepositors(t.Context(), []store.Depositor{second})
	must(t, err)
	b := h.browser()
	b.submit(b.get("/sign-in"), "/sign-in", "id_type", "01", "id_number", "", "account_no", c.Person.AccountNo, "password", c.Password).leads(t, "/")
	page := b.get("/accounts").want(t, 200, "当前账户", "选择这个账户")
	account, err := h.db.AccountByNumber(t.Context(), second.Person.AccountNo)
	must(t, err)
	b.submit(page, "/accounts", "account", uuid.NewString()).want(t, 404, "没有找到该账户")
	b.submit(page, "/accounts", "account", "x").want(t, 403, "已提交过") // the form was sent before
	b.submit(b.get("/accounts"), "/accounts", "account", account.ID.String()).leads(t, "/")
	b.get("/record").want(t, 200, "切换到另一个公积金账户")
}

// An initial password needs the code that was sent, and the page of the code belongs to the
// browser that gave the password.
func TestSignInCode(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen(func(d *store.Depositor) { d.Hash, d.InitialRule = "", "id-last6" })
	b := h.browser()
	b.submit(b.get("/sign-in"), "/sign-in", signInFields(c, c.Person.IDNumber[12:])...).leads(t, "/sign-in/code")
	page := b.get("/sign-in/code").want(t, 200, "预留的手机", c.Person.Phone[len(c.Person.Phone)-2:])
	if strings.Contains(page.Body, c.Person.Phone) {
		t.Error("the whole phone is shown")
	}
	b.get("/").leads(t, "/sign-in")
	h.browser().get("/sign-in/code").leads(t, "/sign-in?why=step")
	b.get("/forgot/code").leads(t, "/sign-in?why=step") // is another step
	b.get("/sign-in?why=step").want(t, 200, "验证已超时")
	b.submit(b.get("/sign-in"), "/sign-in", signInFields(c, c.Person.IDNumber[12:])...).want(t, 429, "秒后再获取")
	page = b.submit(page, "/sign-in/code", "code", "12").want(t, 400, "6位数字")
	code := h.code()
	page = b.submit(page, "/sign-in/code", "code", string('0'+('9'-code[0]))+code[1:]).want(t, 403, "2次")
	b.submit(page, "/sign-in/code", "code", code).leads(t, "/")
	b.get("/").want(t, 200, "初始密码，尚未修改")
	b.get("/sign-in/code").leads(t, "/sign-in?why=step")
}

// Who has forgotten the password sets a new one with a code to the phone on file.
func TestForgottenBySMS(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	person := []string{"name", c.Person.Name, "id_type", "01", "id_number", c.Person.IDNumber, "account_no", ""}
	b.submit(b.get("/forgot/sms").want(t, 200, "短信验证码"), "/forgot/sms", person...).leads(t, "/forgot/code")
	page := b.get("/forgot/code").want(t, 200, "如果姓名和证件号码")
	if text := page.text(); strings.Contains(text, c.Person.Phone) || strings.Contains(text, "***") {
		t.Error("a stranger sees digits of the phone")
	}
	v := b.submit(page, "/forgot/code", "code", h.code())
	if !strings.HasPrefix(v.To, "/password/reset/") {
		t.Fatalf("got %d %s", v.Status, v.text())
	}
	b.submit(b.get(v.To).want(t, 200, "设置新密码"), v.To, "new_password", newPassword, "again", newPassword).leads(t, v.To)
	b.get(v.To).want(t, 200, "新密码已生效")
	c.Password = newPassword
	h.browser().signIn(c)
}

// A signed-in citizen resets a forgotten password with a code.
func TestResetBySMS(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	b.signIn(c)
	path := b.submit(b.get("/password/reset").want(t, 200, "发送验证码"), "/password/reset/sms").To
	page := b.get(path).want(t, 200, "预留的手机", c.Person.Phone[len(c.Person.Phone)-2:])
	page = b.submit(page, path+"/code", "code", "x").want(t, 400, "6位数字")
	b.submit(page, path+"/code", "code", h.code()).leads(t, path)
	b.submit(b.get(path).want(t, 200, "设置新密码"), path, "new_password", newPassword, "again", newPassword).leads(t, path)
	b.get(path).want(t, 200, "新密码已生效")
}
