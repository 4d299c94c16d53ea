package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"fundpass/cmd/internal/apiclient"
)

// TestPages checks every page of the mini-program and of the documentation in one
// Chromium: most of them on one demo, with a different person for each path.
func TestPages(t *testing.T) {
	t.Parallel()
	chromium := startChromium(t)
	phone := func(t *testing.T, d *runningDemo) *browser {
		b := openPage(t, chromium, d.URL, 375, 812)
		b.demo = d
		return b
	}
	demo := startDemo(t)
	t.Run("contract", func(t *testing.T) { readContract(t, chromium, demo) })
	t.Run("phone", func(t *testing.T) { phone(t, demo).walkThrough(t, "", "new_phone") })
	t.Run("phone in elder mode", func(t *testing.T) { phone(t, demo).walkThrough(t, "elder-", "initial") })
	t.Run("phone in the dark", func(t *testing.T) {
		b := phone(t, demo)
		b.dark(t)
		b.selectPerson(t, "suspended_account")
		b.walkPages(t, "dark-", "suspended_account")
	})
	t.Run("readme", func(t *testing.T) {
		b := openPage(t, chromium, demo.URL, 375, 670)
		b.demo = demo
		b.looksLikeReadme(t)
	})
	t.Run("recovery", func(t *testing.T) { phone(t, demo).walkRecovery(t) })
	t.Run("locks", func(t *testing.T) { phone(t, demo).walkLocks(t) })
	t.Run("demo page", func(t *testing.T) { walkDemoPage(t, chromium, demo) })
	t.Run("desk", func(t *testing.T) {
		b := openPage(t, chromium, demo.URL, 1280, 960)
		b.demo = demo
		b.walkDesk(t)
	})
	t.Run("transfer", func(t *testing.T) { phone(t, demo).walkTransfer(t) })
	t.Run("proofs, recorded", func(t *testing.T) { phone(t, startDemo(t, "--proof", "face,phone")).walkRecorded(t) })
	t.Run("proofs, required", func(t *testing.T) {
		phone(t, startDemo(t, "--proof", "certdoc,face,phone", "--consent", "required")).walkRequired(t)
	})
}

// walkThrough opens the demo's page at the size of a phone and changes a password.
func (b *browser) walkThrough(t *testing.T, mode, person string) {
	b.do(t, "first page", b.waitFor("我的密码"))
	b.selectPerson(t, person)
	if mode != "" {
		b.do(t, "elder mode", chromedp.Click(`#page [role=switch]`), chromedp.WaitReady("#page .elder"))
	}
	b.walkPages(t, mode, person)
	b.walkReset(t, mode)
	b.do(t, "home", retryDetached(chromedp.Click("#back")), b.waitFor("密码状态"))
	b.walkFreeze(t, mode)
}

// walkDesk checks what is beside the phone on a wide screen.
func (b *browser) walkDesk(t *testing.T) {
	b.do(t, "first page", b.waitFor("我的密码"))
	b.selectPerson(t, "face_fails")
	b.checkPage(t, "desk-start")
	b.tap(t, "我的密码", "会员标识")
	b.checkPage(t, "desk-authorisation")
	b.tap(t, "同意", "去绑定")
	b.tap(t, "去绑定", "确认绑定")
	b.do(t, "tap the name", chromedp.Focus(`#field-name`), chromedp.Click(`#person > button`))
	b.checkPage(t, "desk-link")
	name := must[string](t, b, `document.getElementById("field-name").value`)
	if want := b.demo.person(t, "face_fails").Name; name != want {
		t.Errorf("the tapped line types %q, want %q", name, want)
	}
	calls := must[string](t, b, `document.getElementById("calls").innerText`)
	if !strings.Contains(calls, "NOT_LINKED") || !strings.Contains(calls, "POST /v1/sessions") {
		t.Errorf("the list of requests: %s", calls)
	}
	for _, errors := range []string{"fail", "fail-bare", "success"} {
		b.do(t, errors, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(
			`{ const e = document.getElementById("errors"); e.value = %q; e.dispatchEvent(new Event("change")); }`, errors)),
			b.waitFor("我的密码"))
		b.tap(t, "我的密码", "去绑定")
		b.checkPage(t, "desk-"+errors)
	}
}

// walkPages walks from the first page to the result of a change, and to the other pages.
func (b *browser) walkPages(t *testing.T, mode, person string) {
	citizen := b.demo.person(t, person)
	password := citizen.Password
	checkPage := func(name string) { b.checkPage(t, mode+name) }
	checkPage("start")
	b.tap(t, "我的密码", "会员标识")
	checkPage("authorisation")
	b.tap(t, "同意", "去绑定")
	checkPage("home-unlinked")
	b.tap(t, "去绑定", "确认绑定")
	b.tap(t, "确认绑定", "请输入姓名")
	checkPage("link-empty")
	b.fill(t, "姓名", citizen.Name)
	b.fill(t, "证件号码", citizen.IDNumber)
	b.fill(t, "公积金密码", "Not-The-Right-One")
	b.tap(t, "确认绑定", "信息核对未通过")
	checkPage("link-refused")
	b.fill(t, "公积金密码", password)
	b.tap(t, "确认绑定", "密码状态")
	b.onFirstScreen(t, "修改密码")
	checkPage("home")
	b.tap(t, "修改密码", "第一步")
	b.fill(t, "证件号码", citizen.IDNumber)
	b.fill(t, "原密码", "Not-The-Right-One")
	b.tap(t, "下一步", "密码还可以试4次")
	checkPage("change-wrong")
	b.fill(t, "原密码", password)
	b.tap(t, "下一步", "第二步")
	b.onFirstScreen(t, "确认修改")
	checkPage("new-empty")
	b.fill(t, "新密码", "12345678")
	b.fill(t, "确认新密码", "12345678")
	b.tap(t, "确认修改", "密码过于常见")
	checkPage("new-weak")
	b.fill(t, "新密码", "Thistle-Meadow-15")
	b.fill(t, "确认新密码", "Thistle-Meadow-15")
	b.tap(t, "显示新密码", "隐藏")
	b.tap(t, "查看全部规则", "收起全部规则")
	checkPage("new")
	b.tap(t, "确认修改", "密码修改成功")
	checkPage("result")
	b.tap(t, "不是我修改的", "立即冻结")
	checkPage("freeze")
	b.tap(t, "返回我的密码", "上次修改")
	checkPage("home-changed")
	b.tap(t, "办理记录", "密码修改成功")
	checkPage("events")
	b.tap(t, "不是我操作的", "立即冻结")
	b.tap(t, "返回我的密码", "密码状态")
	b.tap(t, "解除绑定", "确认解除绑定")
	checkPage("unlink")
	b.do(t, "home", retryDetached(chromedp.Click("#back")), b.waitFor("密码状态"))
	b.tap(t, "忘记密码", "开始人脸验证")
	checkPage("reset")
	b.tap(t, "我有柜台的重置码", "使用重置码")
	checkPage("reset-code")
}

