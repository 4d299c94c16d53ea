package roster

import (
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

// The reports of import and sync are Chinese where the operator asks for it; the file of
// refusals, which programs read, is not.
func TestReportsInChinese(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	f := newNightFile(3)
	f.at(2).phone = "12"
	path := f.write(t)
	got := cmdtest.Run(t, s.Env(), "import", path, "--lang", "zh", "--allow-refused")
	cmdtest.NoError(t, got.Err)
	cmdtest.WantIn(t, got.Out, "拒绝的行：1", "既不为空，也不是 11 位数字", "新增", "下一步：在来源系统改正")
	if refused := string(cmdtest.ReadFile(t, path+".refused.csv")); !strings.Contains(refused, "neither empty nor 11 digits") {
		t.Errorf("the file of refusals says %s", refused)
	}
	f.at(2).phone = "10012345678"
	f.at(0).name = "MARIA"
	got = cmdtest.Run(t, s.Env(cmdtest.Values{"LANG": "zh_CN.UTF-8"}), "sync", f.write(t), "--dry-run")
	cmdtest.NoError(t, got.Err)
	cmdtest.WantIn(t, got.Out, "姓名或手机号变更", "新增账户", "其中已绑定", "试运行：没有写入。")
}
