package selfservice

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/store"
)

// Link links the caller to the fund account whose password or reset code they give and to whose
// holder an accepted proof belongs, and returns the account. If a proof is missing it returns
// ErrLinkProofRequired with the possible ones. An unverified caller gets ErrLinkRefused for a
// wrong name, document, password or code and for a locked account, after the same work and a
// padded time, so that a refusal does not reveal whether the account exists.
func (s *Service) Link(ctx context.Context, c Caller, in LinkInput) (store.Account, error) {
	begun := time.Now()
	who, err := readApplicant(in, s.documents, s.db.Now())
	if err != nil {
		return store.Account{}, err
	}
	accepted, err := s.proofsOn(ctx, c.Channel)
	if err != nil {
		return store.Account{}, err
	}
	l := linkRequest{applicant: who, person: who.personDigest(s.db), again: c.Link != nil, accepted: accepted,
		scope: store.PublicScope, faceScope: s.db.Digest("scope of a face", c.IdentityDigest)}
	if l.again && (in.FaceFirst || !c.IsRetry || !bytes.Equal(l.person, c.Link.PersonDigest)) {
		return store.Account{}, ErrAlreadyLinked // a request for another person is not a retry of the one that made the link
	}
	if l.consents, err = s.consents.load(ctx, c); err != nil {
		return store.Account{}, err
	}
	if in.FaceFirst {
		return store.Account{}, s.startFaceFirst(ctx, c, l)
	}
	found, err := s.verifyApplicant(ctx, c, l)
	if err == nil && found.outcome() == outcomeNeedsProof {
		err = s.requestProof(ctx, c, l, found)
	}
	if errors.Is(err, ErrLinkRefused) {
		awaitQuantum(ctx, begun)
	}
	if err != nil {
		return store.Account{}, found.attempt.passAfter(ctx, s.offerFaceFirst(l, err))
	}
	account, err := s.writeLink(ctx, c, found)
	return account, found.attempt.passAfter(ctx, err)
}

// A linkRequest is a request for a link: what the caller claims, what may prove it, and what has
// been shown of that. Except for the password, all of it is collected before the password is
// checked, in the same way for every caller, so that it reveals nothing about the person.
type linkRequest struct {
	applicant
	person    []byte // digest of the claimed person
	consents  consentSet
	accepted  proofs  // on the caller's channel
	permitted []Proof // proofs that the caller consented to
	scope     []byte  // the lockout scope of the attempt

	// faceScope is the scope of applicants whose face was verified on this user's phone. It is a
	// digest that does not name the user, because the phone may belong to a relative who is not
	// linked.
	faceScope []byte

	certdoc bool             // the provider confirms that its user is the claimed person
	phone   string           // verified in this session; "" = none
	face    *store.LinkProof // verified first, of the claimed person; nil if not
	again   bool             // an earlier run of this request linked this person
}

// verified reports whether the caller is known to be the claimed person and therefore has a
// scope of their own, which strangers cannot exhaust.
func (l linkRequest) verified() bool { return !bytes.Equal(l.scope, store.PublicScope) }

// proofsOn returns the proofs that a channel accepts.
func (s *Service) proofsOn(ctx context.Context, channel Channel) (proofs, error) {
	all, err := s.registry.entries(ctx)
	return s.accepted.on(entryOf(all, channel)), err
}

// verifyApplicant collects the proofs, then checks the password or the reset code. It returns a
// candidate that is accepted or needs a proof, or ErrLinkRefused.
func (s *Service) verifyApplicant(ctx context.Context, c Caller, l linkRequest) (found candidate, err error) {
	l, err = s.collectProofs(ctx, c, l)
	switch {
	case err != nil:
		return candidate{}, err
	case l.face != nil && l.face.State == store.LinkProofReplaced:
		found = provenBy(*l.face) // by an earlier run, which found the password right
		found.takeOver = true
		return found, nil
	case l.code != "":
		found, err = s.verifyCode(ctx, c, l)
	default:
		found, err = s.verifyPassword(ctx, c, l)
	}
	if err == nil && found.account.Ended() {
		err = ErrAccountClosed // before a proof is requested, which may be billed
	}
	found.takeOver = l.takeOver
	return found, err
}

