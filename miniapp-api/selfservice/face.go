package selfservice

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/google/uuid"

	"fundpass/store"
)

// A face is a verification of an account's holder that is to be opened at the provider.
type face struct {
	start   store.Start
	account store.Account
	id      uuid.UUID // of our own
	kind    string
	claimed bool // name and number are what the caller says, not what the record says
}

// openFace opens a verification at the provider and keeps it. Once the start is charged, a
// caller that hangs up ends neither, or the start would be lost. A start that the provider did
// not open is given back, and so is one that could not be kept because the database was
// away; one that was opened in vain is counted, since it is billed. An answer to what the
// caller says is counted, since it tells whether name and number belong together.
func (s *Service) openFace(ctx context.Context, f face, keep func(ctx context.Context, certifyID string) error) (FacePage, error) {
	ctx, stop := Detached(ctx)
	defer stop()
	page, err := s.startFace(ctx, f)
	if err != nil {
		end := s.db.ReleaseStart
		if f.claimed && !errors.Is(err, ErrProviderUnavailable) {
			end = s.db.KeepStart
		}
		s.endStart(ctx, end, f.start)
		return FacePage{}, err
	}
	err = keep(ctx, page.ID)
	switch {
	case err == nil, errors.Is(err, store.ErrUnknownOutcome): // the lease ends what was not kept
	case errors.Is(err, store.ErrUnavailable):
		s.endStart(ctx, s.db.ReleaseStart, f.start)
	default:
		s.endStart(ctx, s.db.KeepStart, f.start)
	}
	return page, err
}

func (s *Service) startFace(ctx context.Context, f face) (FacePage, error) {
	p := f.account.Person
	return s.provider.StartFace(ctx, FaceOrder{
		Kind: f.kind, OrderNo: strings.ReplaceAll(f.id.String(), "-", ""),
		Person: Person{Name: p.Name, IDType: p.IDType, IDNumber: p.IDNumber},
	})
}

// endStart counts a start or gives it back, even when the time is used up.
func (s *Service) endStart(ctx context.Context, end func(context.Context, store.Start) error, start store.Start) {
	ctx, stop := Detached(ctx)
	defer stop()
	if err := end(ctx, start); err != nil { // its lease ends it
		s.log.LogAttrs(ctx, slog.LevelWarn, "start of a verification not settled", slog.String("cause", err.Error()))
	}
}
