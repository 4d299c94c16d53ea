package serve

import (
	"regexp"
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

// Check says in Chinese what is right, what is wrong and what is wanted instead.
func TestCheckInChinese(t *testing.T) {
	t.Parallel()
	env := cmdtest.NewEnv(t).Env(cmdtest.Values{"FUNDPASS_APP_ID": "", "FUNDPASS_PROOF": "none", "FUNDPASS_RESET": "x"})
	got := cmdtest.Run(t, env, "check", "--lang", "zh")
	if got.Err == nil {
		t.Error("half a configuration passes")
	}
	cmdtest.WantIn(t, got.Out, "说明", "未设置；需要：小程序的 APPID，见支付宝控制台", "为 none：知道身份证号的任何人用初始密码就能绑定",
		"既不是 certify 也不是 off", "可签名和验签", "数据库时钟", "未设置")
	if plain := regexp.MustCompile(`FUNDPASS_PLAIN_PASSWORDS +yes\n`); !plain.MatchString(got.Out) {
		t.Errorf("a value is translated:\n%s", got.Out)
	}
}
