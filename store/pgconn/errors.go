package pgconn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lib/pq"
)

var (
	// errConnLost reports that the connection was lost during a call. It replaces
	// driver.ErrBadConn, on which database/sql would run the statement again.
	errConnLost = errors.New("pgconn: connection lost")

	// errStaleStatement reports that a prepared statement no longer matches the
	// schema. Its next use prepares it again.
	errStaleStatement = errors.New("pgconn: prepared statement is stale")

	// errUnreplicated reports that a transaction is committed on the primary alone.
	errUnreplicated = errors.New("pgconn: standby did not confirm the commit")
)

// A setupError occurred before the first statement of a transaction could run.
type setupError struct{ error }

func (e setupError) Unwrap() error { return e.error }

// SQLState returns the SQLSTATE of a server's error, or "" for other errors.
func SQLState(err error) string {
	var e *pq.Error
	if !errors.As(err, &e) {
		return ""
	}
	return string(e.Code)
}

// IsConstraintViolation reports whether err is a constraint violation (class 23).
func IsConstraintViolation(err error) bool { return sqlClass(err) == "23" }

// IsContextError reports whether err is the error of a context that has ended.
func IsContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// sqlClass returns the first two characters of the SQLSTATE.
func sqlClass(err error) string {
	if s := SQLState(err); len(s) == 5 {
		return s[:2]
	}
	return ""
}

// isRetryable reports whether nothing was changed and the same call may succeed soon. A
// statement that exceeded its deadline is not run again.
func isRetryable(err error) bool {
	var setup setupError
	switch {
	case errors.Is(err, ErrUnknownOutcome):
		return false
	case errors.As(err, &setup):
		return sqlClass(err) != "28" && sqlClass(err) != "3D" // no such login or database
	case IsContextError(err):
		return false
	}
	return errors.Is(err, errStaleStatement) || errors.Is(err, ErrRetry) || sqlClass(err) == "40" || isUnavailable(err)
}

// isUnavailable reports whether the database could not be used.
func isUnavailable(err error) bool {
	var setup setupError
	if errors.Is(err, errConnLost) || errors.As(err, &setup) {
		return true
	}
	switch sqlClass(err) {
	case "08", "53", "57":
		return true
	}
	switch SQLState(err) {
	case "25006", // demoted to standby
		"25P03": // this process was not scheduled within idle_in_transaction_session_timeout
		return true
	}
	return false
}

// commitError returns err if COMMIT certainly rolled back, and ErrUnknownOutcome for every
// other error.
func commitError(err error) error {
	switch {
	case err == nil:
		return nil
	case sqlClass(err) == "40", IsConstraintViolation(err), errors.Is(err, pq.ErrInFailedTransaction):
		return err
	}
	return fmt.Errorf("%w: %v", ErrUnknownOutcome, err)
}

// publicError marks err with ErrUnavailable if the database could not be used in
// time, and with the error of ctx if ctx has ended. Other errors are returned as
// they are.
func publicError(ctx context.Context, err error) error {
	if err == nil || !isUnavailable(err) && !isRetryable(err) && !IsContextError(err) {
		return err
	}
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		err = fmt.Errorf("%w: %w", end, err)
	}
	if errors.Is(err, context.Canceled) { // no caller waits
		return err
	}
	return asUnavailable(err)
}

// asUnavailable marks err with ErrUnavailable, once.
func asUnavailable(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// hideValues hides the server's message of a data exception (class 22), which may quote a
// value. errors.As still finds the *pq.Error.
func hideValues(err error, server *pq.Error) error {
	if !strings.HasPrefix(string(server.Code), "22") {
		return err
	}
	return valueError{server}
}

// A valueError is a data exception without the server's message.
type valueError struct{ server *pq.Error }

func (e valueError) Error() string { return fmt.Sprintf("pq: value refused (%s)", e.server.Code) }

func (e valueError) Unwrap() error { return e.server }
