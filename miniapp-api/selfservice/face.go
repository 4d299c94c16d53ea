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

// A faceVerifier opens face verifications.
type faceVerifier struct {
	db       *store.DB
	provider IdentityProvider
	log      *slog.Logger
}

// open opens a verification at the provider and calls save with its identifier. The start is
// charged, so open ignores cancellation, which would lose it.
//
// It releases the start if the provider opened no verification, or if the database was
// unavailable to save. It counts a verification that could not be saved for another reason,
// since the provider bills it. It also counts a refusal of a claimed person, since the refusal
// reveals whether name and number belong together.
func (v faceVerifier) open(ctx context.Context, f faceRequest, save func(ctx context.Context, certifyID string) error) (FacePage, error) {
	ctx, stop := Detached(ctx)
	defer stop()
	p := f.account.Person
	page, err := v.provider.StartFace(ctx, FaceOrder{
		Kind: f.kind, OrderNo: strings.ReplaceAll(f.id.String(), "-", ""),
		Person: Person{Name: p.Name, IDType: p.IDType, IDNumber: p.IDNumber},
	})
	if err != nil {
		end := v.db.ReleaseStart
		if f.claimed && !errors.Is(err, ErrProviderUnavailable) {
			end = v.db.KeepStart
		}
		v.endStart(ctx, end, f.start)
		return FacePage{}, err
	}
	err = save(ctx, page.ID)
	switch {
	case err == nil, errors.Is(err, store.ErrUnknownOutcome): // the lease ends a start that was not saved
	case errors.Is(err, store.ErrUnavailable):
		v.endStart(ctx, v.db.ReleaseStart, f.start)
	default:
		v.endStart(ctx, v.db.KeepStart, f.start)
	}
	return page, err
}

// endStart calls end, which counts or releases a start, even after the request's deadline.
func (v faceVerifier) endStart(ctx context.Context, end func(context.Context, store.Start) error, start store.Start) {
	ctx, stop := Detached(ctx)
	defer stop()
	if err := end(ctx, start); err != nil { // the lease ends it
		v.log.LogAttrs(ctx, slog.LevelWarn, "verification start neither counted nor released", slog.String("cause", err.Error()))
	}
}
