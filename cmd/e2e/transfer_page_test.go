package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"fundpass/cmd/internal/apiclient"
	"fundpass/keys/testenv"
)

// walkTransfer requests a transfer with a new Alipay account, which the holder rejects,
// and switches to another fund account, without and with elder mode.
func (b *browser) walkTransfer(t *testing.T) {
	for _, person := range []string{"ok", "two_accounts"} {
		citizen, p := b.demo.person(t, person), b.demo.client()
		logIn(t, p, person)
		if a := mustPost(t, p, "/v1/link", linkOf(citizen, citizen.Password)); a.Code != "OK" {
			t.Fatalf("link: %s", a.Raw)
		}
		b.demo.subscribe(t, p, person)
	}
	b.walkRequester(t)
	b.walkHolder(t)
	b.tap(t, "先不拒绝", "拒绝改绑")
	b.openHome(t, "ok_again", "撤回申请")
	b.tap(t, "撤回申请", "确定撤回改绑申请吗")
	b.screenshot(t, "transfer-cancel-sure")
	b.tap(t, "撤回申请", "已失效")
	b.screenshot(t, "transfer-cancelled")
	b.walkAccounts(t)

	b.openHome(t, "ok_again", "去绑定")
	b.requestTransfer(t)
	b.openHome(t, "ok", "不是我，拒绝改绑")
	b.tap(t, "不是我，拒绝改绑", "确定拒绝改绑吗")
	b.tap(t, "拒绝改绑", "已拒绝")
	b.checkBothModes(t, "transfer-rejected-holder")
	b.openHome(t, "ok_again", "已被拒绝")
	b.checkBothModes(t, "transfer-rejected-requester")
}

// subscribe accepts messages for the person.
func (d *runningDemo) subscribe(t *testing.T, p *apiclient.Client, person string) {
	t.Helper()
	const template = "demo-notice"
	if a := mustPost(t, p, "/sim/subscribe", apiclient.Fields{"person": person, "templates": []string{template}, "accepted": true}); a.Status != 200 {
		t.Fatalf("subscribe: %s", a.Raw)
	}
	if a := mustPost(t, p, "/v1/subscriptions", apiclient.Fields{"template_id": template, "accepted": true}); a.Code != "OK" {
		t.Fatalf("subscribe: %s", a.Raw)
	}
}

// openHome makes a person use the phone and opens 我的密码. Only the first visit asks for the
// authorisation.
func (b *browser) openHome(t *testing.T, person, want string) {
	t.Helper()
	b.selectPerson(t, person)
	b.tap(t, "我的密码", "")
	if must[bool](t, b, `document.getElementById("dialog").open`) {
		b.tap(t, "同意", want)
	}
	b.do(t, "home of "+person, b.waitFor(want))
}

// requestTransfer requests the link of ok with the other Alipay account.
func (b *browser) requestTransfer(t *testing.T) {
	t.Helper()
	b.fillLink(t, "ok_again")
	b.tap(t, "确认绑定", "已绑定其他支付宝")
	b.checkBothModes(t, "transfer-offer")
	b.tap(t, "申请改绑", "改绑申请已提交")
}

// walkRequester requests a transfer and then sets the phone's clock ahead, so that the
// page offers to confirm before the server accepts it.
func (b *browser) walkRequester(t *testing.T) {
	b.openHome(t, "ok_again", "去绑定")
	b.requestTransfer(t)
	b.checkBothModes(t, "transfer-waiting")
	b.tap(t, "返回我的密码", "撤回申请")
	testenv.Eventually(t, "the holder is notified", func() bool {
		b.tap(t, "我的授权", "消息提醒")
		b.tap(t, "返回我的密码", "撤回申请")
		return !strings.Contains(must[string](t, b, `document.getElementById("page").innerText`), "正在通知")
	})
	b.screenshot(t, "transfer-own")
	b.do(t, "two minutes fast", chromedp.Evaluate[chromedp.Void](`window.realNow = Date.now; Date.now = () => realNow() + 120000`))
	b.tap(t, "我的授权", "消息提醒")
	b.tap(t, "返回我的密码", "完成改绑")
	b.checkBothModes(t, "transfer-due")
	b.tap(t, "完成改绑", "之后回到这里")
	b.screenshot(t, "transfer-early")
	b.do(t, "in time", chromedp.Evaluate[chromedp.Void](`Date.now = realNow`))
}

// walkHolder walks up to the question whether the holder rejects the transfer.
func (b *browser) walkHolder(t *testing.T) {
	b.openHome(t, "ok", "不是我，拒绝改绑")
	b.checkBothModes(t, "transfer-against")
	b.tap(t, "冻结密码", "立即冻结")
	b.checkScrolled(t, "transfer-against-freeze")
	b.tap(t, "返回我的密码", "不是我，拒绝改绑")
	b.tap(t, "不是我，拒绝改绑", "确定拒绝改绑吗")
	b.screenshot(t, "transfer-reject-sure")
}

func (b *browser) walkAccounts(t *testing.T) {
	b.openHome(t, "two_accounts", "切换账户")
	b.checkBothModes(t, "accounts-home")
	b.tap(t, "切换账户", "正在使用的账户")
	b.checkScrolled(t, "accounts")
	b.do(t, "choose", retryDetached(chromedp.Click(`//*[@id="page"]//button[contains(., "切换到")]`, chromedp.NodeVisible)), b.waitFor("密码修改会取消"))
	b.screenshot(t, "accounts-sure")
	b.tap(t, "切换", "切换账户")
}
