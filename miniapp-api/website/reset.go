package website

import (
	"context"
	"errors"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/selfservice"
	"fundpass/miniapp-api/website/captcha"
	"fundpass/store"
)

// A forgotView is the data of the page for a forgotten password.
type forgotView struct {
	Types   []document.Type
	SMS     bool           // whether the centre sends codes
	Captcha *captcha.Field // nil for none
}

func (s *Site) showForgot(ctx context.Context, r *request) (reply, error) {
	return s.showForgotten(ctx, r, "forgot")
}

func (s *Site) showForgotSMS(ctx context.Context, r *request) (reply, error) {
	if !s.service.OffersSMS() {
		return goTo(pathForgot)
	}
	return s.showForgotten(ctx, r, "forgot-sms")
}

// showForgotten shows one of the two pages for a forgotten password.
func (s *Site) showForgotten(ctx context.Context, r *request, page string) (reply, error) {
	human, err := s.newCaptcha(ctx, r)
	if err != nil {
		return reply{}, err
	}
	return show(page, forgotView{s.documents.Types(), s.service.OffersSMS(), human})
}

// person returns the person that a form names.
func (f form) person() selfservice.PersonInput {
	return selfservice.PersonInput{Name: f["name"], IDType: f["id_type"], IDNumber: f["id_number"], AccountNo: f["account_no"]}
}

// startForgotten sends a code to the phone on file, if there is such a person.
func (s *Site) startForgotten(ctx context.Context, r *request) (reply, error) {
	if r.wantsCaptcha() {
		return s.showForgotSMS(ctx, r)
	}
	if err := s.checkCaptcha(ctx, r); err != nil {
		return reply{}, err
	}
	step, err := s.service.StartForgotten(ctx, r.Caller, r.form.person(), nil)
	if err != nil {
		return reply{}, err
	}
	return s.beginStep(r, pathForgotCode, step)
}

func (s *Site) showForgotCode(_ context.Context, r *request) (reply, error) {
	return s.showStepOf(r, pathForgotCode)
}

// finishForgotten signs in with the code and leads to the new password.
func (s *Site) finishForgotten(ctx context.Context, r *request) (reply, error) {
	step, ok := s.stepOf(r, pathForgotCode)
	if !ok {
		return stepGone()
	}
	seed, digest, err := s.newSession()
	if err != nil {
		return reply{}, err
	}
	_, reset, err := s.service.FinishForgotten(ctx, r.Caller, step.Ticket, r.form.secret("code"), digest)
	if errors.Is(err, selfservice.ErrSignInGone) {
		return stepGone()
	} else if err != nil {
		return reply{}, err
	}
	done, err := s.signedIn(ctx, r, seed)
	done.to = pathReset + "/" + reset.ID.String()
	return done, err
}

// resetByCode signs in with a clerk's code and opens the reset that it permits. The captcha comes
// first, so that no program spends the tries at a person's code.
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
	reset, err := s.service.SignInWithResetCode(ctx, r.Caller, r.form.person(), r.form.secret("code"), digest)
	if err != nil {
		return reply{}, err
	}
	done, err := s.signedIn(ctx, r, seed)
	done.to = pathReset + "/" + reset.ID.String()
	return done, err
}

func (s *Site) showReset(context.Context, *request) (reply, error) {
	return show("reset", forgotView{SMS: s.service.OffersSMS()})
}

// openResetBySMS sends a code to the phone on file of the signed-in citizen.
func (s *Site) openResetBySMS(ctx context.Context, r *request) (reply, error) {
	reset, err := s.service.OpenResetBySMS(ctx, r.Caller)
	return reply{to: pathReset + "/" + reset.ID.String()}, err
}

func (s *Site) passReset(ctx context.Context, r *request) (reply, error) {
	_, err := s.service.PassReset(ctx, r.Caller, r.id, r.form.secret("code"))
	return reply{to: pathReset + "/" + r.id.String()}, err
}

// openReset opens a reset with a clerk's code.
func (s *Site) openReset(ctx context.Context, r *request) (reply, error) {
	code := r.form.secret("code")
	if code.Empty() { // would ask for another proof
		return reply{}, selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Field: "code", Code: "INVALID"})
	}
	reset, err := s.service.OpenReset(ctx, r.Caller, code)
	return reply{to: pathReset + "/" + reset.ID.String()}, err
}

// showResetPassword shows what the state of the reset asks for: the code, the new password or the
// result. All of them have one path, so that a citizen who reloads the page or comes back to it
// goes on where the reset is.
func (s *Site) showResetPassword(ctx context.Context, r *request) (reply, error) {
	reset, err := s.service.Reset(ctx, r.Caller, r.id)
	if err != nil {
		return reply{}, err
	}
	path := pathReset + "/" + r.id.String()
	if reset.State == store.ResetStarted { // waits for the code
		account, err := s.service.LinkedAccount(ctx, r.Caller)
		if err != nil {
			return reply{}, err
		}
		return show("code", codeView{Path: path + "/code", Phone: document.MaskPhone(account.Person.Phone), ExpiresAt: reset.ExpiresAt})
	}
	v := newPasswordView{Path: path, Reset: true, Rules: s.rules, ExpiresAt: reset.ExpiresAt}
	if reset.State == store.ResetDone {
		v.ChangedAt = r.Link.Password.ChangedAt
	}
	return showStep(reset.State == store.ResetPassed, reset.State == store.ResetDone, v)
}

func (s *Site) confirmReset(ctx context.Context, r *request) (reply, error) {
	_, err := s.service.ConfirmReset(ctx, r.Caller, r.id, r.form.newPassword())
	return reply{to: pathReset + "/" + r.id.String()}, err
}
