package website

import (
	"context"
	"errors"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/selfservice"
	"fundpass/miniapp-api/website/captcha"
)

// A signInView is the data of the sign-in page.
type signInView struct {
	Why     string // why the citizen has to sign in; "" for no reason
	Types   []document.Type
	SMS     bool           // whether the centre sends codes
	Captcha *captcha.Field // nil for none
	Issuer  string         // the text of the button to the issuer; "" for none
}

func (s *Site) showSignIn(ctx context.Context, r *request) (reply, error) {
	human, err := s.newCaptcha(ctx, r)
	if err != nil {
		return reply{}, err
	}
	return show("sign-in", signInView{whyTexts[r.why], s.documents.Types(), s.service.OffersSMS(), human, s.issuerButton()})
}

// signIn opens a session with a new token, or asks for the code that was sent. The session that
// the browser had before ends.
func (s *Site) signIn(ctx context.Context, r *request) (reply, error) {
	if r.wantsCaptcha() {
		return s.showSignIn(ctx, r)
	}
	if err := s.checkCaptcha(ctx, r); err != nil {
		return reply{}, err
	}
	in := selfservice.SignInInput{IDType: r.form["id_type"], IDNumber: r.form["id_number"], AccountNo: r.form["account_no"], Password: r.form.secret("password")}
	seed, digest, err := s.newSession()
	if err != nil {
		return reply{}, err
	}
	in.TokenDigest = digest
	done, err := s.service.SignIn(ctx, r.Caller, in)
	if err != nil {
		return reply{}, err
	}
	if done.Step != nil {
		return s.beginStep(r, pathCode, *done.Step)
	}
	return s.signedIn(ctx, r, seed)
}

// newSession returns the seed of a session's token, and the token's digest.
func (s *Site) newSession() (seed string, digest []byte, err error) {
	seed = s.db.NewSeed()
	token, err := s.db.Token(seed)
	return seed, digestOf(token), err
}

// signedIn ends the browser's former session and leads to the first page.
func (s *Site) signedIn(ctx context.Context, r *request, seed string) (reply, error) {
	if r.former != nil {
		former := r.Caller
		former.TokenDigest = r.former
		if err := s.service.SignOut(ctx, former); err != nil {
			return reply{}, err
		}
	}
	return reply{to: pathHome, seed: seed, endsStep: true}, nil
}

// A codeView is a step that a code completes: the content of cookieStep, and the data of its
// page.
type codeView struct {
	Path      string    `json:"a"` // of the page
	Ticket    string    `json:"t"`
	Phone     string    `json:"p"` // masked; "" for a caller who only claims to be the person
	ExpiresAt time.Time `json:"e"`
}

const stepPurpose = "step"

// beginStep leads to the page of a step.
func (s *Site) beginStep(r *request, path string, step selfservice.SignInStep) (reply, error) {
	sealed, err := s.db.SealFor(stepPurpose, r.Binding, codeView{path, step.Ticket, step.Code.Phone, step.Code.ExpiresAt})
	return reply{to: path, step: sealed}, err
}

// stepOf returns the step with this page that the browser has begun, or false.
func (s *Site) stepOf(r *request, path string) (step codeView, ok bool) {
	err := s.db.UnsealFor(stepPurpose, r.Binding, r.step, &step)
	return step, err == nil && step.Path == path
}

// stepGone leads to the sign-in.
func stepGone() (reply, error) {
	return reply{to: pathSignIn + "?why=" + whyStep, endsStep: true}, nil
}

func (s *Site) showCode(_ context.Context, r *request) (reply, error) {
	return s.showStepOf(r, pathCode)
}

func (s *Site) showStepOf(r *request, path string) (reply, error) {
	step, ok := s.stepOf(r, path)
	if !ok {
		return goTo(pathSignIn + "?why=" + whyStep)
	}
	return show("code", step)
}

// finishSignIn opens the session for which the code was demanded.
func (s *Site) finishSignIn(ctx context.Context, r *request) (reply, error) {
	step, ok := s.stepOf(r, pathCode)
	if !ok {
		return stepGone()
	}
	seed, digest, err := s.newSession()
	if err != nil {
		return reply{}, err
	}
	_, err = s.service.FinishSignIn(ctx, r.Caller, step.Ticket, r.form.secret("code"), digest)
	if errors.Is(err, selfservice.ErrSignInGone) {
		return stepGone()
	} else if err != nil {
		return reply{}, err
	}
	return s.signedIn(ctx, r, seed)
}

func (s *Site) signOut(ctx context.Context, r *request) (reply, error) {
	return reply{to: pathSignIn + "?why=" + whyOut, endsSession: true}, s.service.SignOut(ctx, r.Caller)
}
