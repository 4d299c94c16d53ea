package keycmd

import (
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
