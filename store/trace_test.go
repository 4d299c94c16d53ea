package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A traced method has a span of its name, and an unavailable database is an error without text.
func TestSpans(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	ctx, root := provider.Tracer("test").Start(t.Context(), "root")

	if err := db.SpendAuthCode(ctx, "a-code-of-the-trace-test"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Session(ctx, make([]byte, 32)); !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(ctx)
	end()
	if err := db.SpendAuthCode(ended, "another-code-of-the-test"); err == nil {
		t.Fatal("a call under an ended context succeeds")
	}
	root.End()

	var names []string
	for _, span := range recorder.Ended() {
		names = append(names, span.Name())
		if span.Status().Description != "" || len(span.Events()) > 0 {
			t.Errorf("%s has a text: %v %v", span.Name(), span.Status(), span.Events())
		}
		for _, a := range span.Attributes() {
			if a.Key != "db.system.name" && a.Key != "error.type" {
				t.Errorf("%s has the attribute %s", span.Name(), a.Key)
			}
		}
	}
	if want := []string{"store.SpendAuthCode", "store.Session", "store.SpendAuthCode", "root"}; !slices.Equal(names, want) {
		t.Errorf("got the spans %q, want %q", names, want)
	}
}
