package demo

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"

	"fundpass/cmd/internal/cmdtest"
)

// testWalkBack checks that a walk passes after the three resets of a day are used up,
// that a person who fails the verification is passed on the second try, and that a person
// who cannot be verified is not frozen.
func (d *runningDemo) testWalkBack(t *testing.T) {
	for _, tt := range []struct {
		name, person string
		want         []string
		not          string
	}{
		{"the third", "ok", []string{"A new password is set without the old one", "密码已冻结"}, "skipped"},
		{"the fourth", "ok", []string{"429 RESET_LIMIT", "skipped: today's resets are used up"}, "不是我"},
		{"a failed face", "face_fails", []string{"403 IDENTITY_NOT_PROVEN", "POST /sim/certify", "state passed"}, "skipped"},
		{"a passport", "passport", []string{"409 RESET_UNAVAILABLE", "skipped: no identity verification"}, "不是我"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			screen, err := d.walk(t, "--person", tt.person)
			if err != nil || strings.Contains(screen, tt.not) || strings.Contains(screen, "is now") {
				t.Errorf("%v\n%s", err, screen)
			}
			for _, want := range append(tt.want, "DECRYPT_FAILED", "The encrypted new password is set") {
				if !strings.Contains(screen, want) {
					t.Errorf("lacks %s:\n%s", want, screen)
				}
			}
		})
	}
}

// testWalkInChinese checks that the screen of a walk has no English sentence.
func (d *runningDemo) testWalkInChinese(t *testing.T) {
	screen, err := d.walk(t, "--person", "passport", "--lang", "zh")
	if found := regexp.MustCompile(`[a-z]{2,} [a-z]{2,} [a-z]{2,}`).FindString(screen); err != nil || found != "" {
		t.Errorf("%v, %q:\n%s", err, found, screen)
	}
	cmdtest.WantIn(t, screen, "绑定公积金账户", "跳过：该证件不能做身份核验", "步全部通过，用时 ")
	checkColumns(t, screen)
}

// testWalkTwice checks that a walk can be repeated, leaves everything unchanged, and
// prints no secret.
func (d *runningDemo) testWalkTwice(t *testing.T) {
	who := storyOf(t, "ok").person()
	for _, linked := range []bool{false, true} {
		screen, err := d.walk(t, "--base", d.url+"/")
		if err != nil {
			t.Fatalf("%v\n%s", err, screen)
		}
		if strings.Contains(screen, "✗") || !regexp.MustCompile(`All \d\d steps passed in \d+\.\d s\.\n$`).MatchString(screen) {
			t.Errorf("screen:\n%s", screen)
		}
		for _, secret := range []string{who.Password, who.IDNumber, who.Name, "Bearer", "token"} {
			if strings.Contains(screen, secret) {
				t.Errorf("the screen shows %q", secret)
			}
		}
		checkColumns(t, screen)
		p := d.client()
		if a, err := p.LogIn(t.Context(), "ok"); err != nil || a.Object()["linked"] != linked {
			t.Errorf("found linked: %v, left otherwise: %s %v", linked, a.Raw, err)
		}
		if linked {
			break
		}
		if a := mustPost(t, p, "/v1/link", linkOf(who, who.Password)); a.Code != "OK" {
			t.Errorf("the listed password: %s", a.Raw)
		}
	}
	t.Run("initial", func(t *testing.T) {
		screen, err := d.walk(t, "--person", "initial")
		made := regexp.MustCompile(`initial's password is now (\S+), generated`).FindStringSubmatch(screen)
		if err != nil || made == nil {
			t.Fatalf("%v\n%s", err, screen)
		}
		p, who := d.client(), storyOf(t, "initial").person()
		p.LogIn(t.Context(), "initial")
		if a := mustPost(t, p, "/v1/link", linkOf(who, made[1])); a.Code != "OK" {
			t.Errorf("the printed password: %s", a.Raw)
		}
	})
	t.Run("frozen", func(t *testing.T) {
		screen, err := d.walk(t, "--person", "frozen_account")
		if !strings.Contains(fmt.Sprint(err), "failed") || !strings.Contains(screen, "wanted OK, got 423 ACCOUNT_FROZEN") {
			t.Errorf("%v\n%s", err, screen)
		}
		if a, err := d.client().LogIn(t.Context(), "frozen_account"); err != nil || a.Object()["linked"] != false {
			t.Errorf("the walk left a link: %s %v", a.Raw, err)
		}
	})
	t.Run("nobody", func(t *testing.T) {
		if _, err := d.walk(t, "--person", "nobody"); err == nil || !strings.Contains(err.Error(), `no person "nobody"`) {
			t.Error(err)
		}
	})
}

// walk runs fundpass walk against the demo and returns its output.
func (d *runningDemo) walk(t *testing.T, args ...string) (string, error) {
	t.Helper()
	r := cmdtest.Run(t, nil, append([]string{"walk", "--base", d.url}, args...)...)
	return r.Out, r.Err
}

// checkColumns checks that the codes and the times of the steps are aligned, whatever Chinese
// characters precede them, and that no line is wider than 80 columns.
func checkColumns(t *testing.T, screen string) {
	t.Helper()
	answers := regexp.MustCompile(`^( [✓✗] .*?)\d{3} [A-Z_a-z]+$`)
	times := regexp.MustCompile(`^ +(GET|POST) /.* <?\d+ ms$`)
	const answerColumn, columns = 56, 80
	n := 0
	for line := range strings.Lines(screen) {
		line = strings.TrimSuffix(line, "\n")
		if got := text.StringWidth(line); got > columns || times.MatchString(line) && got != columns {
			t.Errorf("%d columns: %s", got, line)
		}
		m := answers.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		n++
		if got := text.StringWidth(m[1]); got != answerColumn {
			t.Errorf("answer in column %d: %s", got, line)
		}
	}
	if n < 20 {
		t.Errorf("only %d steps:\n%s", n, screen)
	}
}
