package website

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A request is what a handler receives.
type request struct {
	selfservice.Caller // with a Session on routes for signed-in citizens

	form    form      // of a POST request
	id      uuid.UUID // of the path; zero if it has none
	step    string    // the value of cookieStep
	why     string    // the query of the sign-in page
	former  []byte    // token digest of a session that a sign-in replaces; nil if there is none
	problem *httpapi.Refusal
}

// A handler takes a request and returns a page or where to go next. It does not depend on HTTP.
type handler func(ctx context.Context, r *request) (reply, error)

// A reply is a page, or the path to go to next.
type reply struct {
	page string // the name of its template; "" to go to the path to
	data any
	to   string

	seed        string // derives the token of a session that was opened
	endsSession bool
	step        string // for cookieStep
	endsStep    bool
}

func show(page string, data any) (reply, error) { return reply{page: page, data: data}, nil }
func goTo(path string) (reply, error)           { return reply{to: path}, nil }

// A route is one page, or one form.
type route struct {
	method, path string
	signedIn     bool     // whether it needs a session
	protects     bool     // whether citizens need it to protect their account, see httpapi.Protective
	fields       []string // of the form
	optional     []string // fields that the form need not have
	handle       handler
	again        handler // of a form: shows its page again after an error
}

// access returns the endpoint with when it is served. Whoever is signed in can always sign out.
func (r route) access(e httpapi.Endpoint) httpapi.Endpoint {
	switch {
	case r.path == pathSignOut:
		return httpapi.Always(e)
	case r.protects:
		return httpapi.Protective(e)
	}
	return e
}

// serve adapts a route to Echo.
func (s *Site) serve(r route) echo.HandlerFunc {
	if r.method == http.MethodPost {
		return func(c echo.Context) error { return s.servePost(c, r) }
	}
	return func(c echo.Context) error {
		req, err := s.requestOf(c, r)
		if err != nil {
			return err
		}
		if !r.signedIn && req.Binding == nil {
			req.Binding = beginVisit(c)
		}
		answer, err := r.handle(c.Request().Context(), req)
		if err != nil {
			return err
		}
		return s.send(c, s.answerOf(c, req, answer, http.StatusOK))
	}
}

// servePost runs the form of a route once: sending it again gets the first answer, even if the
// form has ended its session.
func (s *Site) servePost(c echo.Context, r route) error {
	f, body, err := readForm(c, append([]string{fieldToken}, r.fields...), r.optional...)
	if err != nil {
		return err
	}
	binding := visit(c)
	if r.signedIn {
		binding = sessionDigest(c)
	}
	path := c.Request().URL.Path
	token, err := s.openToken(binding, path, f[fieldToken])
	if err != nil {
		return s.expired(c, r, binding, err)
	}
	digests := s.db.RequestDigests(path, body)
	record := &store.IdempotencyRecord{
		Scope: s.db.Digest("front end", binding), KeyDigest: s.db.Digest("idempotency key", token.ID[:]),
		RequestDigest: digests[0], OlderDigests: digests[1:],
	}
	var failed error
	answer, err := s.server.Once(c, record, func() (store.Answer, error) {
		var a store.Answer
		a, failed = s.post(c, r, f, record)
		return a, failed
	})
	if errors.Is(err, httpapi.ErrKeyReused) { // sent before with other content, as from a page that the browser kept
		return s.expired(c, r, binding, errFormExpired)
	}
	if err != nil {
		return err
	}
	return s.send(c, answer)
}

// post runs a form and returns its answer: where to go, or its page again with what is wrong.
func (s *Site) post(c echo.Context, r route, f form, record *store.IdempotencyRecord) (store.Answer, error) {
	req, err := s.requestOf(c, r)
	if err != nil {
		return s.refusalOf(c, err), err
	}
	req.form, req.Record, req.IsRetry = f, record, record.IsRetry
	ctx := c.Request().Context()
	answer, err := r.handle(ctx, req)
	if err == nil {
		return s.answerOf(c, req, answer, http.StatusOK), nil
	}
	if leaves(err) || r.again == nil {
		return s.refusalOf(c, err), err
	}
	refusal := s.server.Refuse(c, err)
	req.problem = &refusal
	page, failed := r.again(ctx, req)
	if failed != nil {
		return s.refusalOf(c, err), err
	}
	return s.answerOf(c, req, page, refusal.Status), err
}

