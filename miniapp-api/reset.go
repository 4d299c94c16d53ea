package miniapp

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"fundpass/keys/calendar"
	"fundpass/miniapp-api/passwd"
	"fundpass/signing"
	"fundpass/store"
)

// A ResetProof says how a forgotten password is reset online.
type ResetProof string

// Ways a centre can configure. A clerk's code works with both.
const (
	// ResetCertify asks Alipay to verify the citizen's face against the centre's record.
	ResetCertify ResetProof = "certify"

	// ResetOff is for a centre that has no contract for it.
	ResetOff ResetProof = "off"
)

// resetsADay is how many verifications a person, and an Alipay user, may start on a
// day: each is billed.
const resetsADay = 3

// Reset states only the API knows.
const (
	resetFailed  = "failed"  // Alipay's latest answer was no; the citizen may try again on its page
	resetUnknown = "unknown" // never there, or not this session's
)

type openResetRequest struct {
	Code passwd.Secret `json:"code"` // a clerk's, in place of a face
}

type resetReply struct {
	ID         uuid.UUID  `json:"id"`
	State      string     `json:"state"`
	CertifyID  string     `json:"certify_id,omitempty"`  // for my.startAPVerify, once
	CertifyURL string     `json:"certify_url,omitempty"` // for my.startAPVerify, once
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`  // while open
}

func replyOf(r store.Reset) resetReply {
	reply := resetReply{ID: r.ID, State: r.State}
	if r.State == store.ResetStarted || r.State == store.ResetPassed {
		reply.ExpiresAt = &r.ExpiresAt
	}
	return reply
}

// openReset begins the way back in for the linked owner: through Alipay's face
// verification, or with the code a clerk gave them. Who is to be verified is the
// centre's record of the linked account, never what a front end says.
func (s *Server) openReset(ctx context.Context, v visit, in openResetRequest) (resetReply, error) {
	account, err := s.db.LinkedAccount(ctx, v.Link.AccountID)
	if err != nil {
		return resetReply{}, err
	}
	if err := resettable(account); err != nil {
		return resetReply{}, err
	}
	if !in.Code.Empty() {
		return s.openResetWithCode(ctx, v, account, in.Code)
	}
	return s.openVerification(ctx, v, account)
}

// resettable says why an account's password cannot be reset. A frozen password can:
// proven identity is the way back from "不是我".
func resettable(a store.Account) error {
	switch {
	case a.Ended():
		return ErrAccountClosed
	case a.Status == store.StatusFrozen:
		return ErrAccountFrozen
	}
	return nil
}

func (s *Server) openVerification(ctx context.Context, v visit, a store.Account) (resetReply, error) {
	by, err := s.verification(a.Person)
	if err != nil {
		return resetReply{}, err
	}
	start, err := s.db.ChargeReset(ctx, v.Session, resetsADay)
	switch {
	case errors.Is(err, store.ErrLimit):
		return resetReply{}, ErrResetLimit.retryAfter(untilMidnight(s.db.Now()))
	case err != nil:
		return resetReply{}, err
	}
	reset := store.Reset{ID: uuid.New(), Kind: string(by), Start: start}
	page, err := s.openFace(ctx, face{start: start, account: a, id: reset.ID, kind: reset.Kind}, func(ctx context.Context, certifyID string) (err error) {
		reset.CertifyID = certifyID
		reset, err = s.db.OpenReset(ctx, v.Session, a, reset)
		return err
	})
	switch {
	case errors.Is(err, signing.ErrConfiguration): // no contract, or a record Alipay cannot verify: time heals neither
		return resetReply{}, ErrResetUnavailable.because(err)
	case err != nil:
		return resetReply{}, openResetError(err)
	}
	reply := replyOf(reset)
	reply.CertifyID, reply.CertifyURL = page.ID, page.URL
	return reply, nil
}

// verification is Alipay's product for this person, or ErrResetUnavailable.
func (s *Server) verification(p store.Person) (signing.Verification, error) {
	by, err := signing.VerificationFor(p.IDType, p.IDNumber)
	if err != nil || s.reset == ResetOff {
		return "", ErrResetUnavailable
	}
	return by, nil
}

func openResetError(err error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return ErrChangeInProgress
	case errors.Is(err, store.ErrNotFound):
		return ErrNotLinked
	}
	return err
}

// untilMidnight is how many seconds are left of the day in Beijing, rounded up.
func untilMidnight(now time.Time) int {
	_, midnight := calendar.Day(now)
	return int(midnight.Sub(now).Seconds()) + 1
}

// showReset says how far a reset is, and asks Alipay while identity is not proven.
func (s *Server) showReset(ctx context.Context, v visit, _ none) (resetReply, error) {
	if v.ID == uuid.Nil { // the path has no id that we ever gave
		return resetReply{}, ErrNotFound
	}
	if v.Link == nil {
		return resetReply{ID: v.ID, State: resetUnknown}, nil
	}
	reset, err := s.db.Reset(ctx, v.Session, v.ID)
	if errors.Is(err, store.ErrNotFound) {
		return resetReply{ID: v.ID, State: resetUnknown}, nil
	} else if err != nil {
		return resetReply{}, err
	}
	reply := replyOf(reset)
	switch verdict, err := s.checkIdentity(ctx, v, reset); {
	case errors.Is(err, ErrResetGone):
		return s.showReset(ctx, v, none{}) // it was closed while Alipay was asked
	case err != nil:
		return resetReply{}, err
	case verdict == signing.Passed:
		reply.State = store.ResetPassed
	case verdict == signing.Failed:
		reply.State = resetFailed
	}
	return reply, nil
}

// checkIdentity asks Alipay, while a reset is started, whether its person is who
// they say, and keeps a yes. The verdict of a reset that is closed is "".
func (s *Server) checkIdentity(ctx context.Context, v visit, r store.Reset) (signing.Verdict, error) {
	if r.State == store.ResetPassed {
		return signing.Passed, nil
	} else if r.State != store.ResetStarted {
		return "", nil
	}
	verdict, err := s.facePassed(ctx, r.Kind, r.CertifyID)
	if err != nil || verdict != signing.Passed {
		return verdict, err
	}
	err = s.db.PassReset(ctx, v.Session, r)
	if errors.Is(err, store.ErrGone) {
		err = ErrResetGone
	}
	return verdict, err
}

// confirmReset takes the new password twice, once identity is proven. A repeated
// confirm gets the first answer.
func (s *Server) confirmReset(ctx context.Context, v visit, in confirmRequest) (confirmReply, error) {
	sent, err := s.unseal(ctx, v, passwords{New: in.New, Again: in.Again}, in.Encrypted)
	if err != nil {
		return confirmReply{}, err
	}
	in.New, in.Again = sent.New, sent.Again
	reset, err := s.db.Reset(ctx, v.Session, v.ID)
	if errors.Is(err, store.ErrNotFound) {
		return confirmReply{}, ErrResetGone
	} else if err != nil {
		return confirmReply{}, err
	}
	account, err := s.db.LinkedAccount(ctx, reset.AccountID)
	if err != nil {
		return confirmReply{}, err
	}
	fingerprints := s.db.PasswordFingerprints(account, in.New.Normalised())
	if reset.Repeats(fingerprints...) && in.New.Equal(in.Again) {
		return s.resetDoneReply(ctx, v, reset), nil
	}
	reply, err := s.resetTo(ctx, v, in, resetting{reset, account, fingerprints})
	if errors.Is(err, ErrResetGone) || errors.Is(err, ErrPasswordSame) || errors.Is(err, ErrPasswordReused) {
		return s.unlessReset(ctx, v, fingerprints, err)
	}
	return reply, err
}

// A resetting is a reset as it stood when its confirm came.
type resetting struct {
	reset        store.Reset
	account      store.Account
	fingerprints [][]byte // of the new password
}

func (s *Server) resetTo(ctx context.Context, v visit, in confirmRequest, r resetting) (confirmReply, error) {
	switch verdict, err := s.checkIdentity(ctx, v, r.reset); {
	case err != nil:
		return confirmReply{}, err
	case verdict == "":
		return confirmReply{}, ErrResetGone
	case verdict != signing.Passed:
		return confirmReply{}, ErrIdentityNotProven
	}
	h := s.hashing(v)
	defer h.end()
	if err := s.acceptable(ctx, h, in, false, r.account, r.fingerprints); err != nil {
		return confirmReply{}, err
	}
	if err := s.notThePresent(ctx, h, in.New, r.account); err != nil {
		return confirmReply{}, err
	}
	return s.finishReset(ctx, v, h, in.New, store.NewPassword{Reset: r.reset, Fingerprint: r.fingerprints[0]})
}

// unlessReset answers a confirm that came too late with the first answer, when
// another run of the same confirm has just finished the reset.
func (s *Server) unlessReset(ctx context.Context, v visit, fingerprints [][]byte, late error) (confirmReply, error) {
	reset, err := s.db.Reset(ctx, v.Session, v.ID)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return confirmReply{}, err
	case err == nil && reset.Repeats(fingerprints...):
		return s.resetDoneReply(ctx, v, reset), nil
	}
	return confirmReply{}, late
}

// notThePresent refuses the password that is to be replaced, which may be known to
// others. Unlike in a change nobody has just typed it, so its hash is asked.
func (s *Server) notThePresent(ctx context.Context, h *hashing, password passwd.Secret, a store.Account) error {
	if a.Hash == "" { // an initial one, which the policy refuses
		return nil
	}
	same, err := h.verify(ctx, a.Hash, password)
	if err == nil && same {
		err = ErrPasswordSame
	}
	return err
}

// finishReset hashes, and lets the store decide who won.
func (s *Server) finishReset(ctx context.Context, v visit, h *hashing, password passwd.Secret, n store.NewPassword) (confirmReply, error) {
	var err error
	if n.Hash, err = h.last(ctx, password); err != nil {
		return confirmReply{}, err
	}
	done, err := s.db.FinishReset(ctx, v.Session, n)
	switch {
	case errors.Is(err, store.ErrConflict): // changed elsewhere: this reset can never succeed
		if _, err := s.db.CancelReset(ctx, v.Session, n.Reset.ID); err != nil && !errors.Is(err, store.ErrGone) {
			return confirmReply{}, err
		}
		return confirmReply{}, ErrResetGone
	case errors.Is(err, store.ErrGone):
		return confirmReply{}, ErrResetGone
	case errors.Is(err, store.ErrBlocked):
		return confirmReply{}, s.resetBlocked(ctx, n.Reset.AccountID)
	case err != nil:
		return confirmReply{}, err
	}
	return s.resetDoneReply(ctx, v, done), nil
}

// resetBlocked says what stopped a reset whose account was in order when it began.
func (s *Server) resetBlocked(ctx context.Context, id uuid.UUID) error {
	account, err := s.db.LinkedAccount(ctx, id)
	if err != nil {
		return err
	}
	if err := resettable(account); err != nil {
		return err
	}
	return ErrResetGone
}

func (s *Server) resetDoneReply(ctx context.Context, v visit, r store.Reset) confirmReply {
	return confirmReply{r.ID, r.State, r.ClosedAt, r.SessionsEnded, s.notifies(ctx, v)}
}

// cancelReset closes an open reset without an effect.
func (s *Server) cancelReset(ctx context.Context, v visit, _ none) (resetReply, error) {
	reset, err := s.db.CancelReset(ctx, v.Session, v.ID)
	if errors.Is(err, store.ErrGone) {
		return resetReply{}, ErrResetGone
	}
	return replyOf(reset), err
}
