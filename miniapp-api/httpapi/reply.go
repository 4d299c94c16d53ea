package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// success and problem are the two forms of a reply. Both contain the status, because some
// Alipay clients do not pass the status of a non-2xx reply to the page.
type success struct {
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Message   string `json:"message"`
	Data      any    `json:"data"`
	RequestID string `json:"request_id"`
}

// problem is an RFC 9457 problem with extension members. retry_after and request_id are always
// present, so that a page reads them without a check.
type problem struct {
	Type        string        `json:"type"`
	Title       string        `json:"title"`
	Status      int           `json:"status"`
	Code        string        `json:"code"`
	Message     string        `json:"message"`
	Errors      []fieldView   `json:"errors,omitempty"`
	Remaining   *int          `json:"remaining_attempts,omitempty"`
	LockedUntil *time.Time    `json:"locked_until,omitempty"`
	Pending     *pendingView  `json:"pending,omitempty"`
	Offered     bool          `json:"transfer_offered,omitempty"`
	FaceFirst   bool          `json:"face_first_offered,omitempty"`
	SMS         bool          `json:"sms_offered,omitempty"`
	Transfer    *transferView `json:"transfer,omitempty"`
	Why         string        `json:"why,omitempty"`
	OpensAt     *time.Time    `json:"opens_at,omitempty"`
	Channels    []channelView `json:"channels,omitempty"`
	RetryAfter  int           `json:"retry_after"`
	RequestID   string        `json:"request_id"`
}

// A channelView is a channel with its name for citizens.
type channelView struct {
	ID   selfservice.Channel `json:"id"`
	Name string              `json:"name"`
}

// setClosed adds why the channel is closed, until when if that is known, and the others that are
// open.
func (p *problem) setClosed(c selfservice.ClosedChannel) {
	p.Why, p.OpensAt = c.Why, c.OpensAt
	for _, open := range c.Open {
		p.Channels = append(p.Channels, channelView(open))
	}
}

// problemType is the prefix of problem types: the URL of the error table, relative to the API.
const problemType = "/docs/errors#"

const problemJSON = "application/problem+json; charset=utf-8"

// answerOf encodes a handler's result.
func (s *Server) answerOf(c echo.Context, data any, err error) store.Answer {
	id := requestID(c)
	if err != nil {
		e := selfservice.AsError(err)
		p := s.problemOf(e, id)
		return encode(p.Status, p)
	}
	return encode(http.StatusOK, success{Status: 200, Code: "OK", Message: "成功", Data: data, RequestID: id})
}

func encode(status int, body any) store.Answer {
	raw, err := json.Marshal(body)
	if err != nil { // no reply type fails to encode; tests cover all
		panic("httpapi: reply: " + err.Error())
	}
	return store.Answer{Status: status, Body: raw}
}

// send writes an answer. With the request header X-Always-200 the HTTP status is 200, for
// platforms that hide the body of other statuses; the body's status is unchanged.
func send(c echo.Context, a store.Answer) error {
	status, contentType := a.Status, "application/json; charset=utf-8"
	if status >= 400 {
		contentType = problemJSON
	}
	if wait := retryAfterOf(a); wait > 0 {
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(wait))
	}
	if c.Request().Header.Get("X-Always-200") == "1" {
		status = http.StatusOK
	}
	return c.Blob(status, contentType, a.Body)
}

// retryAfterOf returns the seconds of the header Retry-After, or 0. It reads them from the
// body, because the stored first answer of a request has no header.
func retryAfterOf(a store.Answer) int {
	if a.Status != http.StatusTooManyRequests && a.Status != http.StatusServiceUnavailable && a.Status != http.StatusLocked {
		return 0
	}
	var p struct {
		RetryAfter int `json:"retry_after"`
	}
	_ = json.Unmarshal(a.Body, &p) // on an error there is no header
	return p.RetryAfter
}
