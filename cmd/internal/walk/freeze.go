package walk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fundpass/cmd/internal/apiclient"
)

// freezeAndReset freezes the password and sets a new one after identity verification. It
// freezes nothing if no reset is possible.
func (w *walk) freezeAndReset(ctx context.Context) error {
	if open, err := w.resetAvailable(ctx); err != nil || !open {
		return err
	}
	if err := w.freeze(ctx); err != nil {
		return err
	}
	if err := w.verifyIdentity(ctx); err != nil {
		return err
	}
	return w.confirmReset(ctx)
}

// skippedResets maps replies that skip the stage to the reason.
var skippedResets = map[string]string{
	"RESET_UNAVAILABLE":  "skipped: no identity verification is available for this document",
	"RESET_LIMIT":        "skipped: today's resets are used up; a new demo allows three",
	"NOT_FOUND":          "skipped: this server offers no resets",
	"METHOD_NOT_ALLOWED": "skipped: this server offers no resets",
	"OK":                 "skipped: the fault affected another call; try again",
}

// resetAvailable reports whether a reset is possible. It asks while Alipay is
// unavailable, so that the attempt does not count against the three of a day.
func (w *walk) resetAvailable(ctx context.Context) (open bool, err error) {
	if _, err := w.step(ctx, step{proves: "Alipay becomes unavailable", want: "OK",
		Request: post("/sim/fault", apiclient.Fields{"next": "error", "count": 3}), note: fixedNote("simulated fault")}); err != nil {
		return false, err
	}
	a, err := w.client.Do(ctx, post("/v1/password/resets", nil))
	back, failed := w.client.Do(context.WithoutCancel(ctx), post("/sim/fault", apiclient.Fields{"next": ""}))
	if why, closed := skippedResets[a.Code]; err == nil && closed {
		if a.Code == "OK" {
			_, err = w.client.Do(ctx, post("/v1/password/resets/"+a.Text("id")+"/cancel", nil))
		}
		return false, errors.Join(w.checkStep(step{proves: "A reset is not possible", want: a.Code, note: fixedNote(why)}, a, err), failed)
	}
	if err := w.checkStep(step{proves: "A reset fails without Alipay, and is not counted", want: "ALIPAY_UNAVAILABLE"}, a, err); err != nil {
		return false, err
	}
	return true, w.checkStep(step{proves: "Alipay is available again", want: "OK", note: fixedNote("the simulated fault ended")}, back, failed)
}

// freeze freezes the password, which ends every session.
func (w *walk) freeze(ctx context.Context) error {
	if err := w.signInStep(ctx, &w.otherClient, w.person.Person, "The citizen signs in on another phone"); err != nil {
		return err
	}
	if _, err := w.step(ctx, step{proves: "不是我: one tap freezes the password", Request: post("/v1/freeze", nil), want: "OK", note: wantState("frozen")}); err != nil {
		return err
	}
	w.frozen = true
	if err := w.runSteps(ctx,
		step{proves: "The other phone is signed out", client: &w.otherClient, Request: get("/v1/password"), want: "SESSION_EXPIRED"},
		step{proves: "This phone is signed out, too", Request: get("/v1/password"), want: "SESSION_EXPIRED"},
	); err != nil {
		return err
	}
	return w.signInStep(ctx, &w.client, w.person.Person, "The citizen signs in again")
}

// verifyIdentity checks what a frozen password refuses and passes the identity
// verification. If the person's story is to fail it, the simulator is told to pass them.
func (w *walk) verifyIdentity(ctx context.Context) error {
	if err := w.runSteps(ctx,
		step{proves: "The state of the password is frozen", Request: get("/v1/password"), want: "OK", note: wantState("frozen")},
		step{proves: "The right password opens no change", Request: w.openRequest(w.password), want: "PASSWORD_FROZEN"},
	); err != nil {
		return err
	}
	a, err := w.step(ctx, step{proves: "A reset begins with Alipay's face verification", Request: post("/v1/password/resets", nil), want: "OK", note: wantState("started")})
	if err != nil {
		return err
	}
	w.reset = "/v1/password/resets/" + a.Text("id")
	certifyID := a.Text("certify_id")
	a, err = w.step(ctx, step{proves: "The server asks Alipay for the result", Request: get(w.reset), want: "OK", note: showState})
	if err != nil || a.Text("state") == "passed" {
		return err
	}
	next := freshPassword()
	return w.runSteps(ctx,
		step{proves: "No new password without verification", Request: w.resetRequest(next), want: "IDENTITY_NOT_PROVEN"},
		step{proves: "The citizen tries again", want: "OK", note: fixedNote("the simulator is told to pass the person"),
			Request: post("/sim/certify", apiclient.Fields{"certify_id": certifyID, "pass": true})},
		step{proves: "The citizen passes", Request: get(w.reset), want: "OK", note: wantState("passed")},
	)
}

func (w *walk) resetRequest(password string) apiclient.Request {
	return post(w.reset+"/confirm", apiclient.Fields{"new_password": password, "new_password_again": password})
}

// confirmReset sets the new password and checks the effects.
func (w *walk) confirmReset(ctx context.Context) error {
	next, old := freshPassword(), w.password
	if _, err := w.step(ctx, step{proves: "A new password is set without the old one", Request: w.resetRequest(next), want: "OK", note: wantState("done")}); err != nil {
		return err
	}
	w.password, w.frozen = next, false
	if _, err := w.step(ctx, step{proves: "The frozen password stays invalid", Request: w.openRequest(old), want: "OLD_PASSWORD_WRONG"}); err != nil {
		return err
	}
	if err := w.open(ctx, "The new password opens a change"); err != nil {
		return err
	}
	return w.runSteps(ctx,
		step{proves: "The change is cancelled", Request: post(w.change+"/cancel", nil), want: "OK", note: wantState("cancelled")},
		step{proves: "The citizen's record shows both", Request: get("/v1/events"), want: "OK", note: wantKinds("password_frozen", "password_reset")},
	)
}

// unfreeze resets a password that a failed walk left frozen.
func (w *walk) unfreeze(ctx context.Context) error {
	if _, err := w.client.LogIn(ctx, w.person.Person); err != nil {
		return err
	}
	a, err := w.client.Do(ctx, post("/v1/password/resets", nil))
	if err != nil || a.Code != "OK" {
		return errors.Join(err, errNotRestored)
	}
	w.reset = "/v1/password/resets/" + a.Text("id")
	if _, err := w.client.Do(ctx, post("/sim/certify", apiclient.Fields{"certify_id": a.Text("certify_id"), "pass": true})); err != nil {
		return err
	}
	next := freshPassword()
	a, err = w.client.Do(ctx, w.resetRequest(next))
	if err != nil || a.Code != "OK" {
		return errors.Join(err, errNotRestored)
	}
	w.password, w.frozen = next, false
	return nil
}

// showState shows the state of a reset that is not finished.
func showState(a apiclient.Answer) (string, error) {
	state := a.Text("state")
	if !slices.Contains([]string{"started", "passed", "failed"}, state) {
		return "", fmt.Errorf("wanted an unfinished reset, got %s", state)
	}
	return "state " + state, nil
}

// wantKinds checks that the record has events of these kinds.
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
