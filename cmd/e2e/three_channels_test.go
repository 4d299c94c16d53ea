package e2e

import (
	"fmt"
	"slices"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/keys/testenv"
	"fundpass/store"
)

// TestThreeChannels is one demo whose depositors use the mini-program, the website and the app
// side by side.
func TestThreeChannels(t *testing.T) {
	t.Parallel()
	demo := startDemo(t)
	t.Run("one change", func(t *testing.T) { changeSeenEverywhere(linkedOnAll(t, demo, "ok")) })
	t.Run("one winner", func(t *testing.T) { raceOnAll(linkedOnAll(t, demo, "suspended_account")) })
	t.Run("one lock", func(t *testing.T) { lockOnAll(linkedOnAll(t, demo, "face_fails")) })
}

// changeSeenEverywhere begins a change on the website and confirms it there.
func changeSeenEverywhere(d *depositor) {
	t, old := d.t, d.password
	first := d.mustOpen(d.site)
	d.wantOpenChange(d.phone, store.ChannelWebsite, "")
	d.wantOpenChange(d.app, store.ChannelWebsite, first) // a person has one identity on website and app
	if _, code := d.phone.open(old); code != "CHANGE_IN_PROGRESS" {
		t.Errorf("a second change on the phone: %s", code)
	}
	second := d.mustOpen(d.app)
	if code := d.site.confirm(first)(d.newPassword()); code != "CHANGE_GONE" {
		t.Errorf("the change that the app's replaced: %s", code)
	}
	d.wantOpenChange(d.phone, store.ChannelApp, "")
	third := d.mustOpen(d.site)
	if code := d.app.confirm(second)(d.newPassword()); code != "CHANGE_GONE" {
		t.Errorf("the change that the website's replaced: %s", code)
	}
	if code := d.phone.confirm(third)(d.newPassword()); code != "CHANGE_GONE" {
		t.Errorf("the website's change on the phone: %s", code)
	}
	d.password = d.newPassword()
	if code := d.site.confirm(third)(d.password); code != "OK" {
		t.Fatalf("the confirm: %s", code)
	}
	d.site.get("/password/change/"+third).want(t, "新密码已生效", "2个登录已退出")
	d.wantWinner(d.site, old, 1)
}

// A round of raceOnAll has this many opens by those who do not share the opener's identity: fewer
// than the wrong passwords that lock.
const opensInRace = 4

// raceOnAll opens a change on each channel in turn and confirms it on all three at once, with
// another new password in every request.
func raceOnAll(d *depositor) {
	for i, opener := range d.channels() {
		old, id := d.password, d.mustOpen(opener)
		confirms := testenv.Rounds(102, 300)
		passwords := make([]string, confirms)
		sends := make([]func(string) string, confirms)
		for n := range confirms {
			passwords[n], sends[n] = d.newPassword(), d.channels()[n%3].confirm(id)
		}
		s := runConcurrently(confirms+opensInRace, func(n int) apiclient.Answer {
			if n%25 == 24 && n/25 < opensInRace { // among the confirms
				_, code := d.stranger(opener, n/25).open(old)
				return apiclient.Answer{Code: "open: " + code}
			}
			n -= min(n/25, opensInRace)
			return apiclient.Answer{Code: sends[n](passwords[n]), Message: fmt.Sprint(n)}
		})
		d.t.Logf("opened on %s: %v", opener.name(), s.codes)
		if s.codes["OK"] != 1 {
			d.t.Fatalf("%d winners", s.codes["OK"])
		}
		for code := range s.codes {
			if !slices.Contains(trueAnswers, code) {
				d.t.Errorf("the answer %s", code)
			}
		}
		d.settle(s, passwords, old, i+1)
	}
}

// trueAnswers are the ones that a race can get, beside those of an open.
var trueAnswers = []string{"OK", "CHANGE_GONE", "SESSION_EXPIRED", "SESSION_REQUIRED", "BUSY",
	"open: CHANGE_IN_PROGRESS", "open: OLD_PASSWORD_WRONG", "open: SESSION_EXPIRED", "open: SESSION_REQUIRED", "open: BUSY"}

// settle checks what a race left, and signs in again on every channel.
func (d *depositor) settle(s *raceResult, passwords []string, old string, changes int) {
	for _, a := range s.winners {
		n := 0
		fmt.Sscan(a.Message, &n)
		d.password = passwords[n]
		d.wantWinner(d.channels()[n%3], old, changes)
	}
	for _, c := range d.channels() {
		if code := c.signIn(d.password); code != "OK" {
			d.t.Fatalf("sign-in on %s after the race: %s", c.name(), code)
		}
	}
}

