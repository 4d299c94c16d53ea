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

// success and problem are the two shapes of every reply. Both carry their own
// status, because some Alipay clients hand a non-2xx reply to the page without it.
type success struct {
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Message   string `json:"message"`
	Data      any    `json:"data"`
	RequestID string `json:"request_id"`
}

// problem is RFC 9457 with our extensions.
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
	Transfer    *transferView `json:"transfer,omitempty"`
	RetryAfter  int           `json:"retry_after"`
	RequestID   string        `json:"request_id"`
}

// problemType is where the catalogue of errors stands, relative to the API.
const problemType = "/docs/errors#"

const problemJSON = "application/problem+json; charset=utf-8"

// answerOf renders a handler's result as it goes over the wire.
func answerOf(c echo.Context, data any, err error) store.Answer {
	id := requestID(c)
	if err != nil {
		e := selfservice.AsError(err)
		p := problemOf(e, id)
		return encode(p.Status, p)
	}
	return encode(http.StatusOK, success{Status: 200, Code: "OK", Message: "成功", Data: data, RequestID: id})
}

func encode(status int, body any) store.Answer {
	raw, err := json.Marshal(body)
	if err != nil { // a reply type that cannot be encoded is a bug a test finds
		panic("httpapi: reply: " + err.Error())
	}
	return store.Answer{Status: status, Body: raw}
}

// send writes an answer. X-Always-200 is for front ends whose platform hides
// the body of other statuses; the body still tells the truth.
func send(c echo.Context, a store.Answer) error {
	return blob(c, a.Status, a.Body, retryAfterOf(a))
}

func blob(c echo.Context, status int, body []byte, wait int) error {
	contentType := "application/json; charset=utf-8"
	if status >= 400 {
		contentType = problemJSON
	}
	if wait > 0 {
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(wait))
	}
	if c.Request().Header.Get("X-Always-200") == "1" {
		status = http.StatusOK
	}
	return c.Blob(status, contentType, body)
}

func retryAfterOf(a store.Answer) int {
	if a.Status != http.StatusTooManyRequests && a.Status != http.StatusServiceUnavailable && a.Status != http.StatusLocked {
		return 0
	}
	var p struct {
		RetryAfter int `json:"retry_after"`
	}
	_ = json.Unmarshal(a.Body, &p) // our own bytes; without it there is just no header
	return p.RetryAfter
}
