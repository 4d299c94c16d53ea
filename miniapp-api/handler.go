package miniapp

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

	"fundpass/store"
)

// A visit is what a handler may know beside its input.
type visit struct {
	store.Session           // zero where the route needs none
	ID            uuid.UUID // the {id} of the path, zero when it is not one

	Network   string // where the request comes from, see network
	RequestID string // as the log names it

	// Again: an earlier run of this very request, under the same Idempotency-Key,
	// may have done what is asked.
	Again bool

	receipt *store.Receipt // of the Idempotency-Key; nil: the request has none

	// Parting marks a request that ends its own session, and Gone one whose
	// session has ended already, perhaps by an earlier run of this very request.
	Parting, Gone bool
}

// A handler takes a checked input and returns data or an error. It knows
// nothing of HTTP.
type handler[In, Out any] func(ctx context.Context, v visit, in In) (Out, error)

// An endpoint is an adapted handler and what it takes and returns, which the
// contract has to say as well. Both are nil where the body is not ours to define.
type endpoint struct {
	serve   echo.HandlerFunc
	in, out reflect.Type
}

// raw is an endpoint that reads and answers by itself.
func raw(serve echo.HandlerFunc) endpoint { return endpoint{serve: serve} }

// open adapts a handler that needs no session.
func open[In, Out any](s *Server, h handler[In, Out]) endpoint {
	return adapt(s, h, func(context.Context, echo.Context) (visit, error) { return visit{}, nil })
}

// authed adapts a handler that needs a session.
func authed[In, Out any](s *Server, h handler[In, Out]) endpoint {
	return adapt(s, h, s.visitOf)
}

// linked adapts a handler that needs a session with a link.
func linked[In, Out any](s *Server, h handler[In, Out]) endpoint {
	return authed(s, func(ctx context.Context, v visit, in In) (Out, error) {
		if v.Link == nil {
			var nothing Out
			return nothing, ErrNotLinked
		}
		return h(ctx, v, in)
	})
}

// parting adapts a handler that ends its own session. Its first answer is kept
// under the session's token, so that a repetition gets it although the session
// is gone. The handler sees Gone only where there is no first answer.
func parting[In, Out any](s *Server, h handler[In, Out]) endpoint {
	return adapt(s, h, func(ctx context.Context, c echo.Context) (visit, error) {
		v, err := s.visitOf(ctx, c)
		if errors.Is(err, ErrSessionExpired) {
			digest, _ := tokenDigest(c)
			v, err = visit{Session: store.Session{TokenDigest: digest}, Gone: true}, nil
		}
		v.Parting = true
		return v, err
	})
}

func adapt[In, Out any](s *Server, h handler[In, Out], who func(context.Context, echo.Context) (visit, error)) endpoint {
	serve := func(c echo.Context) error {
		ctx := c.Request().Context()
		body, err := readBody(c)
		if err != nil {
			return err
		}
		v, err := who(ctx, c)
		if err != nil {
			return err
		}
		run := func(receipt *store.Receipt) (any, error) {
			v.receipt, v.Again = receipt, receipt != nil && receipt.Again
			var in In
			if err := decode(body, &in); err != nil {
				return nil, err
			}
			out, err := h(ctx, v, in)
			if missing(err) {
				err = cmp.Or(s.renamed(ctx, v), err)
			}
			return out, err
		}
		return s.once(c, v, body, run)
	}
	return endpoint{serve, reflect.TypeFor[In](), reflect.TypeFor[Out]()}
}

// missing reports whether err says that something of the citizen's is not there.
func missing(err error) bool {
	for _, gone := range []error{ErrNotLinked, ErrLinkGone, ErrRelinkGone, ErrChangeGone, ErrResetGone} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// renamed is store.ErrRenamed where the citizen was moved to another identifier while
// the request ran: then what it did not find may be there all the same.
func (s *Server) renamed(ctx context.Context, v visit) error {
	if v.IdentityDigest == nil {
		return nil
	}
	renamed, err := s.db.Renamed(ctx, v.Session)
	if renamed {
		err = store.ErrRenamed
	}
	return err
}

// visitOf finds the session of the bearer token.
func (s *Server) visitOf(ctx context.Context, c echo.Context) (visit, error) {
	digest, ok := tokenDigest(c)
	if !ok {
		return visit{}, ErrSessionRequired
	}
	session, err := s.db.Session(ctx, digest)
	if errors.Is(err, store.ErrNotFound) {
		return visit{}, ErrSessionExpired
	} else if err != nil {
		return visit{}, err
	}
	if wait := s.users.wait(string(session.IdentityDigest)); wait > 0 {
		return visit{}, ErrTooManyRequests.retryAfter(wait)
	}
	id, _ := uuid.Parse(c.Param("id")) // what is no id is nobody's
	return visit{Session: session, ID: id, Network: network(c.RealIP()), RequestID: requestID(c)}, nil
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
		hangUp(c)
		return nil, ErrTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, ErrTooLarge
	case err != nil:
		return nil, ErrBadRequest.because(errBodyCut)
	case len(body) == 0:
		return nil, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); err != nil || kind != "application/json" {
		return nil, ErrMediaType
	}
	return body, nil
}

// hangUp ends the connection after the reply: net/http would first wait for the body
// that was announced, as long as for a slow one.
func hangUp(c echo.Context) echo.Context {
	c.Response().Header().Set(echo.HeaderConnection, "close")
	return c
}

var errBodyCut = errors.New("miniapp: body ended early")