// stranger returns a channel whose user is not the opener: the website and the app are one.
func (d *depositor) stranger(opener channel, n int) channel {
	if opener != d.phone {
		return d.phone
	}
	return []channel{d.site, d.app}[n%2]
}

// lockOnAll guesses twice on each channel, first as strangers do and then as the owner.
func lockOnAll(d *depositor) {
	strangers := []channel{d.newSite(), d.newApp(), d.newPhone("legacy")}
	for n := range 6 {
		if code := strangers[n%3].signIn(wrong(n)); !slices.Contains(refusedStranger, code) {
			d.t.Errorf("a stranger's guess %d: %s", n, code)
		}
	}
	for _, c := range strangers {
		if code := c.signIn(d.password); !slices.Contains(refusedStranger, code) {
			d.t.Errorf("%s lets a stranger in after two guesses on each channel: %s", c.name(), code)
		}
	}
	for _, c := range d.channels() { // in a scope of their own
		if code := c.cancel(d.mustOpen(c)); code != "OK" {
			d.t.Errorf("the owner cancels on %s: %s", c.name(), code)
		}
	}
	for n := range 6 {
		want := "OLD_PASSWORD_WRONG"
		if n >= 4 { // the fifth locks
			want = "PASSWORD_LOCKED"
		}
		if _, code := d.channels()[n%3].open(wrong(n)); code != want {
			d.t.Errorf("the owner's guess %d: %s, want %s", n, code, want)
		}
	}
	for _, c := range d.channels() {
		if _, code := c.open(d.password); code != "PASSWORD_LOCKED" {
			d.t.Errorf("%s with the right password: %s", c.name(), code)
		}
	}
	d.site.get("/").want(d.t, "已锁定", "自动解锁")
	phone, app := d.status(d.phone), d.status(d.app)
	if phone.State != "locked" || phone != app {
		d.t.Errorf("the phone sees %+v, the app %+v", phone, app)
	}
}

var refusedStranger = []string{"SIGN_IN_REFUSED", "LINK_REFUSED"}

func wrong(n int) string { return fmt.Sprintf("Wrong-Harbor-%d", n) }

// status returns the state of the password as a channel of the API shows it.
func (d *depositor) status(c apiChannel) (v passwordView) {
	d.t.Helper()
	if code := c.get("/v1/password", &v); code != "OK" {
		d.t.Fatalf("the password on %s: %s", c.name(), code)
	}
	return v
}

// A passwordView is what the tests read of GET /v1/password.
type passwordView struct {
	State       string `json:"state"`
	LockedUntil string `json:"locked_until"`
	OpenChange  struct {
		ID      string `json:"id"`
		Channel string `json:"channel"`
	} `json:"open_change"`
}

func (d *depositor) wantOpenChange(c apiChannel, channel, id string) {
	d.t.Helper()
	if open := d.status(c).OpenChange; open.Channel != channel || open.ID != id {
		d.t.Errorf("%s sees the change %+v, want %s of %s", c.name(), open, id, channel)
	}
}

// wantWinner checks that the winner's channel alone is still signed in, that its new password is
// the password, and that the record says where it was changed.
func (d *depositor) wantWinner(winner channel, old string, changes int) {
	d.t.Helper()
	for _, c := range d.channels() {
		got, want := c.session(), "SESSION_EXPIRED"
		if c == winner {
			want = "OK"
		}
		if got != want && !(want != "OK" && got == "SESSION_REQUIRED") { // the website has removed the cookie
			d.t.Errorf("%s won, and the session on %s: %s", winner.name(), c.name(), got)
		}
	}
	site := d.newSite()
	if code := site.signIn(old); code != "SIGN_IN_REFUSED" {
		d.t.Errorf("the old password: %s", code)
	}
	if code := site.signIn(d.password); code != "OK" {
		d.t.Fatalf("the winner's password: %s", code)
	}
	logIn(d.t, d.phone.Client, d.who.Person)
	var record struct {
		Events []struct{ Kind, Channel string }
	}
	d.phone.get("/v1/events", &record)
	var changed []string
	for _, e := range record.Events {
		if e.Kind == store.EventPasswordChanged {
			changed = append(changed, e.Channel)
		}
	}
	if len(changed) != changes || changed[0] != winner.name() {
		d.t.Errorf("%s won, and the record has %v", winner.name(), changed)
	}
}
