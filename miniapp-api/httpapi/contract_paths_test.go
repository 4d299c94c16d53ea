package httpapi_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store/storetest"
)

// ofTheMoment are the display texts that contain the current time.
var ofTheMoment = map[string][]string{
	selfservice.ErrPasswordLocked.Code:  {"message", "locked_until", "retry_after"},
	selfservice.ErrResetLimit.Code:      {"retry_after"},
	selfservice.ErrTransferLimit.Code:   {"retry_after"},
	selfservice.ErrCodeLimit.Code:       {"retry_after"},
	selfservice.ErrCodeWrong.Code:       {"message", "remaining_attempts"},
	selfservice.ErrBusy.Code:            {"retry_after"},
	selfservice.ErrTransferWaiting.Code: {"message", "retry_after", "transfer"},
	selfservice.ErrChannelClosed.Code:   {"message", "retry_after", "opens_at"},
}

// The examples of the codes equal real replies.
func TestContractErrorExamples(t *testing.T) {
	t.Parallel()
	for _, e := range catalogue {
		provoke, found := provoked[e.Code]
		if why := notProvoked[e.Code]; why != "" && !found {
			continue
		}
		t.Run(e.Code, func(t *testing.T) {
			t.Parallel()
			if !found {
				t.Fatalf("no test provokes %s", e.Code)
			}
			dsn := storetest.Shared(t)
			if e.Code == "INTERNAL" { // breaks a table
				dsn = storetest.DSN(t)
			}
			r := provoke(newEnvIn(t, dsn)).want(t, e.Code)
			var got any
			must(t, json.Unmarshal([]byte(r.Raw), &got))
			example := maps.Clone(contractFile().Components.Examples[e.Code].Value.Value.(map[string]any))
			for _, name := range ofTheMoment[e.Code] {
				example[name] = got.(map[string]any)[name]
			}
			if e.Code == selfservice.ErrLinkProofLimit.Code { // until midnight
				example["retry_after"] = got.(map[string]any)["retry_after"]
			}
			for _, wrong := range unlike("", example, got) {
				t.Errorf("%s: %s", wrong, r.Raw)
			}
		})
	}
}

// Every code in notProvoked exists.
func TestContractNotProvoked(t *testing.T) {
	t.Parallel()
	for code, why := range notProvoked {
		if entry(t, code); why == "" || provoked[code] != nil {
			t.Errorf("%s is provoked and listed in notProvoked, or neither", code)
		}
	}
}

// A code that any request can get is provoked on every path that lists it.
func TestContractEveryPath(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	stranger, visitor, owner := h.stranger(), h.logIn(h.citizen()), h.linkedClient(h.citizen())
	bare := *owner // on a server without optional functions
	bare.url = h.listen(h.newServer(func(c *Config) { c.ContentKey, c.MessageTemplate = nil, "" }))
	h.offerTickets()
	slow := &client{h: h, url: h.listen(h.newServer(withRates(httpapi.Rate{0.001, 1}, httpapi.Rate{1e6, 1e6})))}
	slow.get("/healthz").want(t, "OK")
	for call, op := range operations() {
		method, path, _ := strings.Cut(call, " ")
		if !strings.HasPrefix(path, "/v1/") {
			continue
		}
		path = strings.ReplaceAll(path, "{id}", "3f2b8c1e-5d64-4a7b-9c1d-2e8f6a0b4c5d")
		body := func(text string) []byte {
			if method == http.MethodGet {
				return nil
			}
			return []byte(text)
		}
		sealed := "{}"
		if slices.Contains(choices(op), "encrypted") {
			sealed = `{"encrypted":{"ticket":"made up","kid":"","alg":"RSA-OAEP-256","sealed":""}}`
		}
		for code, send := range map[string]func() reply{
			"SESSION_REQUIRED":       func() reply { return h.client().send(method, path, body("{}")) },
			"SESSION_EXPIRED":        func() reply { return stranger.send(method, path, body("{}")) },
			"NOT_LINKED":             func() reply { return visitor.send(method, path, body("{}")) },
			"BAD_REQUEST":            func() reply { return visitor.send(method, path, body("[")) },
			"PAYLOAD_TOO_LARGE":      func() reply { return visitor.send(method, path, tooMuch) },
			"UNSUPPORTED_MEDIA_TYPE": func() reply { return visitor.send(method, path, body("x"), asText) },
			"TOO_MANY_REQUESTS":      func() reply { return slow.send(method, path, body("{}")) },
			"NOT_OFFERED":            func() reply { return bare.send(method, path, body(sealed)) },
			"DECRYPT_FAILED":         func() reply { return owner.send(method, path, body(sealed)) },
		} {
			if !lists(op, code) || code == "BAD_REQUEST" && lists(op, "NOT_LINKED") {
				continue
			}
			if r := send(); r.Code != code {
				t.Errorf("%s lists %s but returns %s", call, code, r.Raw)
			}
		}
	}
}

// lists reports whether an operation can return a code.
func lists(op *openapi3.Operation, code string) bool {
	for _, response := range op.Responses.Map() {
		if problem := response.Value.Content["application/problem+json"]; problem != nil && problem.Examples[code] != nil {
			return true
		}
	}
	return false
}
