package httpapi_test

import (
	"bytes"
	"encoding/json"

	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
)

// contractRouter finds the operation of a request.
var contractRouter = sync.OnceValue(func() routers.Router {
	doc := *contractFile()
	doc.Servers = nil // matches any test server
	router, err := legacy.NewRouter(&doc)
	if err != nil {
		panic(err)
	}
	openapi3filter.RegisterBodyDecoder("text/xml", openapi3filter.PlainBodyDecoder)
	return router
})

// keepsContract returns how a reply violates the API description: by its status, its headers,
// its body or a code that the path does not list. Every reply to a test client is checked.
func keepsContract(req *http.Request, r reply) error {
	if req.Header.Get("X-Always-200") == "1" && r.Status != 0 {
		if r.HTTP != http.StatusOK {
			return fmt.Errorf("HTTP %d despite X-Always-200", r.HTTP)
		}
		r.HTTP = r.Status
	}
	if r.Status != 0 && r.HTTP != r.Status {
		return fmt.Errorf("HTTP %d carries status %d", r.HTTP, r.Status)
	}
	route, params, err := contractRouter().FindRoute(asRouted(req))
	if err != nil {
		return ofNoPath(r)
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 r.HTTP, Header: r.Header, Body: io.NopCloser(bytes.NewReader([]byte(r.Raw))),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	if err := openapi3filter.ValidateResponse(req.Context(), input); err != nil {
		return err
	}
	if problem := route.Operation.Responses.Status(r.HTTP).Value.Content["application/problem+json"]; problem != nil && problem.Examples[r.Code] == nil {
		return fmt.Errorf("the path does not list %s", r.Code)
	}
	return nil
}

// asRouted returns the request as the server routes it, in which an encoded slash does not
// separate segments.
func asRouted(req *http.Request) *http.Request {
	if req.URL.RawPath == "" {
		return req
	}
	routed := req.Clone(req.Context())
	routed.URL.Path, routed.URL.RawPath = req.URL.RawPath, ""
	return routed
}

// ofNoPath checks a reply to an unknown path or an unsupported method.
func ofNoPath(r reply) error {
	codes := []string{httpapi.ErrNotFound.Code, httpapi.ErrMethodNotAllowed.Code, selfservice.ErrTooManyRequests.Code}
	if !slices.Contains(codes, r.Code) {
		return fmt.Errorf("openapi.yaml has no such operation, and the answer is %s", r.Code)
	}
	var body any
	if err := json.Unmarshal([]byte(r.Raw), &body); err != nil {
		return err
	}
	return contractFile().Components.Schemas["Problem"].Value.VisitJSON(body, openapi3.MultiErrors())
}

// keepsContract finds violations.
func TestKeepsContract(t *testing.T) {
	t.Parallel()
	const (
		ok      = `{"status":200,"code":"OK","message":"成功","data":{"state":"alive"},"request_id":"x"}`
		busy    = `{"type":"/docs/errors#BUSY","title":"x","status":503,"code":"BUSY","message":"x","retry_after":2,"request_id":"x"}`
		unknown = `{"type":"/docs/errors#NOT_FOUND","title":"x","status":404,"code":"NOT_FOUND","message":"x","retry_after":0,"request_id":"x"}`
		plain   = "application/json; charset=utf-8"
		problem = "application/problem+json; charset=utf-8"
	)
	for _, tt := range []struct {
		name, path, contentType, body string
		status                        int
		good                          bool
	}{
		{"good", "/healthz", plain, ok, 200, true},
		{"good problem", "/readyz", problem, busy, 503, true},
		{"good odd id", "/v1/password/changes/a%2Fb", problem, strings.Replace(unknown, `"status":404,"code":"NOT_FOUND"`, `"status":500,"code":"INTERNAL"`, 1), 500, true},
		{"good unknown path", "/nothing", problem, unknown, 404, true},
		{"code that the path does not list", "/healthz", problem, busy, 503, false},
		{"other code of the status", "/readyz", problem, strings.ReplaceAll(busy, "BUSY", "RESULT_UNKNOWN"), 503, false},
		{"status unlike the body's", "/readyz", problem, busy, 500, false},
		{"content type", "/healthz", "text/plain", ok, 200, false},
		{"value outside the enum", "/healthz", plain, strings.Replace(ok, "alive", "dead", 1), 200, false},
		{"field missing", "/healthz", plain, strings.Replace(ok, `"request_id"`, `"id"`, 1), 200, false},
		{"data missing", "/healthz", plain, strings.Replace(ok, `{"state":"alive"}`, `{}`, 1), 200, false},
		{"wrong type", "/readyz", problem, strings.Replace(busy, `"retry_after":2`, `"retry_after":"2"`, 1), 503, false},
		{"OK of an unknown path", "/nothing", plain, ok, 200, false},
		{"unknown path, field missing", "/nothing", problem, strings.Replace(unknown, `"title":"x",`, ``, 1), 404, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest("GET", "http://127.0.0.1"+tt.path, nil)
			must(t, err)
			r := reply{HTTP: tt.status, Raw: tt.body, Header: http.Header{"Content-Type": {tt.contentType}, "X-Request-Id": {"x"}, "Retry-After": {"2"}}}
			_ = json.Unmarshal([]byte(tt.body), &r) // shows the mismatch
			if err := keepsContract(req, r); (err == nil) != tt.good {
				t.Errorf("good %v: %v", tt.good, err)
			}
			r.Header.Del("X-Request-Id")
			if err := keepsContract(req, r); tt.path != "/nothing" && err == nil {
				t.Error("a reply without X-Request-ID passes")
			}
		})
	}
	if err := keepsContract(httpRequest(t, header{"X-Always-200", "1"}), reply{HTTP: 503, Status: 503, Code: "BUSY", Raw: busy}); err == nil {
		t.Error("a status despite X-Always-200 passes")
	}
}

func httpRequest(t *testing.T, h header) *http.Request {
	t.Helper()
	req, err := http.NewRequest("GET", "http://127.0.0.1/readyz", nil)
	must(t, err)
	req.Header.Set(h.name, h.value)
	return req
}
