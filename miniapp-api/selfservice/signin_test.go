package selfservice

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
	"fundpass/store/storetest"
)

// By document or by account number, spelled in any way, the same account is found and a session
// opened.
func TestSignIn(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t)
	d := h.depositor(1)
	byNumber := SignInInput{AccountNo: " " + d.Person.AccountNo[:4] + " " + d.Person.AccountNo[4:], Password: passwd.NewSecret(rightPassword1), TokenDigest: []byte("by number")}
	both := formOf(d, rightPassword1)
	both.AccountNo = d.Person.AccountNo
	for name, in := range map[string]SignInInput{"document": formOf(d, rightPassword1), "account": byNumber, "both": both} {
		got, err := h.signIn(browser(name, "192.0.2.1"), in)
		if want(t, name, err, nil); got.Account.Person.AccountNo != d.Person.AccountNo || got.Step != nil {
			t.Errorf("%s: %+v", name, got)
		}
		if s, err := h.db.Session(t.Context(), in.TokenDigest); err != nil || s.Link == nil || s.Channel != "site" {
			t.Errorf("%s: session %+v, %v", name, s, err)
		}
	}
	for name, in := range map[string]SignInInput{
		"nothing": {}, "no password": {AccountNo: "1"}, "no digits": {IDType: "01", IDNumber: "x", Password: passwd.NewSecret("x")},
		"unknown document": {IDType: "ZZ", IDNumber: "1", Password: passwd.NewSecret("x")}, "long": {AccountNo: strings.Repeat("1", 21), Password: passwd.NewSecret("x")},
	} {
		_, err := h.signIn(browser(name, "192.0.2.1"), in)
		if want(t, name, err, ErrBadRequest); len(AsError(err).Fields) == 0 {
			t.Errorf("%s: no field is named", name)
		}
	}
}

// T7, T8: a wrong password, an unknown person or account, a lock and somebody else's account
// number get one answer after one hash, and open no session.
func TestSignInRefusalsAreAlike(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t)
	known, locked, other := h.depositor(1), h.depositor(2), h.depositor(3)
	for i := range 5 {
		_, err := h.signIn(browser("locker", "192.0.2.9"), formOf(locked, fmt.Sprint("wrong", i)))
		want(t, "locking", err, ErrSignInRefused)
	}
	unknown := formOf(known, rightPassword1)
	_, unknown.IDNumber = documentOf(t, "99010119560307999")
	mixed := formOf(known, rightPassword1)
	mixed.AccountNo = other.Person.AccountNo
	for name, in := range map[string]SignInInput{
		"wrong": formOf(known, "wrong"), "unknown": unknown, "locked": formOf(locked, rightPassword1), "mixed": mixed,
		"unknown account": {AccountNo: "1", Password: passwd.NewSecret(rightPassword1), TokenDigest: []byte("x")},
		"wrong account":   {AccountNo: known.Person.AccountNo, Password: passwd.NewSecret("wrong"), TokenDigest: []byte("x")},
	} {
		before, begun := h.hasher.Hashed(), time.Now()
		got, err := h.signIn(browser(name, "192.0.2.1"), in)
		if e := AsError(err); e.Code != ErrSignInRefused.Code || e.Remaining != nil || e.LockedUntil != nil || e.RetryAfter != 0 || got.Step != nil || got.Account.ID != uuid.Nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if n := h.hasher.Hashed() - before; n != 1 {
			t.Errorf("%s: %d hashes, want 1", name, n)
		}
		if time.Since(begun) < responseQuantum {
			t.Errorf("%s: the time of the refusal is not padded", name)
		}
	}
	if n := h.count(`SELECT count(*) FROM sessions`); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// T4: of racing wrong sign-ins from many browsers exactly those of the tier are counted, by
// document and by account number together.
func TestRacingSignIns(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t, func(p *passwd.Policy) { p.Spraying = passwd.Spraying{PerUser: 5, PerAddress: 200, PerMinute: 10_000} })
	d := h.depositor(1)
	var race sync.WaitGroup
	gate := make(chan struct{}, 50)
	for i := range testenv.Rounds(100, 1000) {
		gate <- struct{}{}
		race.Go(func() {
			defer func() { <-gate }()
			in := formOf(d, fmt.Sprint("wrong-", i))
			if i%2 == 0 {
				in.IDType, in.IDNumber, in.AccountNo = "", "", d.Person.AccountNo
			}
			if _, err := h.signIn(browser(fmt.Sprint(i), fmt.Sprint("198.51.100.", i%200)), in); !errors.Is(err, ErrSignInRefused) {
				t.Error(err)
			}
		})
	}
	race.Wait()
	if n := h.attempts(d); n != 5 {
		t.Errorf("%d attempts were checked, want 5", n)
	}
	_, err := h.signIn(browser("owner", "192.0.2.1"), formOf(d, rightPassword1))
	want(t, "right password while locked", err, ErrSignInRefused)
}

