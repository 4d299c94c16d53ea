package walk

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"fundpass/cmd/internal/apiclient"
)

// signIn checks that only an auth code of Alipay's opens a session, and only once.
func (w *walk) signIn(ctx context.Context) error {
	a, err := w.step(ctx, step{proves: "Alipay issues an auth code", want: "OK",
		Request: post("/sim/auth-code", apiclient.Fields{"person": w.person.Person}), note: fixedNote("simulated")})
	if err != nil {
		return err
	}
	code := post("/v1/sessions", apiclient.Fields{"auth_code": a.Text("auth_code")})
	a, err = w.step(ctx, step{proves: "The code opens a session", Request: code, want: "OK", note: showSession})
	if err != nil {
		return err
	}
	w.client.Token = a.Text("token")
	w.linked, _ = a.Object()["linked"].(bool)
	if _, err = w.step(ctx, step{proves: "The same code opens no second session", Request: code, want: "AUTH_CODE_INVALID"}); err != nil {
		return err
	}
	signedOut := w.client
	signedOut.Token = ""
	_, err = w.step(ctx, step{proves: "Without a session the API reveals nothing", client: &signedOut,
		Request: get("/v1/password"), want: "SESSION_REQUIRED"})
	return err
}

// link links the Alipay user to the fund account, and opens a second session as on
// another phone.
func (w *walk) link(ctx context.Context) error {
	if w.linked { // the link of an earlier visitor is removed and added again
		if err := w.unlink(ctx, "The existing link is removed with the password"); err != nil {
			return err
		}
	}
	a, err := w.step(ctx, step{proves: "Name, document and password link the account", want: "OK", note: showAccount, Request: w.linkRequest(false)})
	if err != nil {
		return w.explainRefusal(a, err)
	}
	w.linkedHere = true
	if err := w.subscribe(ctx, &w.client, w.person.Person); err != nil {
		return err
	}
	return w.signInStep(ctx, &w.otherClient, w.person.Person, "The same citizen signs in on another phone")
}

func (w *walk) unlink(ctx context.Context, proves string) error {
	a, err := w.step(ctx, step{proves: proves, Request: w.unlinkRequest(), want: "OK"})
	return w.explainRefusal(a, err)
}

// linkRequest returns the request for a link, or for its transfer from another user.
func (w *walk) linkRequest(transfer bool) apiclient.Request {
	form := apiclient.Fields{"name": w.person.Name, "id_type": w.person.IDType, "id_number": w.person.IDNumber, "account_no": w.person.AccountNo, "password": w.password}
	if transfer {
		form["transfer"] = true
	}
	return post("/v1/link", form)
}

func (w *walk) unlinkRequest() apiclient.Request {
	return post("/v1/link/remove", apiclient.Fields{"password": w.password})
}

// explainRefusal adds advice to the error if the password or the person is wrong for a
// walk.
func (w *walk) explainRefusal(a apiclient.Answer, err error) error {
	if a.Code != "LINK_REFUSED" && a.Code != "OLD_PASSWORD_WRONG" {
		return err
	}
	return fmt.Errorf("%w\nEither the password of %s was changed: use --password, or start the demo again.\n"+
		"Or the person's story is to be refused: see the demo's table", err, w.person.Person)
}

// enterWrongPassword checks that a wrong old password is refused and counted.
func (w *walk) enterWrongPassword(ctx context.Context) error {
	a, err := w.step(ctx, step{proves: "State, attempts left and rules are shown", Request: get("/v1/password"), want: "OK", note: showStatus})
	if err != nil {
		return err
	}
	before := a.Number("remaining_attempts")
	_, err = w.step(ctx, step{proves: "A wrong old password is refused",
		Request: w.openRequest(freshPassword()), want: "OLD_PASSWORD_WRONG", note: wantAttempts(before - 1)})
	if err != nil {
		return err
	}
	_, err = w.step(ctx, step{proves: "The failed attempt was counted", Request: get("/v1/password"), want: "OK",
		note: func(a apiclient.Answer) (string, error) {
			if left := a.Number("remaining_attempts"); left != before-1 {
				return "", fmt.Errorf("wanted %d attempts left, got %d", before-1, left)
			}
			return showStatus(a)
		}})
	return err
}

