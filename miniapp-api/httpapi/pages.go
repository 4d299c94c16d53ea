package httpapi

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// This file is for channels whose replies are no JSON. They share the middleware, the sessions,
// the idempotency records and the texts of errors and events.

// NewEcho returns an Echo with the middleware of every channel and without routes. secure sets
// the security headers of every reply, and fail writes the reply for every error.
func (s *Server) NewEcho(secure func(http.Header), fail echo.HTTPErrorHandler) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = s.clientAddress()
	e.HTTPErrorHandler = fail
	e.Use(s.recorded, secured(secure), s.limited, getOrPost, s.delayEarly, deadlined(s.requestTime))
	return e
}

// CallerOf returns the caller of a request before anything is known of the session.
func (s *Server) CallerOf(c echo.Context) selfservice.Caller {
	return selfservice.Caller{Channel: s.channel, Network: network(c.RealIP()), RequestID: requestID(c)}
}

// Session returns the session of a token, and renews it if renew is true and that is due. It
// returns selfservice.ErrSessionExpired, or ErrTooManyRequests above the rate of the user.
func (s *Server) Session(ctx context.Context, tokenDigest []byte, renew bool) (store.Session, error) {
	session, err := s.db.Session(ctx, tokenDigest)
	return s.admit(ctx, session, err, renew)
}

// admit renews a session that was found, if that is due and renew is true, and charges the
// user's rate.
func (s *Server) admit(ctx context.Context, session store.Session, err error, renew bool) (store.Session, error) {
	if err == nil && session.RenewalDue && renew {
		err = s.db.RenewSession(ctx, session.TokenDigest)
	}
	if errors.Is(err, store.ErrNotFound) {
		return store.Session{}, selfservice.ErrSessionExpired
	} else if err != nil {
		return store.Session{}, err
	}
	if wait := s.users.wait(string(session.IdentityDigest)); wait > 0 {
		return store.Session{}, selfservice.ErrTooManyRequests.WithRetryAfter(wait)
	}
	return session, nil
}

// Once runs a request that a record identifies once, from any process, and returns its answer or
// the first one. run returns the answer, with the error that it presents.
func (s *Server) Once(c echo.Context, record *store.IdempotencyRecord, run func() (store.Answer, error)) (store.Answer, error) {
	ctx := c.Request().Context()
	first, err := s.beginRecord(ctx, record)
	if err != nil {
		return store.Answer{}, err
	}
	if first != nil {
		c.Set(keyResent, true)
		return *first, nil
	}
	answer, err := run()
	s.completeRecord(ctx, record, answer, errors.Is(err, store.ErrUnknownOutcome))
	return answer, nil
}

// A Refusal is an error as a citizen reads it.
type Refusal struct {
	Code       string
	Status     int
	Message    string
	Fields     map[string]string // what is wrong with a field, by its name in the API
	RetryAfter int               // seconds; 0 = no advice
	RequestID  string
}

// Refuse returns an error in the words of the channel, and records it for the log line of the
// request.
func (s *Server) Refuse(c echo.Context, err error) Refusal {
	var status *echo.HTTPError
	if errors.As(err, &status) {
		err = fromStatus(status.Code)
	}
	e := selfservice.AsError(err)
	if busy := shedError(err); busy != nil {
		s.metrics.shed.Inc()
		e = selfservice.ErrBusy.WithRetryAfter(int(math.Ceil(busy.After.Seconds())) + rand.N(2)).WithCause(err)
	}
	RecordError(c, e)
	p := s.problemOf(e, requestID(c))
	r := Refusal{Code: e.Code, Status: p.Status, Message: p.Message, Fields: map[string]string{}, RetryAfter: p.RetryAfter, RequestID: p.RequestID}
	for _, f := range p.Errors {
		if r.Fields[f.Field] != "" {
			r.Fields[f.Field] += "；"
		}
		r.Fields[f.Field] += f.Message
	}
	return r
}

// EventText returns what a citizen reads about an event.
func (s *Server) EventText(e store.Event) string { return s.viewOfEvent(e).Text }