// collectProofs looks for a verified face, compares the provider's user with the claimed person
// if that is accepted, and sets the scope of the attempt.
func (s *Service) collectProofs(ctx context.Context, c Caller, l linkRequest) (linkRequest, error) {
	var err error
	if l.permitted, err = l.consents.permittedProofs(ctx, l.accepted.union()); err != nil {
		return l, err
	}
	if l.again {
		l.scope = c.IdentityDigest
		return l, nil
	}
	if l.faceID != uuid.Nil {
		if l.face, err = s.passedFace(ctx, c, l); err != nil || l.face.State == store.LinkProofReplaced {
			return l, err
		}
		l.scope = l.faceScope
	}
	if slices.Contains(l.permitted, ProofCertdoc) {
		if l.certdoc, err = s.matchPerson(ctx, c, l); err != nil {
			return l, err
		}
		if l.certdoc {
			l.scope = c.IdentityDigest
		}
	}
	if slices.Contains(l.permitted, ProofPhone) {
		l.phone = c.Phone
	}
	if l.needsPhone() {
		return l, proofRequired([]Proof{ProofPhone})
	}
	return l, nil
}

// passedFace returns the verification of this applicant that was passed in the caller's
// session. It returns ErrLinkGone if there is none, and ErrIdentityNotProven if it was not
// passed. If this is the retry of a transfer, the face may be replaced; see candidate.resumes.
func (s *Service) passedFace(ctx context.Context, c Caller, l linkRequest) (*store.LinkProof, error) {
	if !slices.Contains(l.permitted, ProofFace) {
		return nil, consentRequired([]Proof{ProofFace})
	}
	proof, err := s.db.LinkProof(ctx, c.Session, l.faceID)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && !bytes.Equal(proof.Claim, l.digest(s.db)):
		return nil, ErrLinkGone
	case err != nil:
		return nil, err
	case proof.State == store.LinkProofReplaced && l.takeOver && c.IsRetry:
		return &proof, nil
	case proof.State != store.LinkProofStarted:
		return nil, ErrLinkGone
	}
	return &proof, s.requireFace(ctx, proof)
}

// matchPerson reports whether name and document are those of the provider's user. A document
// that the provider cannot compare is refused only if certdoc is the only proof.
func (s *Service) matchPerson(ctx context.Context, c Caller, l linkRequest) (bool, error) {
	verified, err := s.provider.MatchPerson(ctx, c.Visitor.AccessToken, Person{
		Name: l.name, IDType: l.doc.Certdoc(), IDNumber: l.doc.Number,
	})
	if errors.Is(err, ErrDocumentUnsupported) {
		if len(l.permitted) > 1 {
			return false, nil
		}
		return false, ErrBadRequest.WithFields(counterOnly)
	}
	return verified, err
}

// verifyCode finds the claimed person's account by a reset code, which replaces a password they
// do not know. It does not use up the code; the reset that must follow does. Every failure is
// ErrLinkRefused. If certdoc is accepted, a caller who does not match is refused without a try.
// Otherwise the tries of unverified callers are limited separately and count as attempts at
// many people.
func (s *Service) verifyCode(ctx context.Context, c Caller, l linkRequest) (candidate, error) {
	if slices.Contains(l.permitted, ProofCertdoc) && !l.verified() || len(l.permitted) == 0 && !l.again {
		return candidate{}, ErrLinkRefused
	}
	trying, stop := Detached(ctx)
	defer stop()
	req := store.AttemptRequest{PersonDigest: l.person, AccountNo: l.accountNo}
	if !l.verified() {
		req.Source = s.spraying.source(c)
	}
	code, refusal, err := s.db.CheckResetCode(trying, c.Session, req, l.code)
	logSpentCode(ctx, s.log, c, err)
	if refused := s.spraying.check(ctx, c, refusal, s.db.Now()); refused != nil {
		return candidate{}, refused
	}
	if errors.Is(err, store.ErrCode) || err == nil && !document.SameName(code.Account.Person.Name, l.name, l.doc.Kind) {
		err = ErrLinkRefused
	}
	if err != nil {
		return candidate{}, err
	}
	found := s.selectProof(code.Account, code.Account.State, l)
	if found.outcome() == outcomeRefused {
		return candidate{}, ErrLinkRefused
	}
	found.codeID = code.ID
	if found.face != nil {
		found.face.CodeID = code.ID
	}
	return found, nil
}

