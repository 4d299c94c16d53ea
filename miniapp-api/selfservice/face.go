package selfservice

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/google/uuid"

	"fundpass/store"
)

// A faceRequest is a face verification to open at the provider.
type faceRequest struct {
	start   store.Start
	account store.Account
	id      uuid.UUID // of the link proof, reset or recovery
	kind    string
	claimed bool // name and number come from the caller, not from the record
}

// openFace opens a verification at the provider and calls save with its identifier. Once the
// start is charged it ignores cancellation, because the start would otherwise be lost.
//
// It releases the start if the provider opened no verification, or if the database was
// unavailable to save. It counts a verification that could not be saved for another reason,
// since the provider bills it. It also counts a refusal of a claimed person, since the refusal
// reveals whether name and number belong together.
func (s *Service) openFace(ctx context.Context, f faceRequest, save func(ctx context.Context, certifyID string) error) (FacePage, error) {
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
	err = save(ctx, page.ID)
	switch {
	case err == nil, errors.Is(err, store.ErrUnknownOutcome): // the lease ends a start that was not saved
	case errors.Is(err, store.ErrUnavailable):
		s.endStart(ctx, s.db.ReleaseStart, f.start)
	default:
		s.endStart(ctx, s.db.KeepStart, f.start)
	}
	return page, err
}

func (s *Service) startFace(ctx context.Context, f faceRequest) (FacePage, error) {
	p := f.account.Person
	return s.provider.StartFace(ctx, FaceOrder{
		Kind: f.kind, OrderNo: strings.ReplaceAll(f.id.String(), "-", ""),
		Person: Person{Name: p.Name, IDType: p.IDType, IDNumber: p.IDNumber},
	})
}

// endStart calls end, which counts or releases a start, even after the request's deadline.
func (s *Service) endStart(ctx context.Context, end func(context.Context, store.Start) error, start store.Start) {
	ctx, stop := Detached(ctx)
	defer stop()
	if err := end(ctx, start); err != nil { // the lease ends it
		s.log.LogAttrs(ctx, slog.LevelWarn, "verification start neither counted nor released", slog.String("cause", err.Error()))
	}
}