// A lock that two guesses here and three on a channel with a provider reach together holds on
// both, for strangers.
func TestStrangersLockOverChannels(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t)
	d, phone := h.depositor(1), h.user("stranger")
	for i := range 2 {
		_, err := h.signIn(browser("b", "192.0.2.1"), formOf(d, fmt.Sprint("wrong", i)))
		want(t, "sign-in", err, ErrSignInRefused)
	}
	for i := range 3 {
		_, err := h.Link(t.Context(), phone, linkForm(d, fmt.Sprint("wrong", 9+i)))
		want(t, "link", err, ErrLinkRefused)
	}
	_, err := h.signIn(browser("c", "192.0.2.2"), formOf(d, rightPassword1))
	want(t, "right password at the sign-in", err, ErrSignInRefused)
	_, err = h.Link(t.Context(), h.user("another"), linkForm(d, rightPassword1))
	want(t, "right password at the link", err, ErrLinkRefused)
}

// The guesses of the signed-in owner are counted over all channels, too.
func TestOwnersLockOverChannels(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t)
	d, phone := h.depositor(1), h.user("owner")
	_, err := h.Link(t.Context(), phone, linkForm(d, rightPassword1))
	must(t, err)
	in := formOf(d, rightPassword1)
	_, err = h.signIn(browser("b", "192.0.2.1"), in)
	must(t, err)
	phone, site := h.caller("phone", phone.TokenDigest), h.caller("site", in.TokenDigest)
	guess := func(c Caller, password string) error {
		_, err := h.OpenChange(t.Context(), c, ChangeInput{IDNumber: d.Person.IDNumber, OldPassword: passwd.NewSecret(password)})
		return err
	}
	for i, c := range []Caller{site, phone, site, phone} {
		err := guess(c, fmt.Sprint("wrong", i))
		if want(t, "guess", err, ErrOldPasswordWrong); *AsError(err).Remaining != 4-i {
			t.Errorf("%d attempts left, want %d", *AsError(err).Remaining, 4-i)
		}
	}
	want(t, "the fifth guess", guess(site, "wrong"), ErrPasswordLocked)
	for _, c := range []Caller{site, phone} {
		want(t, "right password", guess(c, rightPassword1), ErrPasswordLocked)
		status, err := h.Password(t.Context(), h.caller(c.Channel, c.TokenDigest))
		if err != nil || status.State != "locked" {
			t.Errorf("%s: %s, %v", c.Channel, status.State, err)
		}
	}
}

// A browser that tries many people gets the ordinary refusal, and a network that does is told
// to wait, although the centre verifies users elsewhere before their attempt.
func TestSignInSpraying(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t, func(p *passwd.Policy) { p.Spraying = passwd.Spraying{PerUser: 2, PerAddress: 4, PerMinute: 100} })
	h.spraying.certdoc = true
	var people []store.Depositor
	for n := range 6 {
		people = append(people, h.depositor(n))
	}
	for i, d := range people[:3] {
		_, err := h.signIn(browser("one", "192.0.2.1"), formOf(d, "wrong"))
		if want(t, "one browser", err, ErrSignInRefused); h.attempts(d) != min(1, 2-min(i, 2)) {
			t.Errorf("person %d: %d attempts", i, h.attempts(d))
		}
	}
	for _, d := range people[2:4] {
		_, err := h.signIn(browser("two", "192.0.2.1"), formOf(d, "wrong"))
		want(t, "another browser", err, ErrSignInRefused)
	}
	_, err := h.signIn(browser("three", "192.0.2.1"), formOf(people[4], rightPassword1))
	if want(t, "the network", err, ErrTooManyRequests); AsError(err).RetryAfter < 1 {
		t.Error("no time to wait")
	}
	_, err = h.signIn(browser("three", "192.0.2.2"), formOf(people[4], rightPassword1))
	want(t, "another network", err, nil)
}