// verifyPassword reserves an attempt at the claimed person's password and checks it. Every
// failure is ErrLinkRefused and does the same work.
func (s *Service) verifyPassword(ctx context.Context, c Caller, l linkRequest) (candidate, error) {
	attempt, err := s.reserveAttempt(ctx, c, l)
	if err != nil {
		return candidate{}, err
	}
	defer attempt.end()
	begun := time.Now()
	right, upgrade, err := attempt.verify(ctx, l.password)
	if err != nil {
		return candidate{}, err
	}
	s.floor.observe(attempt.Attempt, time.Since(begun))
	var found candidate
	if a := attempt.Account; right && document.SameName(a.Person.Name, l.name, l.doc.Kind) && a.State != store.PasswordFrozen {
		found = s.selectProof(*a, effectiveState(s.policy, *a, l.password), l)
	}
	if found.outcome() == outcomeAccepted {
		found.attempt = attempt // passed with the link
	} else if err := attempt.fail(ctx, found.outcome() == outcomeNeedsProof); err != nil {
		return candidate{}, err
	}
	if found.outcome() == outcomeRefused {
		attempt.end() // waiting needs no slot
		if err := attempt.lockoutError(l.verified()); err != nil {
			return candidate{}, err
		}
		s.floor.await(ctx, begun)
		return candidate{}, ErrLinkRefused
	}
	found.account, err = s.updateCredential(ctx, attempt.slot, found.account, l.password, upgrade)
	return found, err
}

// reserveAttempt charges an attempt to the claimed person, and to the caller unless they are
// verified as that person. The caller must end the check.
func (s *Service) reserveAttempt(ctx context.Context, c Caller, l linkRequest) (*check, error) {
	req := store.AttemptRequest{PersonDigest: l.person, Scope: l.scope, AccountNo: l.accountNo,
		Policy: lockoutPolicy(s.policy), Record: c.Record}
	if !l.verified() {
		req.Source = s.spraying.source(c)
	}
	attempt, err := s.beginCheck(ctx, c, req)
	if err != nil {
		return nil, err
	}
	if err := s.spraying.check(ctx, c, attempt.Spraying, s.db.Now()); err != nil {
		attempt.end()
		return nil, err
	}
	return attempt, nil
}

// writeLink writes the link of an accepted candidate. If another user is linked to the person,
// it returns the result of alreadyLinked. It uses up a face that was verified first.
func (s *Service) writeLink(ctx context.Context, c Caller, found candidate) (store.Account, error) {
	if found.by == ProofNone && found.account.State == store.PasswordInitial {
		if err := s.db.MustChange(ctx, found.account); err != nil {
			return store.Account{}, err
		}
		found.account.State = store.PasswordMustChange
	}
	err := s.addLink(ctx, c, found)
	switch {
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrGone) && found.resumes():
		return s.alreadyLinked(ctx, c, found)
	case errors.Is(err, store.ErrBlocked): // ended meanwhile
		return store.Account{}, ErrAccountClosed
	case errors.Is(err, store.ErrNotFound): // assigned to another person meanwhile
		return store.Account{}, ErrLinkRefused
	case errors.Is(err, store.ErrGone) && found.face != nil:
		return store.Account{}, ErrLinkGone
	case errors.Is(err, store.ErrGone):
		return store.Account{}, ErrSessionExpired
	case err != nil:
		return store.Account{}, err
	}
	return found.account, nil
}

// addLink writes the link and passes the attempt in one transaction.
func (s *Service) addLink(ctx context.Context, c Caller, found candidate) error {
	var err error
	if found.face == nil {
		err = s.db.AddLink(ctx, c.Session, found.account, found.attempt.pending())
	} else {
		err = s.db.FinishLink(ctx, c.Session, found.account, *found.face, found.attempt.pending())
	}
	found.attempt.setPassed(err)
	return err
}
