package selfservice

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
	"fundpass/store/storetest"
)

// withPhone gives a depositor a phone of their own.
func withPhone(phone string) func(*store.Depositor) {
	return func(d *store.Depositor) { d.Person.Phone = phone }
}

func personOf(d store.Depositor) PersonInput {
	return PersonInput{Name: d.Person.Name, IDType: "01", IDNumber: d.Person.IDNumber}
}

// Who has forgotten the password and gives the code is signed in with a reset that is passed. A
// code is used once.
func TestForgotten(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t)
	d := h.depositor(1, withPhone("13900000001"))
	site := browser("b", "192.0.2.1")
	step, err := h.StartForgotten(t.Context(), site, personOf(d), nil)
	must(t, err)
	finish := func(c Caller, code string) (Reset, error) {
		_, reset, err := h.FinishForgotten(t.Context(), c, step.Ticket, passwd.NewSecret(code), []byte(t.Name()))
		return reset, err
	}
	code := h.code()
	_, err = finish(browser("other", "192.0.2.1"), code)
	want(t, "another browser", err, ErrSignInGone)
	_, err = finish(site, otherThan(code))
	want(t, "wrong code", err, ErrCodeWrong)
	reset, err := finish(site, code)
	must(t, err)
	caller := h.caller("site", []byte(t.Name()))
	if reset.State != store.ResetPassed || caller.Link == nil {
		t.Fatalf("%+v", reset)
	}
	_, err = finish(site, code)
	want(t, "the code again", err, ErrCodeGone)
	typed := passwd.NewSecret("Copper-Kettle-58")
	_, err = h.ConfirmReset(t.Context(), caller, reset.ID, NewPassword{typed, typed})
	must(t, err)
	_, err = h.signIn(site, formOf(d, "Copper-Kettle-58"))
	want(t, "the new password", err, nil)
}

// otherThan returns another code of six digits.
func otherThan(code string) string { return string('0'+('9'-code[0])) + code[1:] }

// A stranger learns nothing: whether the person is known, the name right or a phone on file, the
// answers have one form and one error, and only the owner gets an SMS.
func TestForgottenRevealsNothing(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t)
	known := h.depositor(1, withPhone("13900000001"))
	mute, shared := h.depositor(2, withPhone("")), h.depositor(3, withPhone("13900000003"))
	h.depositor(4, withPhone("13900000003"))
	another, nobody := personOf(known), personOf(known)
	another.Name = "别的人"
	_, nobody.IDNumber = documentOf(t, "99010119560307999")
	lengths := map[int]bool{}
	for name, in := range map[string]PersonInput{"known": personOf(known), "another name": another, "nobody": nobody, "no phone": personOf(mute), "shared phone": personOf(shared)} {
		site := browser(name, "192.0.2.1")
		if name == "another name" {
			h.ahead.Add(int64(2 * time.Minute)) // a code for the same person was just requested
		}
		step, err := h.StartForgotten(t.Context(), site, in, nil)
		must(t, err)
		if step.Code.Phone != "" || step.Code.ID == uuid.Nil {
			t.Errorf("%s: %+v", name, step)
		}
		lengths[len(step.Ticket)] = true
		_, _, err = h.FinishForgotten(t.Context(), site, step.Ticket, passwd.NewSecret("000000"), []byte(name))
		if e := AsError(err); e.Code != ErrCodeWrong.Code || *e.Remaining != store.SMSCodeTries-1 {
			t.Errorf("%s: %v", name, err)
		}
		h.ahead.Add(int64(2 * time.Minute))
	}
	if len(lengths) != 1 {
		t.Errorf("tickets of lengths %v", lengths)
	}
	if n := h.count(`SELECT count(*) FROM outbox`); n != 1 {
		t.Errorf("%d SMS, want that to the owner", n)
	}
}

// A stranger who knows the document, and with it the initial password, leaves the owner two
// codes of the day, whatever they request from their network. Forgotten passwords leave the
// sign-in; sign-ins without the code lock it and leave the forgotten password.
func TestStrangersLeaveTwoCodes(t *testing.T) {
	t.Parallel()
	forget := func(h *signInCentre, d store.Depositor, c Caller) (*SignInStep, error) {
		step, err := h.StartForgotten(t.Context(), c, personOf(d), nil)
		return &step, err
	}
	signIn := func(h *signInCentre, d store.Depositor, c Caller) (*SignInStep, error) {
		done, err := h.signIn(c, formOf(d, d.Person.IDNumber[12:]))
		return done.Step, err
	}
	for name, tt := range map[string]struct {
		stranger, owner func(*signInCentre, store.Depositor, Caller) (*SignInStep, error)
	}{"forgotten": {forget, signIn}, "sign-in": {signIn, forget}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newSignInCentre(t)
			d := h.depositor(1, withPhone("13900000001"), func(d *store.Depositor) { d.Hash, d.InitialRule = "", "id-last6" })
			got := 0
			for range 2 * store.SMSCodesPerDay {
				_, err := tt.stranger(h, d, browser(uuid.NewString(), "192.0.2.1"))
				if err == nil {
					got++
				} else if !errors.Is(err, ErrCodeLimit) && !errors.Is(err, ErrSignInRefused) {
					t.Errorf("a stranger: %v", err)
				}
				h.ahead.Add(int64(61 * time.Second))
			}
			if got != store.SMSCodesPerDay-2 {
				t.Errorf("a stranger got %d codes", got)
			}
			for range 2 {
				before := h.count(`SELECT count(*) FROM outbox`)
				_, err := tt.owner(h, d, browser("owner", "192.0.2.2"))
				if want(t, "the owner", err, nil); h.count(`SELECT count(*) FROM outbox`) != before+1 {
					t.Error("no code for the owner")
				}
				h.ahead.Add(int64(61 * time.Second))
			}
		})
	}
}

// Strangers leave the owner codes of the day.
func TestForgottenLimit(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t)
	d := h.depositor(1, withPhone("13900000001"))
	for i := range smsRecoveriesPerPerson + 1 {
		_, err := h.StartForgotten(t.Context(), browser(uuid.NewString(), "192.0.2.1"), personOf(d), nil)
		if i < smsRecoveriesPerPerson {
			must(t, err)
		} else {
			want(t, "one too many", err, ErrCodeLimit)
		}
		h.ahead.Add(int64(2 * time.Minute))
	}
	storetest.ProbeOf(h.db).MustExec(`UPDATE password_credentials SET state = 'must_change'`)
	got, err := h.signIn(browser("owner", "192.0.2.2"), formOf(d, rightPassword1))
	if want(t, "the owner", err, nil); got.Step == nil {
		t.Error("no code for the owner")
	}
}