// walkRecovery goes from 绑定 to a new password for somebody who has forgotten theirs and is not
// linked, with and without elder mode.
func (b *browser) walkRecovery(t *testing.T) {
	who := b.demo.person(t, "legacy")
	b.openUnlinked(t, "legacy")
	b.tap(t, "去绑定", "确认绑定")
	b.checkBothModes(t, "link-initial-hint")
	b.tap(t, "忘记密码？核验身份后绑定并重设", "办理前请阅读")
	b.checkScrolled(t, "recover")
	b.tap(t, "开始人脸验证", "请输入姓名")
	b.checkBothModes(t, "recover-empty")
	b.fill(t, "姓名", who.Name)
	b.fill(t, "证件号码", who.IDNumber)
	b.tap(t, "开始人脸验证", "请选择结果")
	b.tap(t, "取消", "您已取消人脸验证")
	b.checkScrolled(t, "recover-cancelled")
	b.tap(t, "开始人脸验证", "请选择结果")
	b.tap(t, "通过", "第二步")
	b.onFirstScreen(t, "绑定并设置新密码")
	b.checkBothModes(t, "recover-new")
	b.fill(t, "新密码", "Velvet-Harbor-31")
	b.fill(t, "确认新密码", "Velvet-Harbor-31")
	b.tap(t, "绑定并设置新密码", "已绑定，新密码设置成功")
	b.checkBothModes(t, "recover-result")
	b.tap(t, "返回我的密码", "密码状态")
}

// walkLocks looks at what owners read whose password is locked, before and after the link.
func (b *browser) walkLocks(t *testing.T) {
	who := b.demo.person(t, "locked_soon")
	b.openUnlinked(t, "locked_soon")
	b.tap(t, "去绑定", "确认绑定")
	b.fill(t, "姓名", who.Name)
	b.fill(t, "证件号码", who.IDNumber)
	b.fill(t, "公积金密码", "Not-The-Right-One")
	b.tap(t, "确认绑定", "自动解锁")
	b.checkBothModes(t, "link-locked")
	b.tap(t, "忘记密码？核验身份后重设", "办理前请阅读")

	who = b.demo.person(t, "passport")
	p := b.demo.client()
	logIn(t, p, "passport")
	mustPost(t, p, "/v1/link", linkOf(who, who.Password))
	for range 5 {
		mustPost(t, p, "/v1/password/changes", apiclient.Fields{"id_number": who.IDNumber, "old_password": "Not-The-Right-One"})
	}
	b.openHome(t, "passport", "暂时锁定")
	b.onFirstScreen(t, "短信验证，设置新密码") // a passport has no face check
	b.checkBothModes(t, "home-locked")
	b.tap(t, "短信验证，设置新密码", "发送短信验证码")
	b.checkBothModes(t, "reset-by-sms")
	b.tap(t, "我有柜台的重置码", "使用重置码")
	b.checkBothModes(t, "reset-by-code-only")
}

// walkReset goes from the face to the new password. It begins on the page 忘记密码.
func (b *browser) walkReset(t *testing.T, mode string) {
	b.tap(t, "改用人脸验证", "开始人脸验证")
	b.tap(t, "开始人脸验证", "请选择结果")
	b.checkPage(t, mode+"face")
	b.tap(t, "取消", "您已取消人脸验证")
	b.checkPage(t, mode+"reset-cancelled")
	b.tap(t, "开始人脸验证", "请选择结果")
	b.tap(t, "通过", "第二步")
	b.checkPage(t, mode+"reset-new")
	b.fill(t, "新密码", "Velvet-Harbor-31")
	b.fill(t, "确认新密码", "Velvet-Harbor-31")
	b.tap(t, "确认修改", "新密码设置成功")
}

// walkFreeze freezes the password. It begins on the page 我的密码.
func (b *browser) walkFreeze(t *testing.T, mode string) {
	b.tap(t, "不是我操作的", "立即冻结")
	b.tap(t, "立即冻结", "确定冻结密码吗")
	b.checkPage(t, mode+"freeze-sure")
	b.tap(t, "冻结", "密码已冻结")
	b.checkPage(t, mode+"frozen")
	b.tap(t, "返回我的密码", "已冻结")
	b.checkPage(t, mode+"home-frozen")
}
