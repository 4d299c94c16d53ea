package settings

import (
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

// TestUnits checks that the error about a wrong unit says what to write.
func TestUnits(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	for _, c := range []struct{ setting, value, want string }{
		{"FUNDPASS_LINK_TRANSFER", "24", "write 24h"},
		{"FUNDPASS_LINK_TRANSFER", "3d", "write 72h"},
		{"FUNDPASS_LINK_TRANSFER", "2 天", "write 48h"},
		{"FUNDPASS_LINK_TRANSFER", "24 hours", "write 24h"},
		{"FUNDPASS_LINK_TRANSFER", "24小时", "write 24h"},
		{"FUNDPASS_LINK_TRANSFER", "12H", "write 12h"},
		{"FUNDPASS_LINK_TRANSFER", "soon", "cannot be read"},
		{"FUNDPASS_LINK_TRANSFER", "24 canaries", "cannot be read"},
		{"FUNDPASS_DRAIN_DELAY", "10", "write 10s"},
		{"FUNDPASS_DRAIN_DELAY", "1 min", "write 1m"},
		{"FUNDPASS_AUDIT_YEARS", "3y", "write 3"},
		{"FUNDPASS_AUDIT_YEARS", "3年", "write 3"},
		{"FUNDPASS_AUDIT_YEARS", "three", "cannot be read"},
		{"FUNDPASS_PER_USER", "5/s", "PER_SECOND,BURST"},
	} {
		_, err := Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{c.setting: c.value})))
		if err == nil || !strings.Contains(err.Error(), c.setting+": ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canar") {
			t.Errorf("%s=%s: %v, want %q", c.setting, c.value, err, c.want)
		}
	}
}
