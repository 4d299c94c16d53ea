package selfservice

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// An Error is a refusal or a failure that a caller can act on, with the data of one
// occurrence. It has no status and no sentence: a channel presents it by its code.
type Error struct {
	Code string // stable, upper snake case: front ends switch on it

	Fields      []FieldError
	Remaining   *int       // attempts left
	RetryAfter  int        // seconds; 0 = what the code usually asks for
	LockedUntil *time.Time // only told to the owner; nil with no attempt left: only a reset unlocks

	Pending         *PendingLink    // what LINK_PROOF_REQUIRED has started
	TransferOffered bool            // with ALREADY_LINKED: the link can be transferred
	FaceFirst       bool            // with LINK_REFUSED: the face can be shown before the password is checked
	Transfer        *store.Transfer // the waiting transfer, with TRANSFER_WAITING

	cause error // for the log: never shown, never holds a value
}

// A FieldError says what is wrong with one field, without its value. Text is ready to
// show where only the package that found the fault can word it; else the channel does.
type FieldError struct{ Field, Code, Text string }

// A PendingLink is a link that waits for the citizen's face.
type PendingLink struct {
	ID                    uuid.UUID
	CertifyID, CertifyURL string // of the provider's verification and its page
	ExpiresAt             time.Time
}

// Error implements error.
func (e *Error) Error() string { return e.Code }

// Unwrap makes the cause visible to errors.Is.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether two errors have the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// The codes. Order: who you are, what you asked, what is allowed, what is broken.
var (
	ErrSessionExpired = &Error{Code: "SESSION_EXPIRED"}

	ErrBadRequest = &Error{Code: "BAD_REQUEST"}

	ErrNotLinked             = &Error{Code: "NOT_LINKED"}
	ErrAlreadyLinked         = &Error{Code: "ALREADY_LINKED"}
	ErrTransferWaiting       = &Error{Code: "TRANSFER_WAITING"}
	ErrTransferRejected      = &Error{Code: "TRANSFER_REJECTED"}
	ErrTransferUndeliverable = &Error{Code: "TRANSFER_UNDELIVERABLE"}
	ErrTransferLimit         = &Error{Code: "TRANSFER_LIMIT"}
	ErrTransferGone          = &Error{Code: "TRANSFER_GONE"}
	ErrLinkRefused           = &Error{Code: "LINK_REFUSED"}
	ErrLinkProofRequired     = &Error{Code: "LINK_PROOF_REQUIRED"}
	ErrLinkProofLimit        = &Error{Code: "LINK_PROOF_LIMIT"}
	ErrLinkGone              = &Error{Code: "LINK_GONE"}
	ErrConsentRequired       = &Error{Code: "CONSENT_REQUIRED"}
	ErrConsentOutdated       = &Error{Code: "CONSENT_OUTDATED"}
	ErrConsentInUse          = &Error{Code: "CONSENT_IN_USE"}
	ErrNoSuchAccount         = &Error{Code: "NO_SUCH_ACCOUNT"}
	ErrAccountClosed         = &Error{Code: "ACCOUNT_CLOSED"}
	ErrAccountFrozen         = &Error{Code: "ACCOUNT_FROZEN"}
	ErrPasswordFrozen        = &Error{Code: "PASSWORD_FROZEN"}

	ErrPhoneRefused = &Error{Code: "PHONE_REFUSED"}

	ErrOldPasswordWrong = &Error{Code: "OLD_PASSWORD_WRONG"}
	ErrPasswordLocked   = &Error{Code: "PASSWORD_LOCKED"}

	ErrChangeInProgress  = &Error{Code: "CHANGE_IN_PROGRESS"}
	ErrChangeGone        = &Error{Code: "CHANGE_GONE"}
	ErrResetGone         = &Error{Code: "RESET_GONE"}
	ErrResetUnavailable  = &Error{Code: "RESET_UNAVAILABLE"}
	ErrResetLimit        = &Error{Code: "RESET_LIMIT"}
	ErrResetCodeWrong    = &Error{Code: "RESET_CODE_WRONG"}
	ErrIdentityNotProven = &Error{Code: "IDENTITY_NOT_PROVEN"}
	ErrPasswordMismatch  = &Error{Code: "PASSWORD_MISMATCH"}
	ErrPasswordWeak      = &Error{Code: "PASSWORD_WEAK"}
	ErrPasswordSame      = &Error{Code: "PASSWORD_SAME"}
	ErrPasswordReused    = &Error{Code: "PASSWORD_REUSED"}
	ErrNotOffered        = &Error{Code: "NOT_OFFERED"}

	ErrTooManyRequests = &Error{Code: "TOO_MANY_REQUESTS"}
	ErrBusy            = &Error{Code: "BUSY"}
	ErrResultUnknown   = &Error{Code: "RESULT_UNKNOWN"}
	ErrInternal        = &Error{Code: "INTERNAL"}
)

// translations say what an error of another room means to a caller. The first
// match counts. What is missing here is INTERNAL.
var translations = []struct {
	err error
	as  *Error
}{
	{store.ErrUnknownOutcome, ErrResultUnknown},
	{store.ErrUnavailable, ErrBusy},
	{store.ErrRunning, ErrBusy},
	{store.ErrLapsed, ErrBusy},
	{store.ErrRenamed, ErrBusy},
	{passwd.ErrBusy, ErrBusy},
	{passwd.ErrClosed, ErrBusy},
	{ErrDocumentUnsupported, ErrBadRequest},
	{context.DeadlineExceeded, ErrBusy},
	{context.Canceled, ErrBusy},
}

// AsError finds the entry of the table that err stands for.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	for _, t := range translations {
		if errors.Is(err, t.err) {
			return t.as.Because(err)
		}
	}
	return ErrInternal.Because(err)
}

func (e *Error) Because(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

// WithFields adds everything that is wrong at once.
func (e *Error) WithFields(fields ...FieldError) *Error {
	c := *e
	c.Fields = fields
	return &c
}

// withRemaining tells the owner how many attempts are left.
func (e *Error) withRemaining(n int) *Error {
	c := *e
	c.Remaining = &n
	return &c
}

// withLock tells the owner when the lock opens. The far future means that
// only a reset opens it.
func (e *Error) withLock(until, now time.Time) *Error {
	c := *e
	c.Remaining = new(0)
	if until.Sub(now) > resetOnly {
		return &c
	}
	c.LockedUntil = &until
	c.RetryAfter = int(until.Sub(now).Seconds()) + 1
	return &c
}

func (e *Error) WithRetryAfter(seconds int) *Error {
	c := *e
	c.RetryAfter = seconds
	return &c
}

// resetOnly is longer than any lock that ends by itself.
const resetOnly = 10 * 365 * 24 * time.Hour
