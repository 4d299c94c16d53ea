package website

import (
	"context"
	"errors"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/selfservice"
	"fundpass/miniapp-api/website/captcha"
)

// pathCaptcha begins the paths of a captcha's image and sound.
const pathCaptcha = "/captcha"

// captchaFields are the fields of a form that may have a captcha.
var captchaFields = []string{captcha.FieldToken, captcha.FieldAnswer, captcha.FieldAgain}

// errCaptcha is the error of a form without the right answer to a captcha.
var errCaptcha = &selfservice.Error{Code: "CAPTCHA_REQUIRED"}

// newCaptcha returns a captcha for the page of a form, or nil unless the caller is suspicious. If
// that cannot be found out, perhaps because the request has run out of time, the page is shown
// without one, and checkCaptcha asks for it when the form is sent.
func (s *Site) newCaptcha(ctx context.Context, r *request) (*captcha.Field, error) {
	if suspicious, err := s.service.Suspicious(ctx, r.Caller); err != nil || !suspicious {
		return nil, nil
	}
	f, err := s.captchas.Field(r.Binding)
	if r.problem != nil && r.problem.Code == errCaptcha.Code {
		f.Error = "请输入这张新图（或语音）中的数字"
	}
	return &f, err
}

// checkCaptcha returns errCaptcha if the caller is suspicious and has not solved the captcha. It
// is called before an attempt is charged.
func (s *Site) checkCaptcha(ctx context.Context, r *request) error {
	if suspicious, err := s.service.Suspicious(ctx, r.Caller); err != nil || !suspicious {
		return err
	}
	err := s.captchas.Check(ctx, r.Binding, r.form[captcha.FieldToken], r.form[captcha.FieldAnswer])
	if errors.Is(err, captcha.ErrWrong) || errors.Is(err, captcha.ErrGone) {
		return errCaptcha.WithCause(err)
	}
	return err
}

// wantsCaptcha reports whether the form was sent for another captcha.
func (r *request) wantsCaptcha() bool { return r.form[captcha.FieldAgain] != "" }

func (s *Site) captchaImage(c echo.Context) error {
	s.captchas.ServeImage(c.Response(), c.Request(), visit(c))
	return nil
}

func (s *Site) captchaSound(c echo.Context) error {
	s.captchas.ServeSound(c.Response(), c.Request(), visit(c))
	return nil
}