func (w *walk) openRequest(password string) apiclient.Request {
	return post("/v1/password/changes", apiclient.Fields{"id_number": w.person.IDNumber, "old_password": password})
}

func (w *walk) confirmRequest(password, again string) apiclient.Request {
	return post(w.change+"/confirm", apiclient.Fields{"new_password": password, "new_password_again": again})
}

// open opens a change with the current password.
func (w *walk) open(ctx context.Context, proves string) error {
	a, err := w.step(ctx, step{proves: proves, Request: w.openRequest(w.password), want: "OK", note: wantState("open")})
	w.change = "/v1/password/changes/" + a.Text("id")
	return err
}

// changePassword checks what a confirm refuses, then confirms the change.
func (w *walk) changePassword(ctx context.Context) error {
	if err := w.open(ctx, "ID number and old password open a change"); err != nil {
		return err
	}
	next := freshPassword()
	if err := w.runSteps(ctx,
		step{proves: "Two different new passwords are refused", Request: w.confirmRequest(next, next+"x"), want: "PASSWORD_MISMATCH"},
		step{proves: "A weak password is refused, with every reason", Request: w.confirmRequest("123456", "123456"), want: "PASSWORD_WEAK", note: showBrokenRules},
		step{proves: "The old password is refused as the new one", Request: w.confirmRequest(w.password, w.password), want: "PASSWORD_SAME"},
	); err != nil {
		return err
	}
	confirm := w.confirmRequest(next, next)
	confirm = withIdempotencyKey(confirm)
	done, err := w.step(ctx, step{proves: "A matching new password changes it", Request: confirm, want: "OK", note: showChange})
	if err != nil {
		return err
	}
	w.password, w.changedAt = next, done.Text("changed_at")
	_, err = w.step(ctx, step{proves: "A repeated request gets the first reply", Request: confirm, want: "OK",
		note: func(a apiclient.Answer) (string, error) {
			if !bytes.Equal(a.Raw, done.Raw) {
				return "", errors.New("the answer to the same Idempotency-Key differs")
			}
			return "identical; nothing was changed twice", nil
		}})
	return err
}

// checkEffects checks every effect of a change.
func (w *walk) checkEffects(ctx context.Context) error {
	if err := w.runSteps(ctx,
		step{proves: "The other phone is signed out", client: &w.otherClient, Request: get("/v1/password"), want: "SESSION_EXPIRED"},
		step{proves: "The server reports the change as done", Request: get(w.change), want: "OK", note: wantState("done")},
		step{proves: "The old password opens no change", Request: w.openRequest(w.first), want: "OLD_PASSWORD_WRONG"},
	); err != nil {
		return err
	}
	if err := w.open(ctx, "The new password opens another change"); err != nil {
		return err
	}
	next := freshPassword()
	return w.runSteps(ctx,
		step{proves: "A change can be cancelled", Request: post(w.change+"/cancel", nil), want: "OK", note: wantState("cancelled")},
		step{proves: "A cancelled change cannot be confirmed", Request: w.confirmRequest(next, next), want: "CHANGE_GONE"},
		step{proves: "The citizen's record shows the change", Request: get("/v1/events"), want: "OK", note: wantRecord(w.changedAt)},
	)
}

// signOut removes a link that the walk added and ends the session.
func (w *walk) signOut(ctx context.Context) error {
	if !w.linked {
		if err := w.unlink(ctx, "The link is removed with the password"); err != nil {
			return err
		}
	}
	return w.runSteps(ctx,
		step{proves: "The citizen signs out", Request: post("/v1/sessions/end", nil), want: "OK"},
		step{proves: "The session has ended", Request: get("/v1/password"), want: "SESSION_EXPIRED"},
	)
}