// A password that is no secret needs a code: no session is open before it is given, by the same
// browser and within its life. Then the attempts are forgotten.
func TestSignInNeedsACode(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change   func(*store.Depositor)
		then     string // a statement
		password string
	}{
		"initial":     {func(d *store.Depositor) { d.Hash, d.InitialRule = "", passwd.Default().InitialRules[0] }, "", ""},
		"must change": {func(d *store.Depositor) { d.MustChange = true }, "", rightPassword1},
		"frozen":      {func(*store.Depositor) {}, `UPDATE password_credentials SET state = 'frozen'`, rightPassword1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newSignInCentre(t)
			d := h.depositor(1, tt.change)
			if tt.then != "" {
				storetest.ProbeOf(h.db).MustExec(tt.then)
			}
			password := tt.password
			if password == "" {
				password = d.Person.IDNumber[12:]
			}
			site := browser("b", "192.0.2.1")
			start := func() SignInStep {
				h.ahead.Add(int64(store.SMSCodeInterval))
				got, err := h.signIn(site, formOf(d, password))
				must(t, err)
				if got.Step == nil || got.Account.ID != uuid.Nil || h.count(`SELECT count(*) FROM sessions`) != 0 {
					t.Fatalf("signed in without a code: %+v", got)
				}
				return *got.Step
			}
			finish := func(c Caller, ticket, code string) error {
				_, err := h.FinishSignIn(t.Context(), c, ticket, passwd.NewSecret(code), []byte(t.Name()))
				return err
			}
			step := start()
			code := h.code()
			if h.attempts(d) != 1 {
				t.Errorf("%d attempts before the code, want 1", h.attempts(d))
			}
			want(t, "another browser", finish(browser("other", "192.0.2.1"), step.Ticket, code), ErrSignInGone)
			want(t, "made up", finish(site, "made up", code), ErrSignInGone)
			wrong := "000000"
			if code == wrong {
				wrong = "000001"
			}
			want(t, "wrong code", finish(site, step.Ticket, wrong), ErrCodeWrong)
			must(t, finish(site, step.Ticket, code))
			if s, err := h.db.Session(t.Context(), []byte(t.Name())); err != nil || s.Link == nil {
				t.Errorf("session %+v, %v", s, err)
			}
			if h.attempts(d) != 0 {
				t.Errorf("%d attempts after the code", h.attempts(d))
			}
			want(t, "the code again", finish(site, step.Ticket, code), ErrCodeGone)
			storetest.ProbeOf(h.db).MustExec(`DELETE FROM sessions`)
			late := start()
			h.ahead.Add(int64(signInStepLife + time.Second))
			want(t, "late", finish(site, late.Ticket, "000000"), ErrSignInGone)
			replaced, code := start(), h.code()
			storetest.ProbeOf(h.db).MustExec(`UPDATE password_credentials SET version = version + 1`)
			want(t, "password replaced", finish(site, replaced.Ticket, code), ErrSignInGone)
			h.sms = false
			_, err := h.signIn(site, formOf(d, password))
			want(t, "no codes", err, ErrSignInCode)
			h.sms = true
			h.depositor(2, func(o *store.Depositor) { o.Person.Phone = d.Person.Phone })
			_, err = h.signIn(site, formOf(d, password))
			want(t, "a phone of two persons", err, ErrSignInCode)
		})
	}
}

// Only who gives the right password learns that the account has ended.
func TestSignInToAClosedAccount(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t)
	d := h.depositor(1, func(d *store.Depositor) { d.Status = store.StatusClosed })
	_, err := h.signIn(browser("b", "192.0.2.1"), formOf(d, "wrong"))
	want(t, "wrong password", err, ErrSignInRefused)
	_, err = h.signIn(browser("b", "192.0.2.1"), formOf(d, rightPassword1))
	if want(t, "right password", err, ErrAccountClosed); h.attempts(d) != 0 {
		t.Errorf("%d attempts", h.attempts(d))
	}
}

// A person whom an issuer has proven signs in without the password, if name and document are
// those of an open account.
func TestSignInProven(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t)
	d := h.depositor(1)
	closed := h.depositor(2, func(d *store.Depositor) { d.Status = store.StatusMoved })
	proven := func(name, number string) error {
		_, err := h.SignInProven(t.Context(), browser("b", "192.0.2.1"), Person{Name: name, IDType: "01", IDNumber: number}, []byte(uuid.NewString()))
		return err
	}
	want(t, "another name", proven("欧阳甲", d.Person.IDNumber), ErrSignInUnknown)
	_, nobody := documentOf(t, "99010119560307999")
	want(t, "nobody", proven(d.Person.Name, nobody), ErrSignInUnknown)
	want(t, "no document", proven(d.Person.Name, "1"), ErrSignInUnknown)
	want(t, "closed", proven(closed.Person.Name, closed.Person.IDNumber), ErrAccountClosed)
	if n := h.count(`SELECT count(*) FROM sessions`); n != 0 {
		t.Errorf("%d sessions", n)
	}
	must(t, proven(d.Person.Name, d.Person.IDNumber))
	if n := h.count(`SELECT count(*) FROM sessions WHERE channel = 'site'`); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}