// expired shows the page of a form again, empty, whose token is not valid. A session that has
// ended comes first, because then there is no such page.
func (s *Site) expired(c echo.Context, r route, binding []byte, err error) error {
	req, failed := s.requestOf(c, r)
	if failed != nil {
		return failed
	}
	if r.again == nil {
		return err
	}
	if !r.signedIn && binding == nil {
		req.Binding = beginVisit(c)
	}
	refusal := s.server.Refuse(c, err)
	req.form, req.problem = form{}, &refusal
	page, failed := r.again(c.Request().Context(), req)
	if failed != nil {
		return failed
	}
	return s.send(c, s.answerOf(c, req, page, refusal.Status))
}

// requestOf returns the request with its session, if the route needs one.
func (s *Site) requestOf(c echo.Context, r route) (*request, error) {
	req := &request{Caller: s.server.CallerOf(c), step: cookieOf(c, cookieStep), why: c.QueryParam("why")}
	if c.Param("id") != "" {
		var err error
		if req.id, err = uuid.Parse(c.Param("id")); err != nil {
			return nil, httpapi.ErrNotFound
		}
	}
	digest := sessionDigest(c)
	if !r.signedIn {
		req.Binding, req.former = visit(c), digest
		return req, nil
	}
	if digest == nil {
		return nil, httpapi.ErrSessionRequired
	}
	session, err := s.server.Session(c.Request().Context(), digest, true)
	if err == nil && session.Link == nil { // the link has ended
		err = selfservice.ErrSessionExpired
	}
	req.Session = session
	return req, err
}

// leaves reports whether an error ends what the page was for, so that the page is not shown
// again.
func leaves(err error) bool {
	for _, e := range []error{selfservice.ErrSessionExpired, selfservice.ErrNotLinked, httpapi.ErrSessionRequired, selfservice.ErrInternal, httpapi.ErrNotFound} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// A stored is the body of an answer, as idempotency records keep it. The token of a session is
// derived from the record's seed.
type stored struct {
	To          string `json:"to,omitempty"`
	Page        string `json:"page,omitempty"`
	Step        string `json:"step,omitempty"`
	EndsStep    bool   `json:"ends_step,omitempty"`
	EndsSession bool   `json:"ends_session,omitempty"`
	RetryAfter  int    `json:"retry_after,omitempty"`
}

// answerOf encodes a reply. A page that fails to render is a fault of this package.
func (s *Site) answerOf(c echo.Context, r *request, answer reply, status int) store.Answer {
	body := stored{To: answer.to, Step: answer.step, EndsStep: answer.endsStep, EndsSession: answer.endsSession}
	if answer.to != "" {
		status = http.StatusSeeOther
	} else {
		body.Page = s.page(c, r, answer)
	}
	if r.problem != nil {
		body.RetryAfter = r.problem.RetryAfter
	}
	return store.Answer{Status: status, Body: []byte(mustJSON(body)), Seed: answer.seed}
}

// send writes an answer.
func (s *Site) send(c echo.Context, a store.Answer) error {
	var body stored
	if err := json.Unmarshal(a.Body, &body); err != nil {
		return selfservice.ErrInternal.WithCause(errors.New("website: invalid stored answer"))
	}
	if a.Seed != "" {
		token, err := s.db.Token(a.Seed)
		if err != nil {
			return err
		}
		setCookie(c, cookieSession, token, false)
	}
	if body.EndsSession {
		setCookie(c, cookieSession, "", false)
	}
	if body.Step != "" || body.EndsStep {
		setCookie(c, cookieStep, body.Step, false)
	}
	if body.RetryAfter > 0 && (a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable) {
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(body.RetryAfter))
	}
	if body.To != "" {
		return c.Redirect(a.Status, body.To)
	}
	return c.HTML(a.Status, body.Page)
}

// refusalOf is the answer to an error that leaves the page.
func (s *Site) refusalOf(c echo.Context, err error) store.Answer {
	refusal := s.server.Refuse(c, err)
	req := &request{Caller: s.server.CallerOf(c), problem: &refusal}
	switch {
	case errors.Is(err, httpapi.ErrSessionRequired):
		return s.answerOf(c, req, reply{to: pathSignIn, endsSession: true}, refusal.Status)
	case errors.Is(err, selfservice.ErrSessionExpired), errors.Is(err, selfservice.ErrNotLinked):
		return s.answerOf(c, req, reply{to: pathSignIn + "?why=" + whyEnded, endsSession: true}, refusal.Status)
	}
	return s.answerOf(c, req, reply{page: "error", data: refusal}, refusal.Status)
}

// fail writes the page for every error, including Echo's own.
func (s *Site) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	if err := s.send(c, s.refusalOf(c, err)); err != nil {
		httpapi.RecordError(c, selfservice.ErrInternal.WithCause(err))
	}
}

// mustJSON encodes a value that cannot fail to encode.
func mustJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("website: " + err.Error())
	}
	return string(raw)
}
