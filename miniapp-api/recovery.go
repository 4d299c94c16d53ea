package miniapp

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/signing"
	"fundpass/store"
)

type recoveryRequest struct {
	Name      string `json:"name"`
	IDType    string `json:"id_type"`
	IDNumber  string `json:"id_number"`
	AccountNo string `json:"account_no"`
}

type recoveryReply struct {
	ID         uuid.UUID           `json:"id"`
	State      string              `json:"state"`
	CertifyID  string              `json:"certify_id"`  // for my.startAPVerify
	CertifyURL string              `json:"certify_url"` // for my.startAPVerify
	ExpiresAt  time.Time           `json:"expires_at"`
	Rules      []passwd.PublicRule `json:"rules"` // of the new password
}

// openRecovery begins the way in for who has forgotten the password and is not linked:
// whoever shows the face that belongs to the centre's record is linked and sets a new
// password. Of a person the centre knows, its record is verified; of anybody else, what
// the form says. So the answer is the same for everybody, and only who has passed, and
// therefore is that very person, learns whether there is an account. Whatever comes after
// the account was looked for leaves on the beat.
func (s *Server) openRecovery(ctx context.Context, v visit, in recoveryRequest) (recoveryReply, error) {
	begun := time.Now()
	who, wrong := claimOf(in.Name, in.IDType, in.IDNumber, in.AccountNo, s.documents, s.db.Now())
	switch {
	case len(wrong) > 0:
		return recoveryReply{}, ErrBadRequest.withFields(wrong...)
	case v.Link != nil:
		return recoveryReply{}, ErrAlreadyLinked
	}
	claimed := store.Account{
		PersonDigest: s.db.PersonDigest(who.doc.Key()),
		Person:       store.Person{Name: who.name, IDType: in.IDType, IDNumber: who.doc.Number},
	}
	by, err := s.verification(claimed.Person)
	if err != nil {
		return recoveryReply{}, err
	}
	if err := s.agreedToRecovery(ctx, v); err != nil {
		return recoveryReply{}, err
	}
	known, err := s.db.RecoverableAccount(ctx, claimed.PersonDigest, who.accountNo)
	if err != nil {
		return recoveryReply{}, err
	}
	if known != nil && document.SameName(known.Person.Name, who.name, who.doc.Kind) {
		claimed = *known
		claimed.Person.IDNumber = who.doc.Number // the same document, in the form that everybody's has here
	}
	r, page, err := s.startRecovery(ctx, v, claimed, by)
	awaitBeat(ctx, begun)
	if errors.Is(err, signing.ErrConfiguration) { // name and number do not fit, by Alipay's word: this stays charged
		return recoveryReply{}, ErrLinkRefused.because(err)
	} else if err != nil {
		return recoveryReply{}, err
	}
	return recoveryReply{r.ID, r.State, page.ID, page.URL, r.ExpiresAt, s.rules}, nil
}

// agreedToRecovery wants the consents that a link by a face wants, as far as the centre
// asks for them.
func (s *Server) agreedToRecovery(ctx context.Context, v visit) error {
	agreed, err := s.agreed(ctx, v)
	if err != nil {
		return err
	}
	purposes := []string{PurposeLink}
	if slices.ContainsFunc(s.offeredConsents(), func(t ConsentText) bool { return t.Purpose == PurposeFace }) {
		purposes = append(purposes, PurposeFace)
	}
	return agreed.needs(ctx, purposes...)
}

func (s *Server) startRecovery(ctx context.Context, v visit, a store.Account, by signing.Verification) (store.Recovery, signing.Certification, error) {
	start, err := s.db.ChargeRecovery(ctx, v.Session, a.PersonDigest, linkProofsADay)
	switch {
	case errors.Is(err, store.ErrLimit):
		return store.Recovery{}, signing.Certification{}, ErrLinkProofLimit.retryAfter(untilMidnight(s.db.Now()))
	case err != nil:
		return store.Recovery{}, signing.Certification{}, err
	}
	r := store.Recovery{ID: uuid.New(), Kind: string(by), PersonDigest: a.PersonDigest, CredentialVersion: a.Version, Start: start}
	if a.ID != uuid.Nil {
		r.AccountID = uuid.NullUUID{UUID: a.ID, Valid: true}
	}
	opening := face{start: start, account: a, id: r.ID, kind: r.Kind, claimed: true}
	page, err := s.openFace(ctx, opening, func(ctx context.Context, certifyID string) (err error) {
		r.CertifyID = certifyID
		r, err = s.db.OpenRecovery(ctx, v.Session, r)
		return err
	})
	if errors.Is(err, store.ErrConflict) { // two taps at once; the other one stands
		err = ErrBusy.because(err)
	}
	return r, page, err
}

