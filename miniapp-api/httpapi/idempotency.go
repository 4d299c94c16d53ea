package httpapi

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// Waiting for another run of the same request.
const (
	pollReceipt = 40 * time.Millisecond
	maxKey      = 255
)

// once runs a request and sends its answer. A POST with an Idempotency-Key
// runs once: the same key and body get the first answer again, whatever
// process gave it.
func (s *Server) once(c echo.Context, r Request, body []byte, run func(*store.Receipt) (any, error)) error {
	key := c.Request().Header.Get("Idempotency-Key")
	if key == "" || c.Request().Method != http.MethodPost {
		data, err := run(nil)
		if err != nil {
			return err
		}
		return send(c, answerOf(c, data, nil))
	}
	if len(key) > maxKey {
		return selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Field: "Idempotency-Key", Code: "TOO_LONG"})
	}
	ctx := c.Request().Context()
	receipt := s.receipt(c, r, key, body)
	first, err := s.claim(ctx, receipt)
	if err != nil {
		return err
	}
	if first != nil {
		return s.resend(c, *first)
	}
	data, err := run(receipt)
	answer := answerOf(c, data, err)
	s.settle(ctx, receipt, keptOf(c, answer, data), errors.Is(err, store.ErrUnknownOutcome))
	if err != nil {
		return err
	}
	return send(c, answer)
}

// A seeded reply hands out a bearer token, of which nothing is kept but the seed.
type seeded interface {
	// withSeed is the reply with the seed in the token's place.
	withSeed() (reply any, seed string)
}

// keptOf is what a receipt keeps of an answer.
func keptOf(c echo.Context, answer store.Answer, data any) store.Answer {
	if r, ok := data.(seeded); ok && answer.Status == http.StatusOK {
		reply, seed := r.withSeed()
		answer = answerOf(c, reply, nil)
		answer.Seed = seed
	}
	return answer
}

// resend gives a first answer again.
func (s *Server) resend(c echo.Context, first store.Answer) error {
	if first.Seed != "" {
		token, err := s.db.Token(first.Seed)
		if err != nil {
			return err
		}
		first.Body = bytes.Replace(first.Body, []byte(first.Seed), []byte(token), 1)
	}
	return send(c, first)
}

// receipt identifies a request. Without a session the auth code in the body
// says who asks, so the body is the scope there: nobody can use up a key that
// somebody else may choose. Where the session ends with the request, its token
// is the scope.
func (s *Server) receipt(c echo.Context, r Request, key string, body []byte) *store.Receipt {
	requests := s.db.RequestDigests(c.Request().URL.Path, body)
	scope, session := r.IdentityDigest, r.TokenDigest
	if r.EndsSession {
		scope, session = s.db.Digest("session", r.TokenDigest), nil
	}
	if scope == nil {
		scope = requests[0]
	}
	return &store.Receipt{
		Scope: scope, Session: session, KeyDigest: s.db.Digest("idempotency key", []byte(key)),
		RequestDigest: requests[0], OlderDigests: requests[1:],
	}
}

// claim waits while another run of the same request is at it.
func (s *Server) claim(ctx context.Context, r *store.Receipt) (*store.Answer, error) {
	for {
		first, err := s.db.Claim(ctx, r)
		switch {
		case errors.Is(err, store.ErrConflict):
			return nil, ErrKeyReused
		case !errors.Is(err, store.ErrRunning):
			return first, err
		}
		select {
		case <-ctx.Done():
			return nil, store.ErrRunning
		case <-time.After(pollReceipt):
		}
	}
}

// settle keeps a final answer, forgets one that asks for a retry, and marks one
// whose outcome is unknown. It goes
// on when the caller has hung up: the retry needs it.
func (s *Server) settle(ctx context.Context, r *store.Receipt, a store.Answer, unknown bool) {
	ctx, stop := selfservice.Detached(ctx)
	defer stop()
	var err error
	if unknown {
		err = s.db.Suspend(ctx, r)
	} else if a.Status >= 500 || a.Status == http.StatusTooManyRequests || a.Status == http.StatusUnauthorized {
		err = s.db.GiveUp(ctx, r)
	} else {
		err = s.db.Settle(ctx, r, a)
	}
	if err != nil { // the lease ends it
		s.log.LogAttrs(ctx, slog.LevelWarn, "receipt not settled", slog.String("cause", err.Error()))
	}
}
