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

// A Request is what a handler receives besides its input.
type Request struct {
	selfservice.Caller
	ID uuid.UUID // the {id} of the path; zero if it is no UUID

	// EndsSession marks a request that ends its own session. SessionEnded reports that the
	// session has ended already, possibly by an earlier run of this request.
	EndsSession, SessionEnded bool
}

// A handler takes a decoded input and returns data or an error. It does not depend on HTTP.
type handler[In, Out any] func(ctx context.Context, r Request, in In) (Out, error)

// An Endpoint is a handler adapted to Echo, with its input and output types for the contract
// test. Both types are nil for a body that the API does not define.
type Endpoint struct {
	Serve   echo.HandlerFunc
	In, Out reflect.Type
	access  access
}

// Raw returns an endpoint of a platform that calls this server. It reads the request and writes
// the reply itself, also while the channel is closed, because the platform does not wait.
func Raw(serve echo.HandlerFunc) Endpoint { return Endpoint{Serve: serve, access: alwaysServed} }

// Open adapts a handler that requires no session.
func Open[In, Out any](s *Server, h handler[In, Out]) Endpoint {
	return adapt(s, h, func(context.Context, echo.Context) (Request, error) {
		return Request{Caller: selfservice.Caller{Channel: s.channel}}, nil
	})
}

// Authed adapts a handler that requires a session.
func Authed[In, Out any](s *Server, h handler[In, Out]) Endpoint {
	return adapt(s, h, s.requestOf)
}

// Recognised adapts a handler that requires no session, but a caller whom the channel recognises
// in another way; who returns the digest of that as the caller's Binding.
func Recognised[In, Out any](s *Server, h handler[In, Out], who func(c echo.Context) (binding []byte, err error)) Endpoint {
	return adapt(s, h, func(_ context.Context, c echo.Context) (Request, error) {
		caller := s.CallerOf(c)
		var err error
		caller.Binding, err = who(c)
		return Request{Caller: caller}, err
	})
}

// linked adapts a handler that requires a session with a link.
func linked[In, Out any](s *Server, h handler[In, Out]) Endpoint {
	return Authed(s, func(ctx context.Context, r Request, in In) (Out, error) {
		if r.Link == nil {
			var nothing Out
			return nothing, selfservice.ErrNotLinked
		}
		return h(ctx, r, in)
	})
}

// identified returns a handler that fails with ErrNotFound unless the path has a UUID.
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
// the session's token, so that a retry receives it after the session has ended. The handler is
// called with SessionEnded only if no first answer is stored.
func endsOwnSession[In, Out any](s *Server, h handler[In, Out]) Endpoint {
	return adapt(s, h, func(ctx context.Context, c echo.Context) (Request, error) {
		r, err := s.requestOf(ctx, c)
		if errors.Is(err, selfservice.ErrSessionExpired) {
			digest, _ := s.tokenDigest(c)
			r, err = Request{Caller: selfservice.Caller{Channel: s.channel, Session: store.Session{TokenDigest: digest}}, SessionEnded: true}, nil
		}
		r.EndsSession = true
		return r, err
	})
}

// adapt returns the endpoint of a handler; who returns its caller. Something of the citizen's
// may be missing because their identifier was renamed while the request ran. CheckRenamed then
// asks for a retry, which finds it.
func adapt[In, Out any](s *Server, h handler[In, Out], who func(context.Context, echo.Context) (Request, error)) Endpoint {
	serve := func(c echo.Context) error {
		ctx := c.Request().Context()
		body, err := ReadBody(c, "application/json")
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
				err = cmp.Or(s.service.CheckRenamed(ctx, r.Caller), err)
			}
			return out, err
		}
		return s.withIdempotency(c, r, body, run)
	}
	return Endpoint{Serve: serve, In: reflect.TypeFor[In](), Out: reflect.TypeFor[Out]()}
}

// missing reports whether err says that something of the citizen's does not exist.
func missing(err error) bool {
	for _, gone := range []error{selfservice.ErrNotLinked, selfservice.ErrLinkGone, selfservice.ErrTransferGone, selfservice.ErrChangeGone, selfservice.ErrResetGone} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// requestOf returns the request with the session of its token. It returns ErrSessionRequired,
// ErrSessionExpired, ErrTooManyRequests or an error of the channel's Session.
func (s *Server) requestOf(ctx context.Context, c echo.Context) (Request, error) {
	token, ok := s.token(c)
	if !ok {
		return Request{}, ErrSessionRequired
	}
	session, err := s.session(c, token)
	session, err = s.admit(ctx, session, err, idempotencyKey(c) == "") // with a key, the record's transaction renews it
	if err != nil {
		return Request{}, err
	}
	id, _ := uuid.Parse(c.Param("id")) // uuid.Nil identifies nothing
	caller := s.CallerOf(c)
	caller.Session = session
	return Request{Caller: caller, ID: id}, nil
}

// bearerSession returns the session of a token that suffices.
func (s *Server) bearerSession(c echo.Context, token string) (store.Session, error) {
	return s.db.Session(c.Request().Context(), DigestOfToken(token))
}

// token returns the token of a request, or false if there is none of the channel's scheme.
func (s *Server) token(c echo.Context) (token string, ok bool) {
	scheme, token, _ := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
	token = strings.TrimLeft(token, " ")
	return token, strings.EqualFold(scheme, s.scheme) && token != "" // RFC 9110, section 11.1
}

// tokenDigest returns the SHA-256 of the token, or false if there is none.
func (s *Server) tokenDigest(c echo.Context) (digest []byte, ok bool) {
	token, ok := s.token(c)
	if !ok {
		return nil, false
	}
	return DigestOfToken(token), true
}

// maxBody is the largest accepted request body, in bytes. It far exceeds every form of this
// API.
const maxBody = 16 << 10

// ReadBody returns the body of a POST request, or nil for a GET request. It returns
// ErrTooLarge, ErrMediaType or ErrBadRequest. An empty body needs no media type.
func ReadBody(c echo.Context, mediaType string) ([]byte, error) {
	r := c.Request()
	if r.Method != http.MethodPost {
		return nil, nil
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, ErrMediaType
	}
	if r.ContentLength > maxBody {
		CloseConnection(c)
		return nil, ErrTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, ErrTooLarge
	case err != nil:
		return nil, selfservice.ErrBadRequest.WithCause(ErrBodyCut)
	case len(body) == 0:
		return nil, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); err != nil || kind != mediaType {
		return nil, ErrMediaType
	}
	return body, nil
}

// CloseConnection closes the connection after the reply. Otherwise net/http would first read
// the rest of the announced body.
func CloseConnection(c echo.Context) echo.Context {
	c.Response().Header().Set(echo.HeaderConnection, "close")
	return c
}

// ErrBodyCut is the cause if the client sent less than the announced body.
var ErrBodyCut = errors.New("httpapi: body ended early")
