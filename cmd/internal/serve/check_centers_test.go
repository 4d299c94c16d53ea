package serve

import (
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

// TestCheckCenters checks that check reports the process once and every centre by itself.
func TestCheckCenters(t *testing.T) {
	t.Parallel()
	w := prepareTown(t)
	got := runCheck(t, w.write())
	cmdtest.NoError(t, got.Err)
	for _, once := range []string{"FUNDPASS_ADDR ", "database schema", "FUNDPASS_CENTERS_FILE"} {
		if strings.Count(got.Out, once) != 1 {
			t.Errorf("%s is reported %d times:\n%s", once, strings.Count(got.Out, once), got.Out)
		}
	}
	for _, twice := range []string{"FUNDPASS_APP_ID ", "FUNDPASS_PEPPER_FILE", "database centre", "database ready"} {
		if strings.Count(got.Out, twice) != 2 {
			t.Errorf("%s is reported %d times:\n%s", twice, strings.Count(got.Out, twice), got.Out)
		}
	}
	first, second, _ := strings.Cut(got.Out, "centre "+w.b.Center)
	if !strings.Contains(first, "centre "+w.a.Center) || !strings.Contains(second, "(id-last6)") || strings.Contains(first, "(id-last6)") {
		t.Errorf("the settings are not under their centre:\n%s", got.Out)
	}

	w.eb.Set["FUNDPASS_RESET"], w.eb.Set["FUNDPASS_PROFF"] = "x", "certdoc"
	env := w.write()
	env["FUNDPASS_CONSENT"] = "required"
	got = runCheck(t, env)
	if got.Err == nil || !strings.Contains(got.Err.Error(), "3 of ") {
		t.Errorf("got %v", got.Err)
	}
	first, second, _ = strings.Cut(got.Out, "centre "+w.b.Center)
	if process, _, _ := strings.Cut(first, "centre "+w.a.Center); !strings.Contains(process, "fail  FUNDPASS_CONSENT") {
		t.Errorf("a centre's setting in the environment:\n%s", got.Out)
	}
	checked{cmdtest.Result{Out: second}, t}.want(verdictFail, "FUNDPASS_RESET", "neither certify nor off")
	checked{cmdtest.Result{Out: second}, t}.want(verdictFail, "FUNDPASS_PROFF", "did you mean")
}
