package keycmd

import (
	"regexp"
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

// What each key is for is said in Chinese, too.
func TestNewKeysInChinese(t *testing.T) {
	t.Parallel()
	got := cmdtest.Run(t, nil, "keys", "new", t.TempDir(), "--lang", "zh")
	cmdtest.NoError(t, got.Err)
	cmdtest.WantIn(t, got.Out, "用途", "加密数据库中的个人信息", "丢失它们，数据和全部密码都无法恢复。", "FUNDPASS_COLUMN_KEY_FILE")
}

// TestVerifyInChinese checks the reports about messages, what is likely and what to do.
func TestVerifyInChinese(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	for fault, want := range map[string]string{"": "接受", "altered": "正文被改动", "wrong_key": "密钥不对", "sha1": "请在控制台把应用设为 RSA2", "other_app": "但给的是另一个应用", "stale": "消息已过期"} {
		got := verifyText(t, keyringEnv(s), notification(s, cancelled, fault), "--lang", "zh")
		cmdtest.WantIn(t, got.Out, "类别", "签名原文", "字节，SHA-256 ", "结论", want)
		if found := regexp.MustCompile(`[a-z]{2,} [a-z]{2,} [a-z]{2,}`).FindString(got.Out); found != "" {
			t.Errorf("%s says %q:\n%s", fault, found, got.Out)
		}
	}
}

// TestRehashInChinese checks the table and what follows it.
func TestRehashInChinese(t *testing.T) {
	t.Parallel()
	got := cmdtest.Run(t, cmdtest.NewEnv(t).Env(), "keys", "rehash", "--lang", "zh")
	cmdtest.NoError(t, got.Err)
	cmdtest.WantIn(t, got.Out, "pepper 密钥", "需要它的散列", "最新", "已更新 0 个散列。")
}
