package pgconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

func pqError(code string) error { return &pq.Error{Code: pqerror.Code(code), Message: "text"} }

func TestErrorClasses(t *testing.T) {
	own := errors.New("own")
	dial := &net.OpError{Op: "dial", Err: errors.New("refused")}
	tests := []struct {
		name                   string
		err                    error
		retryable, unavailable bool
	}{
		{"own", own, false, false},
		{"serialization", pqError("40001"), true, true},
		{"deadlock", pqError("40P01"), true, true},
		{"unique", pqError("23505"), false, false},
		{"bad value", pqError("22P02"), false, false},
		{"bad value, hidden", valueError{pqError("22P02").(*pq.Error)}, false, false},
		{"no table", pqError("42P01"), false, false},
		{"too many connections", pqError("53300"), true, true},
		{"disk full", pqError("53100"), true, true},
		{"shutdown", pqError("57P01"), true, true},
		{"cancelled by an operator", pqError("57014"), true, true},
		{"connection exception", pqError("08006"), true, true},
		{"became a standby", pqError("25006"), true, true},
		{"idle in a transaction", pqError("25P03"), true, true},
		{"not supported", pqError("0A000"), false, false},
		{"begin on a standby", setupError{pqError("0A000")}, true, true},
		{"starting up", setupError{pqError("57P03")}, true, true},
		{"dial", setupError{dial}, true, true},
		{"no such password", setupError{pqError("28P01")}, false, true},
		{"no such database", setupError{pqError("3D000")}, false, true},
		{"dial took too long", setupError{context.DeadlineExceeded}, true, true},
		{"broken", fmt.Errorf("%w: %v", errConnLost, io.EOF), true, true},
		{"retry", ErrRetry, true, true},
		{"stale", fmt.Errorf("%w: %w", errStaleStatement, pqError("26000")), true, true},
		{"statement took too long", context.DeadlineExceeded, false, true},
		{"request ended", context.Canceled, false, false},
		{"unknown outcome", fmt.Errorf("%w: %v", ErrUnknownOutcome, errConnLost), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, err := range []error{tt.err, fmt.Errorf("wrapped: %w", tt.err)} {
				if isRetryable(err) != tt.retryable {
					t.Errorf("retryable: %v", !tt.retryable)
				}
				got := publicError(t.Context(), err)
				if errors.Is(got, ErrUnavailable) != tt.unavailable || !errors.Is(got, tt.err) {
					t.Errorf("got %v", got)
				}
				if errors.Is(got, ErrUnavailable) && errors.Is(got, ErrUnknownOutcome) {
					t.Error("both")
				}
			}
		})
	}
}

func TestPublicErrorAfterContext(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	other := errors.New("other")
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	tests := []struct {
		name string
		ctx  context.Context
		err  error
		want []error
		not  []error
	}{
		{"unavailable", late, errConnLost, []error{ErrUnavailable, context.DeadlineExceeded}, nil},
		{"caller disconnected", cancelled, errConnLost, []error{context.Canceled}, []error{ErrUnavailable}},
		{"other error", late, other, []error{other}, []error{ErrUnavailable, context.DeadlineExceeded}},
		{"unknown outcome", late, ErrUnknownOutcome, []error{ErrUnknownOutcome}, []error{ErrUnavailable, context.DeadlineExceeded}},
	}
	for _, tt := range tests {
		got := publicError(tt.ctx, tt.err)
		for _, want := range tt.want {
			if !errors.Is(got, want) {
				t.Errorf("%s: %v is not %v", tt.name, got, want)
			}
		}
		for _, not := range tt.not {
			if errors.Is(got, not) {
				t.Errorf("%s: %v is %v", tt.name, got, not)
			}
		}
	}
}

func TestCommitError(t *testing.T) {
	tests := []struct {
		err     error
		unknown bool
	}{
		{nil, false},
		{pqError("40001"), false},
		{pqError("23503"), false},
		{pq.ErrInFailedTransaction, false},
		{errConnLost, true},
		{errUnreplicated, true},
		{context.DeadlineExceeded, true},
		{pqError("57014"), true},
		{pqError("XX000"), true},
	}
	for _, tt := range tests {
		got := commitError(tt.err)
		if errors.Is(got, ErrUnknownOutcome) != tt.unknown || (got == nil) != (tt.err == nil) {
			t.Errorf("%v became %v", tt.err, got)
		}
		if tt.unknown && (isRetryable(got) || IsContextError(got)) {
			t.Errorf("%v counts as retryable", got)
		}
	}
}
