package walk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fundpass/cmd/internal/apiclient"
)

// comeBack is 不是我 and the way back: the owner freezes the password, proves
// identity and gives a new one. Without a way back nothing is frozen.
func (w *walk) comeBack(ctx context.Context) error {
	if open, err := w.wayBack(ctx); err != nil || !open {
		return err
	}
	if err := w.freeze(ctx); err != nil {
		return err
	}
	if err := w.prove(ctx); err != nil {
		return err
	}
	return w.renew(ctx)
}

// closedWays are the answers that skip the stage, and the reason.
var closedWays = map[string]string{
	"RESET_UNAVAILABLE":  "skipped: no identity verification here, or for this document",
	"RESET_LIMIT":        "skipped: today's resets are used up; a new demo has three",
	"NOT_FOUND":          "skipped: this server knows no resets",
	"METHOD_NOT_ALLOWED": "skipped: this server knows no resets",
	"OK":                 "skipped: the fault struck another call; try again",
}

// wayBack asks for a reset while Alipay is away: that one costs none of the three
// which a day allows.
func (w *walk) wayBack(ctx context.Context) (open bool, err error) {
	if _, err := w.step(ctx, step{proves: "Alipay goes away for a moment", want: "OK",
		Request: post("/sim/fault", apiclient.Fields{"next": "error", "count": 3}), note: says("the simulator's fault")}); err != nil {
		return false, err
	}
	a, err := w.mine.Do(ctx, post("/v1/password/resets", nil))
	back, failed := w.mine.Do(context.WithoutCancel(ctx), post("/sim/fault", apiclient.Fields{"next": ""}))
	if why, closed := closedWays[a.Code]; err == nil && closed {
		if a.Code == "OK" {
			_, err = w.mine.Do(ctx, post("/v1/password/resets/"+a.Text("id")+"/cancel", nil))
		}
		return false, errors.Join(w.checkStep(step{proves: "Asked for the way back after a freeze", want: a.Code, note: says(why)}, a, err), failed)
	}
	if err := w.checkStep(step{proves: "A reset waits for Alipay, and is not counted", want: "ALIPAY_UNAVAILABLE"}, a, err); err != nil {
		return false, err
	}
	return true, w.checkStep(step{proves: "Alipay is back", want: "OK", note: says("the fault is over")}, back, failed)
}

// freeze ends every session, on every phone.
func (w *walk) freeze(ctx context.Context) error {
	if err := w.signInStep(ctx, &w.other, w.who.Person, "Somebody signs in on another phone"); err != nil {
		return err
	}
	if _, err := w.step(ctx, step{proves: "不是我: one tap freezes the password", Request: post("/v1/freeze", nil), want: "OK", note: wantState("frozen")}); err != nil {
		return err
	}
	w.frozen = true
	if err := w.take(ctx,
		step{proves: "The other phone is signed out", client: &w.other, Request: get("/v1/password"), want: "SESSION_EXPIRED"},
		step{proves: "And so is this one", Request: get("/v1/password"), want: "SESSION_EXPIRED"},
	); err != nil {
		return err
	}
	return w.signInStep(ctx, &w.mine, w.who.Person, "The citizen signs in again")
}

// prove is what the frozen password refuses, and the identity verification. A
// person whose story is to fail it fails, and is then helped through.
func (w *walk) prove(ctx context.Context) error {
	if err := w.take(ctx,
		step{proves: "The password is told to be frozen", Request: get("/v1/password"), want: "OK", note: wantState("frozen")},
		step{proves: "The right password opens nothing", Request: w.opening(w.password), want: "PASSWORD_FROZEN"},
	); err != nil {
		return err
	}
	a, err := w.step(ctx, step{proves: "A reset begins with Alipay's face verification", Request: post("/v1/password/resets", nil), want: "OK", note: wantState("started")})
	if err != nil {
		return err
	}
	w.reset = "/v1/password/resets/" + a.Text("id")
	certifyID := a.Text("certify_id")
	a, err = w.step(ctx, step{proves: "Alipay is asked how it ended", Request: get(w.reset), want: "OK", note: showState})
	if err != nil || a.Text("state") == "passed" {
		return err
	}
	next := freshPassword()
	return w.take(ctx,
		step{proves: "Without it there is no new password", Request: w.renewing(next), want: "IDENTITY_NOT_PROVEN"},
		step{proves: "The citizen tries again", want: "OK", note: says("the simulator lets everybody through that it is told to"),
			Request: post("/sim/certify", apiclient.Fields{"certify_id": certifyID, "pass": true})},
		step{proves: "And passes", Request: get(w.reset), want: "OK", note: wantState("passed")},
	)
}

func (w *walk) renewing(password string) apiclient.Request {
	return post(w.reset+"/confirm", apiclient.Fields{"new_password": password, "new_password_again": password})
}

// renew gives the new password, and looks at what that did.
func (w *walk) renew(ctx context.Context) error {
	next, old := freshPassword(), w.password
	if _, err := w.step(ctx, step{proves: "A new password, without the old one", Request: w.renewing(next), want: "OK", note: wantState("done")}); err != nil {
		return err
	}
	w.password, w.frozen = next, false
	if _, err := w.step(ctx, step{proves: "The one that was frozen stays dead", Request: w.opening(old), want: "OLD_PASSWORD_WRONG"}); err != nil {
		return err
	}
	if err := w.open(ctx, "The new one opens a change"); err != nil {
		return err
	}
	return w.take(ctx,
		step{proves: "Which is cancelled", Request: post(w.change+"/cancel", nil), want: "OK", note: wantState("cancelled")},
		step{proves: "The citizen's own record shows both", Request: get("/v1/events"), want: "OK", note: wantKinds("password_frozen", "password_reset")},
	)
}

// thaw is the way back of a walk that ended while the password was frozen.
func (w *walk) thaw(ctx context.Context) error {
	if _, err := w.mine.LogIn(ctx, w.who.Person); err != nil {
		return err
	}
	a, err := w.mine.Do(ctx, post("/v1/password/resets", nil))
	if err != nil || a.Code != "OK" {
		return errors.Join(err, errNotBack)
	}
	w.reset = "/v1/password/resets/" + a.Text("id")
	if _, err := w.mine.Do(ctx, post("/sim/certify", apiclient.Fields{"certify_id": a.Text("certify_id"), "pass": true})); err != nil {
		return err
	}
	next := freshPassword()
	a, err = w.mine.Do(ctx, w.renewing(next))
	if err != nil || a.Code != "OK" {
		return errors.Join(err, errNotBack)
	}
	w.password, w.frozen = next, false
	return nil
}

func showState(a apiclient.Answer) (string, error) {
	state := a.Text("state")
	if !slices.Contains([]string{"started", "passed", "failed"}, state) {
		return "", fmt.Errorf("wanted a reset that goes on, got %s", state)
	}
	return "state " + state, nil
}

// wantKinds wants entries of these kinds in the record.
func wantKinds(kinds ...string) note {
	return func(a apiclient.Answer) (string, error) {
		var texts []string
		for _, kind := range kinds {
			i := slices.IndexFunc(events(a), func(e event) bool { return e.Kind == kind })
			if i < 0 {
				return "", fmt.Errorf("%s is not among %d events", kind, len(events(a)))
			}
			texts = append(texts, events(a)[i].Text)
		}
		return strings.Join(texts, "\n"), nil
	}
}
