package signing_test

import (
	"slices"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// A traced call has a span of Alipay's method, and neither a code nor a text of an error.
func TestSpans(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	recorder := tracetest.NewSpanRecorder()
	ctx, root := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test").Start(t.Context(), "root")
	used := s.code(t, "ok")
	for range 2 { // the second is refused
		_, _ = s.gate.Exchange(ctx, used)
	}
	if err := s.sim.Fault("html", 1); err != nil {
		t.Fatal(err)
	}
	_, _ = s.gate.Exchange(ctx, s.code(t, "ok"))
	root.End()

	var got []string
	for _, span := range recorder.Ended() {
		line := span.Name() + " " + span.Status().Code.String()
		for _, a := range span.Attributes() {
			line += " " + string(a.Key) + "=" + a.Value.AsString()
		}
		got = append(got, line)
		if span.Status().Description != "" || len(span.Events()) > 0 {
			t.Errorf("%s has a text: %v %v", span.Name(), span.Status(), span.Events())
		}
	}
	want := []string{
		"alipay.system.oauth.token Unset", "alipay.system.oauth.token Unset",
		"alipay.system.oauth.token Error error.type=unavailable", "root Unset",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