// showRecovery says how far a recovery is. Who has passed and has no account is told.
func (s *Server) showRecovery(ctx context.Context, v visit, _ none) (resetReply, error) {
	if v.ID == uuid.Nil { // the path has no id that we ever gave
		return resetReply{}, ErrNotFound
	}
	r, err := s.db.Recovery(ctx, v.Session, v.ID)
	if errors.Is(err, store.ErrNotFound) {
		return resetReply{ID: v.ID, State: resetUnknown}, nil
	} else if err != nil {
		return resetReply{}, err
	}
	reply := resetReply{ID: r.ID, State: r.State}
	switch r.State {
	case store.LinkProofUsed:
		reply.State = store.ResetDone
	case store.LinkProofReplaced:
		reply.State = store.ResetCancelled
	case store.LinkProofStarted:
		reply.ExpiresAt = &r.ExpiresAt
		_, err = s.recoveredAccount(ctx, r)
		switch {
		case err == nil:
			reply.State = store.ResetPassed
		case errors.Is(err, ErrIdentityNotProven):
			err = nil
		}
	}
	return reply, err
}

// recoveredAccount is the account of a recovery whose person Alipay has verified.
func (s *Server) recoveredAccount(ctx context.Context, r store.Recovery) (store.Account, error) {
	switch verdict, err := s.facePassed(ctx, r.Kind, r.CertifyID); {
	case err != nil:
		return store.Account{}, err
	case verdict != signing.Passed:
		return store.Account{}, ErrIdentityNotProven
	case !r.AccountID.Valid:
		return store.Account{}, ErrLinkRefused
	}
	account, err := s.db.LinkedAccount(ctx, r.AccountID.UUID)
	if errors.Is(err, store.ErrNotFound) { // erased meanwhile
		return store.Account{}, ErrLinkRefused
	} else if err != nil {
		return store.Account{}, err
	}
	return account, resettable(account)
}

// confirmRecovery links the citizen who has passed, and sets the new password.
func (s *Server) confirmRecovery(ctx context.Context, v visit, in confirmRequest) (confirmReply, error) {
	sent, err := s.unseal(ctx, v, passwords{New: in.New, Again: in.Again}, in.Encrypted)
	if err != nil {
		return confirmReply{}, err
	}
	in.New, in.Again = sent.New, sent.Again
	r, err := s.db.Recovery(ctx, v.Session, v.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return confirmReply{}, ErrResetGone
	case err != nil:
		return confirmReply{}, err
	case v.Again && r.State == store.LinkProofUsed && v.Link != nil && v.Link.AccountID == r.AccountID.UUID: // it happened, and the answer was lost
		return confirmReply{r.ID, store.ResetDone, v.Link.Password.ChangedAt, 0, s.notifies(ctx, v)}, nil
	case r.State != store.LinkProofStarted:
		return confirmReply{}, ErrResetGone
	case v.Link != nil:
		return confirmReply{}, ErrAlreadyLinked
	}
	if err := s.agreedToRecovery(ctx, v); err != nil {
		return confirmReply{}, err
	}
	account, err := s.recoveredAccount(ctx, r)
	if err != nil {
		return confirmReply{}, err
	}
	fingerprints := s.db.PasswordFingerprints(account, in.New.Normalised())
	h := s.hashing(v)
	defer h.end()
	if err := s.acceptable(ctx, h, in, false, account, fingerprints); err != nil {
		return confirmReply{}, err
	}
	if err := s.notThePresent(ctx, h, in.New, account); err != nil {
		return confirmReply{}, err
	}
	return s.finishRecovery(ctx, v, h, recovering{r, account, in.New, fingerprints[0]})
}

// A recovering is a recovery as it stood when its confirm came.
type recovering struct {
	recovery    store.Recovery
	account     store.Account
	password    passwd.Secret
	fingerprint []byte
}

// finishRecovery hashes, and lets the store decide who won.
func (s *Server) finishRecovery(ctx context.Context, v visit, h *hashing, r recovering) (confirmReply, error) {
	hash, err := h.last(ctx, r.password)
	if err != nil {
		return confirmReply{}, err
	}
	done, err := s.db.FinishRecovery(ctx, v.Session, r.account, store.NewPassword{Hash: hash, Fingerprint: r.fingerprint}, r.recovery)
	switch {
	case errors.Is(err, store.ErrGone), errors.Is(err, store.ErrNotFound):
		return confirmReply{}, ErrResetGone
	case errors.Is(err, store.ErrConflict):
		return confirmReply{}, ErrAlreadyLinked
	case errors.Is(err, store.ErrBlocked):
		return confirmReply{}, s.resetBlocked(ctx, r.account.ID)
	case err != nil:
		return confirmReply{}, err
	}
	return confirmReply{r.recovery.ID, store.ResetDone, &done.At, done.SessionsEnded, s.notifies(ctx, v)}, nil
}
