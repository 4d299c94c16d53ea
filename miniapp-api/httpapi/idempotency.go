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

const (
	// pollInterval is the time between checks for the end of another run of the same request.
	pollInterval = 40 * time.Millisecond
	// maxKey is the largest length of an Idempotency-Key, in bytes.
	maxKey = 255
)

// withIdempotency runs a request and sends its answer. A POST with an Idempotency-Key runs
// once: a request with the same key and body gets the first answer, from any process. Refusals
// are stored, too, so that a retry after a lost reply costs no second attempt at the password.
func (s *Server) withIdempotency(c echo.Context, r Request, body []byte, run func(*store.IdempotencyRecord) (any, error)) error {
	key := idempotencyKey(c)
	if key == "" {
		data, err := run(nil)
		if err != nil {
			return err
		}
		return send(c, s.answerOf(c, data, nil))
	}
	if len(key) > maxKey {
		return selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Field: "Idempotency-Key", Code: "TOO_LONG"})
	}
	ctx := c.Request().Context()
	record := s.idempotencyRecord(c, r, key, body)
	first, err := s.beginRecord(ctx, record)
	if err != nil {
		return err
	}
	if first != nil {
		return s.resend(c, *first)
	}
	data, err := run(record)
	answer := s.answerOf(c, data, err)
	s.completeRecord(ctx, record, storedAnswer(answer, data), errors.Is(err, store.ErrUnknownOutcome))
	if err != nil {
		return err
	}
	return send(c, answer)
}

// idempotencyKey returns the key of a POST request, or "".
func idempotencyKey(c echo.Context) string {
	if c.Request().Method != http.MethodPost {
		return ""
	}
	return c.Request().Header.Get("Idempotency-Key")
}

// storedAnswer returns the answer to store. That of a sign-in has the seed in place of the
// token, because whoever reads the database must not get a token. The data is a SessionReply or
// contains one.
func storedAnswer(answer store.Answer, data any) store.Answer {
	r, ok := data.(interface{ secret() (token, seed string) })
	if !ok || answer.Status != http.StatusOK {
		return answer
	}
	token, seed := r.secret()
	if token != "" {
		answer.Body, answer.Seed = bytes.Replace(answer.Body, []byte(token), []byte(seed), 1), seed
	}
	return answer
}

// resend sends a stored first answer. The answer of a sign-in gets its token back.
func (s *Server) resend(c echo.Context, first store.Answer) error {
	c.Set(keyResent, true)
	if first.Seed != "" {
		token, err := s.db.Token(first.Seed)
		if err != nil {
			return err
		}
		first.Body = bytes.Replace(first.Body, []byte(first.Seed), []byte(token), 1)
	}
	return send(c, first)
}

// idempotencyRecord returns the record that identifies a request. Without a session the scope is
// the caller's Binding or else the body, because its auth code identifies the user; nobody can
// then use up a key that another user may choose. For a request that ends its session, the session token is the scope.
func (s *Server) idempotencyRecord(c echo.Context, r Request, key string, body []byte) *store.IdempotencyRecord {
	requests := s.db.RequestDigests(c.Request().URL.Path, body)
	scope, session := r.IdentityDigest, r.TokenDigest
	if r.EndsSession {
		scope, session = s.db.Digest("session", r.TokenDigest), nil
	}
	switch {
	case scope == nil && r.Binding != nil:
		scope = s.db.Digest("binding", r.Binding)
	case scope == nil:
		scope = requests[0]
	}
	var renew []byte
	if r.RenewalDue {
		renew = r.TokenDigest
	}
	return &store.IdempotencyRecord{
		Renew: renew,
		Scope: scope, Session: session, KeyDigest: s.db.Digest("idempotency key", []byte(key)),
		RequestDigest: requests[0], OlderDigests: requests[1:],
	}
}

// beginRecord waits while another run of the same request is in progress. It returns the first
// answer, or nil if this run is the first. A citizen who taps twice so gets one answer twice,
// not an error.
func (s *Server) beginRecord(ctx context.Context, r *store.IdempotencyRecord) (*store.Answer, error) {
	for {
		first, err := s.db.IdempotencyRecords().Begin(ctx, r)
		switch {
		case errors.Is(err, store.ErrConflict):
			return nil, ErrKeyReused
		case errors.Is(err, store.ErrNotFound):
			return nil, selfservice.ErrSessionExpired
		case !errors.Is(err, store.ErrRunning):
			return first, err
		}
		select {
		case <-ctx.Done():
			return nil, store.ErrRunning
		case <-time.After(pollInterval):
		}
	}
}

// completeRecord stores a final answer, releases the record if the answer asks for a retry, and
// marks an unknown outcome. It ignores cancellation, because a retry needs the record.
func (s *Server) completeRecord(ctx context.Context, r *store.IdempotencyRecord, a store.Answer, unknown bool) {
	ctx, stop := selfservice.Detached(ctx)
	defer stop()
	var err error
	if unknown {
		err = s.db.IdempotencyRecords().MarkUnknown(ctx, r)
	} else if a.Status >= 500 || a.Status == http.StatusTooManyRequests || a.Status == http.StatusUnauthorized {
		err = s.db.IdempotencyRecords().Release(ctx, r)
	} else {
		err = s.db.IdempotencyRecords().Complete(ctx, r, a)
	}
	if err != nil { // the lease ends it
		s.log.LogAttrs(ctx, slog.LevelWarn, "idempotency record not completed", slog.String("cause", err.Error()))
	}
}
