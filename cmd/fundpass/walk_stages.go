package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// signIn: only Alipay's word opens a session, and a code is good once.
func (w *walk) signIn(ctx context.Context) error {
	a, err := w.step(ctx, step{proves: "Alipay gives an auth code", want: "OK",
		request: post("/sim/auth-code", fields{"person": w.who.Person}), note: says("the simulator stands in for Alipay")})
	if err != nil {
		return err
	}
	code := post("/v1/sessions", fields{"auth_code": a.text("auth_code")})
	a, err = w.step(ctx, step{proves: "The code opens a session", request: code, want: "OK", note: showSession})
	if err != nil {
		return err
	}
	w.mine.token = a.text("token")
	w.linked, _ = a.object()["linked"].(bool)
	if _, err = w.step(ctx, step{proves: "The same code opens no second one", request: code, want: "AUTH_CODE_INVALID"}); err != nil {
		return err
	}
	stranger := w.mine
	stranger.token = ""
	_, err = w.step(ctx, step{proves: "Without a session nothing is told", client: &stranger,
		request: get("/v1/password"), want: "SESSION_REQUIRED"})
	return err
}

// link ties the Alipay user to the fund account, and opens a second session,
// as of another phone.
func (w *walk) link(ctx context.Context) error {
	if w.linked { // an earlier visitor's link: taken away and made again
		if err := w.unlink(ctx, "The link found is removed against the password"); err != nil {
			return err
		}
	}
	a, err := w.step(ctx, step{proves: "Name, document and password link the account", want: "OK", note: showAccount, request: w.linking(false)})
	if err != nil {
		return w.hint(a, err)
	}
	w.linkedHere = true
	if err := w.subscribe(ctx, &w.mine, w.who.Person); err != nil {
		return err
	}
	return w.signInStep(ctx, &w.other, w.who.Person, "The same citizen signs in on another phone")
}

func (w *walk) unlink(ctx context.Context, proves string) error {
	a, err := w.step(ctx, step{proves: proves, request: w.unlinking(), want: "OK"})
	return w.hint(a, err)
}

// linking returns the request for a link, or for its transfer from another user.
func (w *walk) linking(transfer bool) request {
	form := fields{"name": w.who.Name, "id_type": w.who.IDType, "id_number": w.who.IDNumber, "account_no": w.who.AccountNo, "password": w.password}
	if transfer {
		form["transfer"] = true
	}
	return post("/v1/link", form)
}

func (w *walk) unlinking() request {
	return post("/v1/link/remove", fields{"password": w.password})
}

// hint helps where the password, or the person, is the wrong one for a walk.
func (w *walk) hint(a answer, err error) error {
	if a.Code != "LINK_REFUSED" && a.Code != "OLD_PASSWORD_WRONG" {
		return err
	}
	return fmt.Errorf("%w\nEither the password is not %s's any more: give the right one with --password, or\n"+
		"start the demo again. Or it is their story not to get through: see the demo's table", err, w.who.Person)
}

// mistype: a wrong old password is refused and counted.
func (w *walk) mistype(ctx context.Context) error {
	a, err := w.step(ctx, step{proves: "State, attempts left and rules are shown", request: get("/v1/password"), want: "OK", note: showStatus})
	if err != nil {
		return err
	}
	before := a.number("remaining_attempts")
	_, err = w.step(ctx, step{proves: "A wrong old password is refused",
		request: w.opening(freshPassword()), want: "OLD_PASSWORD_WRONG", note: wantAttempts(before - 1)})
	if err != nil {
		return err
	}
	_, err = w.step(ctx, step{proves: "The failed attempt was counted", request: get("/v1/password"), want: "OK",
		note: func(a answer) (string, error) {
			if left := a.number("remaining_attempts"); left != before-1 {
				return "", fmt.Errorf("wanted %d attempts left, got %d", before-1, left)
			}
			return showStatus(a)
		}})
	return err
}

func (w *walk) opening(password string) request {
	return post("/v1/password/changes", fields{"id_number": w.who.IDNumber, "old_password": password})
}

func (w *walk) confirming(password, again string) request {
	return post(w.change+"/confirm", fields{"new_password": password, "new_password_again": again})
}

// open opens a change with the present password.
func (w *walk) open(ctx context.Context, proves string) error {
	a, err := w.step(ctx, step{proves: proves, request: w.opening(w.password), want: "OK", note: wantState("open")})
	w.change = "/v1/password/changes/" + a.text("id")
	return err
}

// changePassword: what is refused on the way, and the one confirm that counts.
func (w *walk) changePassword(ctx context.Context) error {
	if err := w.open(ctx, "ID number and old password open a change"); err != nil {
		return err
	}
	next := freshPassword()
	if err := w.take(ctx,
		step{proves: "Two different new passwords are refused", request: w.confirming(next, next+"x"), want: "PASSWORD_MISMATCH"},
		step{proves: "A weak password is refused, with every reason", request: w.confirming("123456", "123456"), want: "PASSWORD_WEAK", note: showBrokenRules},
		step{proves: "The old password is refused as the new one", request: w.confirming(w.password, w.password), want: "PASSWORD_SAME"},
	); err != nil {
		return err
	}
	confirm := w.confirming(next, next)
	confirm = confirm.underKey()
	done, err := w.step(ctx, step{proves: "The same new password twice: it is changed", request: confirm, want: "OK", note: showChange})
	if err != nil {
		return err
	}
	w.password, w.changedAt = next, done.text("changed_at")
	_, err = w.step(ctx, step{proves: "Sent again under its key: the first answer", request: confirm, want: "OK",
		note: func(a answer) (string, error) {
			if !bytes.Equal(a.raw, done.raw) {
				return "", errors.New("the answer to the same Idempotency-Key differs")
			}
			return "byte for byte, nothing changed twice", nil
		}})
	return err
}

// afterwards looks at every effect of a change.
func (w *walk) afterwards(ctx context.Context) error {
	if err := w.take(ctx,
		step{proves: "The other phone is signed out", client: &w.other, request: get("/v1/password"), want: "SESSION_EXPIRED"},
		step{proves: "Asked whether it happened, the server knows", request: get(w.change), want: "OK", note: wantState("done")},
		step{proves: "The old password opens nothing any more", request: w.opening(w.first), want: "OLD_PASSWORD_WRONG"},
	); err != nil {
		return err
	}
	if err := w.open(ctx, "The new password opens another change"); err != nil {
		return err
	}
	next := freshPassword()
	return w.take(ctx,
		step{proves: "A change can be cancelled", request: post(w.change+"/cancel", nil), want: "OK", note: wantState("cancelled")},
		step{proves: "A cancelled change cannot be confirmed", request: w.confirming(next, next), want: "CHANGE_GONE"},
		step{proves: "The citizen's own record shows the change", request: get("/v1/events"), want: "OK", note: wantRecord(w.changedAt)},
	)
}

// leave ends where it began: unlinked if it was, and signed out.
func (w *walk) leave(ctx context.Context) error {
	if !w.linked {
		if err := w.unlink(ctx, "The link is removed against the password"); err != nil {
			return err
		}
	}
	return w.take(ctx,
		step{proves: "Signed out", request: post("/v1/sessions/end", nil), want: "OK"},
		step{proves: "The session is dead", request: get("/v1/password"), want: "SESSION_EXPIRED"},
	)
}
