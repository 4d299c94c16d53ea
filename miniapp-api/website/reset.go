package website

import (
	"context"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/selfservice"
	"fundpass/miniapp-api/website/captcha"
	"fundpass/store"
)

// A forgotView is the data of the page for a forgotten password.
type forgotView struct {
	Types   []document.Type
	Captcha *captcha.Field // nil for none
}

func (s *Site) showForgot(ctx context.Context, r *request) (reply, error) {
	human, err := s.newCaptcha(ctx, r)
	if err != nil {
		return reply{}, err
	}
	return show("forgot", forgotView{s.documents.Types(), human})
}

// resetByCode signs in with a clerk's code and opens the reset that it permits.
func (s *Site) resetByCode(ctx context.Context, r *request) (reply, error) {
	if r.wantsCaptcha() {
		return s.showForgot(ctx, r)
	}
	if err := s.checkCaptcha(ctx, r); err != nil {
		return reply{}, err
	}
	seed, digest, err := s.newSession()
	if err != nil {
		return reply{}, err
	}
	who := selfservice.PersonInput{Name: r.form["name"], IDType: r.form["id_type"], IDNumber: r.form["id_number"], AccountNo: r.form["account_no"]}
	reset, err := s.service.SignInWithResetCode(ctx, r.Caller, who, r.form.secret("code"), digest)
	if err != nil {
		return reply{}, err
	}
	done, err := s.signedIn(ctx, r, seed)
	done.to = pathReset + "/" + reset.ID.String()
	return done, err
}

func (s *Site) showReset(context.Context, *request) (reply, error) { return show("reset", nil) }

// openReset opens a reset with a clerk's code.
func (s *Site) openReset(ctx context.Context, r *request) (reply, error) {
	code := r.form.secret("code")
	if code.Empty() { // would ask for another proof
		return reply{}, selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Field: "code", Code: "INVALID"})
	}
	reset, err := s.service.OpenReset(ctx, r.Caller, code)
	return reply{to: pathReset + "/" + reset.ID.String()}, err
}

func (s *Site) showResetPassword(ctx context.Context, r *request) (reply, error) {
	reset, err := s.service.Reset(ctx, r.Caller, r.id)
	if err != nil {
		return reply{}, err
	}
	v := newPasswordView{Path: pathReset + "/" + r.id.String(), Reset: true, Rules: s.rules, ExpiresAt: reset.ExpiresAt}
	if reset.State == store.ResetDone {
		v.ChangedAt = r.Link.Password.ChangedAt
	}
	return showStep(reset.State == store.ResetPassed, reset.State == store.ResetDone, v)
}

func (s *Site) confirmReset(ctx context.Context, r *request) (reply, error) {
	_, err := s.service.ConfirmReset(ctx, r.Caller, r.id, r.form.newPassword())
	return reply{to: pathReset + "/" + r.id.String()}, err
}
