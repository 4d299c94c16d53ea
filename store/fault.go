package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lib/pq"
)

var (
	// errBroken says that the connection was lost during a call. It hides
	// driver.ErrBadConn, on which database/sql would run the statement again.
	errBroken = errors.New("store: connection broken")

	// errStale says that a statement prepared earlier no longer fits the
	// schema; it is prepared anew at its next use.
	errStale = errors.New("store: prepared statement is stale")

	// errUnreplicated says that a commit stands on the primary alone.
	errUnreplicated = errors.New("store: standby did not confirm the commit")
)

// A startError came up before the first statement of a transaction could run.
type startError struct{ error }

func (e startError) Unwrap() error { return e.error }

// sqlState is the SQLSTATE of a server's error, or "".
func sqlState(err error) string {
	var e *pq.Error
	if !errors.As(err, &e) {
		return ""
	}
	return string(e.Code)
}

// sqlClass is the first two characters of sqlState.
func sqlClass(err error) string {
	if s := sqlState(err); len(s) == 5 {
		return s[:2]
	}
	return ""
}

// repeatable says that nothing happened and that the same may succeed in a
// moment. What took too long once is not tried again.
func repeatable(err error) bool {
	var start startError
	switch {
	case errors.Is(err, ErrUnknownOutcome):
		return false
	case errors.As(err, &start):
		return sqlClass(err) != "28" && sqlClass(err) != "3D" // no such login or database
	case contextEnded(err):
		return false
	}
	return errors.Is(err, errStale) || errors.Is(err, errAgain) || sqlClass(err) == "40" || away(err)
}

// away says that the database could not be used.
func away(err error) bool {
	var start startError
	if errors.Is(err, errBroken) || errors.As(err, &start) {
		return true
	}
	switch sqlClass(err) {
	case "08", "53", "57":
		return true
	}
	switch sqlState(err) {
	case "25006", // demoted to standby
		"25P03": // this process got no processor for so long that the server ended the transaction, see sessionSettings
		return true
	}
	return false
}

func contextEnded(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// committed sorts an error of COMMIT: rolled back for certain, or unknown.
func committed(err error) error {
	switch {
	case err == nil:
		return nil
	case sqlClass(err) == "40", sqlClass(err) == "23", errors.Is(err, pq.ErrInFailedTransaction):
		return err
	}
	return fmt.Errorf("%w: %v", ErrUnknownOutcome, err)
}

// told is what a caller learns: ErrUnavailable when the database could not be
// used in time, and the context's error too when ctx has ended. Other errors
// stay as they are.
func told(ctx context.Context, err error) error {
	if err == nil || !away(err) && !repeatable(err) && !contextEnded(err) {
		return err
	}
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		err = fmt.Errorf("%w: %w", end, err)
	}
	if errors.Is(err, context.Canceled) { // nobody is there to hear more
		return err
	}
	return asUnavailable(err)
}

// asUnavailable marks err as ErrUnavailable, once.
func asUnavailable(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// refused hides the server's text where it quotes a value (class 22: data
// exception). The *pq.Error stays within reach for its code.
func refused(err error, server *pq.Error) error {
	if !strings.HasPrefix(string(server.Code), "22") {
		return err
	}
	return valueError{server}
}

type valueError struct{ server *pq.Error }

func (e valueError) Error() string { return fmt.Sprintf("pq: value refused (%s)", e.server.Code) }

func (e valueError) Unwrap() error { return e.server }
