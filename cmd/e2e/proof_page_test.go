package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// openUnlinked makes a person use the phone and opens 我的密码.
func (b *browser) openUnlinked(t *testing.T, person string) {
	t.Helper()
	b.selectPerson(t, person)
	b.tap(t, "我的密码", "会员标识")
	b.tap(t, "同意", "去绑定")
}

// fillLink opens 绑定 and fills in the form.
func (b *browser) fillLink(t *testing.T, person string) {
	t.Helper()
	citizen := b.demo.person(t, person)
	b.tap(t, "去绑定", "绑定前请阅读")
	b.fill(t, "姓名", citizen.Name)
	b.fill(t, "证件号码", citizen.IDNumber)
	b.fill(t, "公积金密码", citizen.Password)
}

// checkScrolled is checkBothModes, with a screenshot of the end of the page.
func (b *browser) checkScrolled(t *testing.T, name string) {
	t.Helper()
	b.checkBothModes(t, name)
	b.do(t, "scroll", chromedp.Evaluate[chromedp.Void](`document.getElementById("page").scrollTop = 1e6`))
	b.screenshot(t, name+"-down")
}

// walkRecorded walks through the further steps of a link and 我的授权, without and with elder
// mode.
func (b *browser) walkRecorded(t *testing.T) {
	b.openUnlinked(t, "new_phone")
	b.fillLink(t, "new_phone")
	b.checkScrolled(t, "link-texts")
	b.tap(t, "确认绑定", "确认是您本人")
	b.checkBothModes(t, "link-face")
	b.tap(t, "开始人脸验证", "请选择结果")
	b.tap(t, "取消", "您已取消人脸验证")
	b.checkBothModes(t, "link-face-cancelled")
	b.tap(t, "改用手机号核对", "授权手机号")
	b.checkBothModes(t, "link-phone")
	b.tap(t, "授权手机号", "申请获取您在支付宝绑定的手机号")
	b.checkBothModes(t, "link-phone-dialog")
	b.tap(t, "拒绝", "没有取得手机号授权")
	b.checkBothModes(t, "link-phone-denied")
	b.tap(t, "授权手机号", "申请获取")
	b.tap(t, "同意", "手机号没有核验通过")
	b.checkBothModes(t, "link-face-instead")
	b.tap(t, "返回修改", "绑定前请阅读")
	if name := must[string](t, b, `document.getElementById("field-name").value`); name != b.demo.person(t, "new_phone").Name {
		t.Errorf("the form holds %q", name)
	}
	b.tap(t, "确认绑定", "确认是您本人")
	b.tap(t, "开始人脸验证", "请选择结果")
	b.tap(t, "通过", "密码状态")
	b.checkBothModes(t, "home-linked")
	b.tap(t, "我的授权", "消息提醒")
	b.checkScrolled(t, "consents")
	b.tap(t, "撤回同意：绑定公积金账户", "撤回后")
	b.checkBothModes(t, "consents-sure")
	b.tap(t, "撤回同意", "需先解除绑定")
	b.checkBothModes(t, "consents-in-use")
	b.tap(t, "不要提醒：消息提醒", "不再提醒后")
	b.tap(t, "不要提醒", "不同意 ")
	b.checkScrolled(t, "consents-declined")
}

// walkRequired walks through a link that requires each consent.
func (b *browser) walkRequired(t *testing.T) {
	b.openUnlinked(t, "mismatch")
	b.checkBothModes(t, "required-home-unlinked")
	b.fillLink(t, "mismatch")
	b.checkScrolled(t, "required-link-texts")
	b.tap(t, "确认绑定", "再决定是否同意")
	b.checkBothModes(t, "required-link-consent")
	b.tap(t, "不同意", "还不能在这里绑定")
	b.checkBothModes(t, "required-link-disagreed")
	b.tap(t, "同意：绑定公积金账户", "已同意")
	b.checkBothModes(t, "required-link-agreed")
	b.tap(t, "确认绑定", "再决定是否同意")
	b.tap(t, "不同意", "人脸属于敏感个人信息")
	b.tap(t, "不同意", "与公积金预留的手机号核对")
	b.tap(t, "不同意", "任何一种核验方式")
	b.tap(t, "确认绑定", "再决定是否同意")
	b.tap(t, "不同意", "人脸属于敏感个人信息")
	b.tap(t, "不同意", "与公积金预留的手机号核对")
	b.tap(t, "同意，继续绑定", "授权手机号")
	b.checkBothModes(t, "required-link-phone")
	b.tap(t, "授权手机号", "申请获取")
	b.tap(t, "同意", "密码状态")
}
