package website

import (
	"context"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A homeView is the data of the first page, 我的密码.
type homeView struct {
	Name, AccountNo string // masked
	State           string
	Normal, Frozen  bool
	ChangedAt       *time.Time
	Remaining       int
	LockedUntil     *time.Time
	Forever         bool // locked until a reset
	Change, Reset   *stepView
	Channels        []selfservice.PasswordChannel // the others, with this password or one of their own
}

// A stepView is an open change or reset.
type stepView struct {
	Path      string // where it goes on; "" if another channel or session opened it
	Channel   string
	OpenedAt  time.Time
	ExpiresAt time.Time
}

// viewOfStep returns a step without a path if another user opened it: they alone can go on with
// it, but the owner must learn of it.
func viewOfStep(step *store.OpenStep, path string) *stepView {
	if step == nil {
		return nil
	}
	v := &stepView{Channel: channelName(step.Channel), OpenedAt: step.OpenedAt, ExpiresAt: step.ExpiresAt}
	if step.Own {
		v.Path = path + "/" + step.ID.String()
	}
	return v
}

// longLock is longer than any lock that ends by itself.
const longLock = 10 * 365 * 24 * time.Hour

func (s *Site) showHome(ctx context.Context, r *request) (reply, error) {
	account, err := s.service.LinkedAccount(ctx, r.Caller)
	if err != nil {
		return reply{}, err
	}
	p, err := s.service.Password(ctx, r.Caller)
	if err != nil {
		return reply{}, err
	}
	shared, separate, err := s.service.PasswordChannels(ctx, r.Channel)
	if err != nil {
		return reply{}, err
	}
	v := homeView{
		Name: document.MaskName(account.Person.Name), AccountNo: document.MaskAccount(account.Person.AccountNo),
		State: stateNames[p.State], Normal: p.State == store.PasswordSet, Frozen: p.State == store.PasswordFrozen,
		ChangedAt: p.ChangedAt, Remaining: p.Remaining, LockedUntil: p.LockedUntil,
		Forever: p.LockedUntil != nil && p.LockedUntil.Sub(s.db.Now()) > longLock,
		Change:  viewOfStep(p.OpenChange, pathChange), Reset: viewOfStep(p.OpenReset, pathReset),
		Channels: append(shared, separate...),
	}
	return show("home", v)
}

func (s *Site) showChange(context.Context, *request) (reply, error) { return show("change", nil) }

// openChange checks the old password and opens the change, which every channel shows.
func (s *Site) openChange(ctx context.Context, r *request) (reply, error) {
	change, err := s.service.OpenChange(ctx, r.Caller, selfservice.ChangeInput{OldPassword: r.form.secret("old_password")})
	return reply{to: pathChange + "/" + change.ID.String()}, err
}

// A newPasswordView is the data of the page that asks for the new password, or of the one that
// says what became of the change or reset.
type newPasswordView struct {
	Path      string
	Reset     bool
	Rules     []ruleView
	ExpiresAt time.Time

	ChangedAt     *time.Time // of one that is done
	SessionsEnded int
}

func (s *Site) showNewPassword(ctx context.Context, r *request) (reply, error) {
	change, err := s.service.Change(ctx, r.Caller, r.id)
	if err != nil {
		return reply{}, err
	}
	v := newPasswordView{Path: pathChange + "/" + r.id.String(), Rules: s.rules, ExpiresAt: change.ExpiresAt, ChangedAt: change.ClosedAt, SessionsEnded: change.SessionsEnded}
	return showStep(change.State == store.ChangeOpen, change.State == store.ChangeDone, v)
}

// showStep shows the page of an open, finished or closed change or reset.
func showStep(open, done bool, v newPasswordView) (reply, error) {
	switch {
	case open:
		return show("new-password", v)
	case done:
		return show("done", v)
	}
	return show("gone", v)
}

// newPassword returns the new password of a form, typed twice.
func (f form) newPassword() selfservice.NewPassword {
	return selfservice.NewPassword{Password: f.secret("new_password"), Again: f.secret("again")}
}

func (s *Site) confirmChange(ctx context.Context, r *request) (reply, error) {
	_, err := s.service.ConfirmChange(ctx, r.Caller, r.id, r.form.newPassword())
	return reply{to: pathChange + "/" + r.id.String()}, err
}

func (s *Site) cancelChange(ctx context.Context, r *request) (reply, error) {
	_, err := s.service.CancelChange(ctx, r.Caller, r.id)
	return reply{to: pathHome}, err
}
