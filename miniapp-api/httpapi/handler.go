package httpapi

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A Request is what a handler may know beside its input.
type Request struct {
	selfservice.Caller
	ID uuid.UUID // the {id} of the path, zero when it is not one

	// EndsSession marks a request that ends its own session, and SessionEnded one whose
	// session has ended already, perhaps by an earlier run of this very request.
	EndsSession, SessionEnded bool
}

// A handler takes a checked input and returns data or an error. It knows
// nothing of HTTP.
type handler[In, Out any] func(ctx context.Context, r Request, in In) (Out, error)

// An Endpoint is an adapted handler and what it takes and returns, which the
// contract has to say as well. Both are nil where the body is not ours to define.
type Endpoint struct {
	Serve   echo.HandlerFunc
	In, Out reflect.Type
}

// Raw is an endpoint that reads and answers by itself.
func Raw(serve echo.HandlerFunc) Endpoint { return Endpoint{Serve: serve} }

// Open adapts a handler that needs no session.
func Open[In, Out any](s *Server, h handler[In, Out]) Endpoint {
	return adapt(s, h, func(context.Context, echo.Context) (Request, error) {
		return Request{Caller: selfservice.Caller{Channel: s.channel}}, nil
	})
}

// Authed adapts a handler that needs a session.
func Authed[In, Out any](s *Server, h handler[In, Out]) Endpoint {
	return adapt(s, h, s.requestOf)
}

// linked adapts a handler that needs a session with a link.
func linked[In, Out any](s *Server, h handler[In, Out]) Endpoint {
	return Authed(s, func(ctx context.Context, r Request, in In) (Out, error) {
		if r.Link == nil {
			var nothing Out
			return nothing, selfservice.ErrNotLinked
		}
		return h(ctx, r, in)
	})
}

// identified adapts a handler of something that has an id: a path without one that we could
// have given does not exist.
func identified[In, Out any](h handler[In, Out]) handler[In, Out] {
	return func(ctx context.Context, r Request, in In) (Out, error) {
		if r.ID == uuid.Nil {
			var nothing Out
			return nothing, ErrNotFound
		}
		return h(ctx, r, in)
	}
}

// endsOwnSession adapts a handler that ends its own session. Its first answer is stored under
// the session's token, so that a retry gets it after the session has ended. The handler sees
// SessionEnded only if there is no first answer.
func endsOwnSession[In, Out any](s *Server, h handler[In, Out]) Endpoint {
	return adapt(s, h, func(ctx context.Context, c echo.Context) (Request, error) {
		r, err := s.requestOf(ctx, c)
		if errors.Is(err, selfservice.ErrSessionExpired) {
			digest, _ := tokenDigest(c)
			r, err = Request{Caller: selfservice.Caller{Channel: s.channel, Session: store.Session{TokenDigest: digest}}, SessionEnded: true}, nil
		}
		r.EndsSession = true
		return r, err
	})
}

func adapt[In, Out any](s *Server, h handler[In, Out], who func(context.Context, echo.Context) (Request, error)) Endpoint {
	serve := func(c echo.Context) error {
		ctx := c.Request().Context()
		body, err := readBody(c)
		if err != nil {
			return err
		}
		r, err := who(ctx, c)
		if err != nil {
			return err
		}
		run := func(record *store.IdempotencyRecord) (any, error) {
			r.Record, r.IsRetry = record, record != nil && record.IsRetry
			var in In
			if err := decode(body, &in); err != nil {
				return nil, err
			}
			out, err := h(ctx, r, in)
			if missing(err) {
				err = cmp.Or(s.service.WhileMoved(ctx, r.Caller), err)
			}
			return out, err
		}
		return s.withIdempotency(c, r, body, run)
	}
	return Endpoint{serve, reflect.TypeFor[In](), reflect.TypeFor[Out]()}
}

// missing reports whether err says that something of the citizen's is not there.
func missing(err error) bool {
	for _, gone := range []error{selfservice.ErrNotLinked, selfservice.ErrLinkGone, selfservice.ErrTransferGone, selfservice.ErrChangeGone, selfservice.ErrResetGone} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// requestOf finds the session of the bearer token.
func (s *Server) requestOf(ctx context.Context, c echo.Context) (Request, error) {
	digest, ok := tokenDigest(c)
	if !ok {
		return Request{}, ErrSessionRequired
	}
	session, err := s.db.Session(ctx, digest)
	if err == nil && session.RenewalDue && idempotencyKey(c) == "" { // with a key, the record's transaction renews it
		err = s.db.RenewSession(ctx, digest)
	}
	if errors.Is(err, store.ErrNotFound) {
		return Request{}, selfservice.ErrSessionExpired
	} else if err != nil {
		return Request{}, err
	}
	if wait := s.users.wait(string(session.IdentityDigest)); wait > 0 {
		return Request{}, selfservice.ErrTooManyRequests.WithRetryAfter(wait)
	}
	id, _ := uuid.Parse(c.Param("id")) // what is no id is nobody's
	caller := selfservice.Caller{Session: session, Channel: s.channel, Network: network(c.RealIP()), RequestID: requestID(c)}
	return Request{Caller: caller, ID: id}, nil
}

// tokenDigest is of the bearer token, if there is one.
func tokenDigest(c echo.Context) (digest []byte, ok bool) {
	scheme, token, _ := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
	token = strings.TrimLeft(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" { // RFC 9110, section 11.1
		return nil, false
	}
	return digestOfToken(token), true
}

// maxBody is the largest body a form of this API needs, many times over.
const maxBody = 16 << 10

// readBody reads a POST body within the limit. A GET has none.
func readBody(c echo.Context) ([]byte, error) {
	r := c.Request()
	if r.Method != http.MethodPost {
		return nil, nil
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, ErrMediaType
	}
	if r.ContentLength > maxBody {
		HangUp(c)
		return nil, ErrTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, ErrTooLarge
	case err != nil:
		return nil, selfservice.ErrBadRequest.Because(ErrBodyCut)
	case len(body) == 0:
		return nil, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); err != nil || kind != "application/json" {
		return nil, ErrMediaType
	}
	return body, nil
}

// HangUp ends the connection after the reply: net/http would first wait for the body
// that was announced, as long as for a slow one.
func HangUp(c echo.Context) echo.Context {
	c.Response().Header().Set(echo.HeaderConnection, "close")
	return c
}

var ErrBodyCut = errors.New("httpapi: body ended early")
