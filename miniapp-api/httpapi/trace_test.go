package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// spans records what a server traces.
type spans struct{ *tracetest.SpanRecorder }

func newSpans() spans { return spans{tracetest.NewSpanRecorder()} }

// traced is an envOption.
func (s spans) traced(c *Config) {
	c.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s.SpanRecorder)).Tracer("test")
}

// dump returns everything in the spans as text.
func (s spans) dump() string {
	var b strings.Builder
	for _, span := range s.Ended() {
		fmt.Fprintln(&b, span.Name(), span.Attributes(), span.Events(), span.Status(), span.Links(), span.Resource())
	}
	return b.String()
}

// A request is a span of its route, with the store's methods and Alipay's under it. A probe is
// none, and the client does not choose the trace.
func TestSpansOfRequests(t *testing.T) {
	t.Parallel()
	all := newSpans()
	h := newEnv(t, all.traced)
	c := h.citizen()
	code, err := h.sim.AuthCode(c.Person.Person)
	must(t, err)
	const theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
	h.client().post("/v1/sessions", m{"auth_code": code}, header{"traceparent", "00-" + theirs + "-00f067aa0ba902b7-01"}).want(t, "OK")
	h.client().get("/healthz").want(t, "OK")

	ended := all.Ended()
	root := ended[len(ended)-1]
	if root.Name() != "POST /v1/sessions" || root.Parent().IsValid() || root.SpanContext().TraceID().String() == theirs {
		t.Errorf("the request is the span %s under %v", root.Name(), root.Parent())
	}
	var names []string
	for _, span := range ended[:len(ended)-1] {
		names = append(names, span.Name())
		if span.Parent().SpanID() != root.SpanContext().SpanID() {
			t.Errorf("%s is not under the request", span.Name())
		}
	}
	for _, want := range []string{"store.SpendAuthCode", "alipay.system.oauth.token", "store.OpenSession"} {
		if !slices.Contains(names, want) {
			t.Errorf("no span %s in %q", want, names)
		}
	}
	attributes := all.dump()
	for _, want := range []string{"/v1/sessions", "OK", "alipay", "200"} {
		if !strings.Contains(attributes, want) {
			t.Errorf("the span lacks %s: %s", want, attributes)
		}
	}
}

// A failure of Alipay is an error of both spans; the citizen's own mistakes are none.
func TestFailedSpans(t *testing.T) {
	t.Parallel()
	all := newSpans()
	h := newEnv(t, all.traced)
	p := h.logIn(h.citizen())
	p.get("/v1/link").want(t, "NOT_LINKED")
	must(t, h.sim.Fault("html", 1))
	code, err := h.sim.AuthCode(h.citizen().Person.Person)
	must(t, err)
	h.client().post("/v1/sessions", m{"auth_code": code}).want(t, "ALIPAY_UNAVAILABLE")
	var failed []string
	for _, span := range all.Ended() {
		if span.Status().Code.String() == "Error" {
			failed = append(failed, span.Name())
		}
	}
	if want := []string{"alipay.system.oauth.token", "POST /v1/sessions"}; !slices.Equal(failed, want) {
		t.Errorf("got %q, want %q", failed, want)
	}
}
