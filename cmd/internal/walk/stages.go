package walk

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"fundpass/cmd/internal/apiclient"
)

// signIn: only Alipay's word opens a session, and a code is good once.
func (w *walk) signIn(ctx context.Context) error {
	a, err := w.step(ctx, step{proves: "Alipay gives an auth code", want: "OK",
		Request: post("/sim/auth-code", apiclient.Fields{"person": w.who.Person}), note: says("the simulator stands in for Alipay")})
	if err != nil {
		return err
	}
	code := post("/v1/sessions", apiclient.Fields{"auth_code": a.Text("auth_code")})
	a, err = w.step(ctx, step{proves: "The code opens a session", Request: code, want: "OK", note: showSession})
	if err != nil {
		return err
	}
	w.mine.Token = a.Text("token")
	w.linked, _ = a.Object()["linked"].(bool)
	if _, err = w.step(ctx, step{proves: "The same code opens no second one", Request: code, want: "AUTH_CODE_INVALID"}); err != nil {
		return err
	}
	stranger := w.mine
	stranger.Token = ""
	_, err = w.step(ctx, step{proves: "Without a session nothing is told", client: &stranger,
		Request: get("/v1/password"), want: "SESSION_REQUIRED"})
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
	a, err := w.step(ctx, step{proves: "Name, document and password link the account", want: "OK", note: showAccount, Request: w.linking(false)})
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
	a, err := w.step(ctx, step{proves: proves, Request: w.unlinking(), want: "OK"})
	return w.hint(a, err)
}

// linking returns the request for a link, or for its transfer from another user.
func (w *walk) linking(transfer bool) apiclient.Request {
	form := apiclient.Fields{"name": w.who.Name, "id_type": w.who.IDType, "id_number": w.who.IDNumber, "account_no": w.who.AccountNo, "password": w.password}
	if transfer {
		form["transfer"] = true
	}
	return post("/v1/link", form)
}

func (w *walk) unlinking() apiclient.Request {
	return post("/v1/link/remove", apiclient.Fields{"password": w.password})
}

// hint helps where the password, or the person, is the wrong one for a walk.
func (w *walk) hint(a apiclient.Answer, err error) error {
	if a.Code != "LINK_REFUSED" && a.Code != "OLD_PASSWORD_WRONG" {
		return err
	}
	return fmt.Errorf("%w\nEither the password is not %s's any more: give the right one with --password, or\n"+
		"start the demo again. Or it is their story not to get through: see the demo's table", err, w.who.Person)
}

// mistype: a wrong old password is refused and counted.
func (w *walk) mistype(ctx context.Context) error {
	a, err := w.step(ctx, step{proves: "State, attempts left and rules are shown", Request: get("/v1/password"), want: "OK", note: showStatus})
	if err != nil {
		return err
	}
	before := a.Number("remaining_attempts")
	_, err = w.step(ctx, step{proves: "A wrong old password is refused",
		Request: w.opening(freshPassword()), want: "OLD_PASSWORD_WRONG", note: wantAttempts(before - 1)})
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

func (w *walk) opening(password string) apiclient.Request {
	return post("/v1/password/changes", apiclient.Fields{"id_number": w.who.IDNumber, "old_password": password})
}

func (w *walk) confirming(password, again string) apiclient.Request {
	return post(w.change+"/confirm", apiclient.Fields{"new_password": password, "new_password_again": again})
}

// open opens a change with the present password.
func (w *walk) open(ctx context.Context, proves string) error {
	a, err := w.step(ctx, step{proves: proves, Request: w.opening(w.password), want: "OK", note: wantState("open")})
	w.change = "/v1/password/changes/" + a.Text("id")
	return err
}

// changePassword: what is refused on the way, and the one confirm that counts.
func (w *walk) changePassword(ctx context.Context) error {
	if err := w.open(ctx, "ID number and old password open a change"); err != nil {
		return err
	}
	next := freshPassword()
	if err := w.take(ctx,
		step{proves: "Two different new passwords are refused", Request: w.confirming(next, next+"x"), want: "PASSWORD_MISMATCH"},
		step{proves: "A weak password is refused, with every reason", Request: w.confirming("123456", "123456"), want: "PASSWORD_WEAK", note: showBrokenRules},
		step{proves: "The old password is refused as the new one", Request: w.confirming(w.password, w.password), want: "PASSWORD_SAME"},
	); err != nil {
		return err
	}
	confirm := w.confirming(next, next)
	confirm = underKey(confirm)
	done, err := w.step(ctx, step{proves: "The same new password twice: it is changed", Request: confirm, want: "OK", note: showChange})
	if err != nil {
		return err
	}
	w.password, w.changedAt = next, done.Text("changed_at")
	_, err = w.step(ctx, step{proves: "Sent again under its key: the first answer", Request: confirm, want: "OK",
		note: func(a apiclient.Answer) (string, error) {
			if !bytes.Equal(a.Raw, done.Raw) {
				return "", errors.New("the answer to the same Idempotency-Key differs")
			}
			return "byte for byte, nothing changed twice", nil
		}})
	return err
}

// afterwards looks at every effect of a change.
func (w *walk) afterwards(ctx context.Context) error {
	if err := w.take(ctx,
		step{proves: "The other phone is signed out", client: &w.other, Request: get("/v1/password"), want: "SESSION_EXPIRED"},
		step{proves: "Asked whether it happened, the server knows", Request: get(w.change), want: "OK", note: wantState("done")},
		step{proves: "The old password opens nothing any more", Request: w.opening(w.first), want: "OLD_PASSWORD_WRONG"},
	); err != nil {
		return err
	}
	if err := w.open(ctx, "The new password opens another change"); err != nil {
		return err
	}
	next := freshPassword()
	return w.take(ctx,
		step{proves: "A change can be cancelled", Request: post(w.change+"/cancel", nil), want: "OK", note: wantState("cancelled")},
		step{proves: "A cancelled change cannot be confirmed", Request: w.confirming(next, next), want: "CHANGE_GONE"},
		step{proves: "The citizen's own record shows the change", Request: get("/v1/events"), want: "OK", note: wantRecord(w.changedAt)},
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
		step{proves: "Signed out", Request: post("/v1/sessions/end", nil), want: "OK"},
		step{proves: "The session is dead", Request: get("/v1/password"), want: "SESSION_EXPIRED"},
	)
}
