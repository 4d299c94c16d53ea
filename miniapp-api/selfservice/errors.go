package selfservice

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// An Error is a refusal or failure that the caller can act on, with the data of one occurrence.
// It has no HTTP status and no display text; a channel adds those by its code.
type Error struct {
	Code string // stable, in upper snake case; front ends switch on it

	Fields      []FieldError
	Remaining   *int       // attempts left
	RetryAfter  int        // seconds; 0 = the default of the code
	LockedUntil *time.Time // set for the owner only; nil with Remaining 0: only a reset unlocks

	Pending         *PendingLink    // the verification started with LINK_PROOF_REQUIRED
	TransferOffered bool            // with ALREADY_LINKED: the link can be transferred
	SMSOffered      bool            // with RESET_UNAVAILABLE, RESET_LIMIT: a code to the phone on file is possible
	FaceFirst       bool            // with LINK_REFUSED: the face can be verified before the password
	Transfer        *store.Transfer // the waiting transfer, with TRANSFER_WAITING
	Closed          *ClosedChannel  // with CHANNEL_CLOSED

	cause error // for the log; never shown, never contains user input
}

// A FieldError says which field is wrong and why, without its value. Text is a Chinese sentence
// if only the package that found the error can phrase it; otherwise "", and the channel adds
// one.
type FieldError struct{ Field, Code, Text string }

// A PendingLink is a link that waits for a face verification, or for a code sent to the phone on
// file.
type PendingLink struct {
	ID                    uuid.UUID
	CertifyID, CertifyURL string // the provider's identifier of the verification and the URL of its page; "" for a code
	Phone                 string // masked; "" for a face
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

// The errors of a Service: of the session, of the input, of permission, and failures.
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

	ErrCodeWrong = &Error{Code: "SMS_CODE_WRONG"} // with Remaining
	ErrCodeGone  = &Error{Code: "SMS_CODE_GONE"}
	ErrCodeLimit = &Error{Code: "SMS_CODE_LIMIT"} // with RetryAfter
	ErrNoPhone   = &Error{Code: "NO_PHONE_ON_FILE"}

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

	ErrChannelClosed   = &Error{Code: "CHANNEL_CLOSED"}
	ErrTooManyRequests = &Error{Code: "TOO_MANY_REQUESTS"}
	ErrBusy            = &Error{Code: "BUSY"}
	ErrResultUnknown   = &Error{Code: "RESULT_UNKNOWN"}
	ErrInternal        = &Error{Code: "INTERNAL"}
)

// translations maps errors of other packages to errors of the table above. The first match
// counts; an error without a match is ErrInternal.
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

// AsError returns err as an *Error. It maps the errors of packages store and passwd; any other
// error becomes ErrInternal with err as its cause.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	for _, t := range translations {
		if errors.Is(err, t.err) {
			return t.as.WithCause(err)
		}
	}
	return ErrInternal.WithCause(err)
}

// WithCause returns a copy of e whose Unwrap returns err.
func (e *Error) WithCause(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

// WithFields returns a copy of e with these field errors.
func (e *Error) WithFields(fields ...FieldError) *Error {
	c := *e
	c.Fields = fields
	return &c
}

// withRemaining returns a copy of e with n attempts left.
func (e *Error) withRemaining(n int) *Error {
	c := *e
	c.Remaining = &n
	return &c
}

// withLock returns a copy of e with the end of the lock. A lock longer than permanentLock only
// ends with a reset, so the copy has no end.
func (e *Error) withLock(until, now time.Time) *Error {
	c := *e
	c.Remaining = new(0)
	if until.Sub(now) > permanentLock {
		return &c
	}
	c.LockedUntil = &until
	c.RetryAfter = int(until.Sub(now).Seconds()) + 1
	return &c
}

// withSMSOffered returns a copy of e which says that a code to the phone on file is possible.
func (e *Error) withSMSOffered() *Error {
	c := *e
	c.SMSOffered = true
	return &c
}

// WithRetryAfter returns a copy of e with the seconds to wait before a retry.
func (e *Error) WithRetryAfter(seconds int) *Error {
	c := *e
	c.RetryAfter = seconds
	return &c
}

// permanentLock is longer than any lock that expires.
const permanentLock = 10 * 365 * 24 * time.Hour
