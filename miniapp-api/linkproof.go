package miniapp

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"fundpass/signing"
	"fundpass/store"
)

// How many verifications for a link pass on a day: each is billed. Whoever knows a
// person's data and initial password can start them, so the person's own number is so
// high that a few strangers do not use it up; who is proven otherwise has no such limit.
const (
	linkProofsADay         = 3  // of an Alipay user
	linkProofsOfPersonADay = 30 // at a person, by all who are not proven
)

// faceStarts is how many starts a visitor has today.
func faceStarts(proven bool) store.StartLimit {
	if proven {
		return store.StartLimit{User: linkProofsADay}
	}
	return store.StartLimit{User: linkProofsADay, Person: linkProofsOfPersonADay}
}

// A PendingLink is a link that waits for the citizen's face.
type PendingLink struct {
	ID         uuid.UUID `json:"id"`
	CertifyID  string    `json:"certify_id"`  // for my.startAPVerify
	CertifyURL string    `json:"certify_url"` // for my.startAPVerify
	ExpiresAt  time.Time `json:"expires_at"`
}

// proofTexts are what the citizen is asked for, by proof.
var proofTexts = map[Proof]string{
	ProofFace:  "请完成刷脸验证",
	ProofPhone: "请授权获取手机号，核对是否与公积金预留手机号一致；与家人预留同一号码的，请用其他方式或到柜台办理",
}

// asks is LINK_PROOF_REQUIRED with the proofs that would do, the one asked for first.
func asks(proofs []Proof) *Error {
	var fields []FieldError
	for _, p := range proofs {
		fields = append(fields, FieldError{string(p), "PROOF_REQUIRED", proofTexts[p]})
	}
	return ErrLinkProofRequired.withFields(fields...)
}

// A rightLink is a password that was right and what is still to be shown.
type rightLink struct {
	account store.Account
	lane    []byte
	ask     []Proof
	claim   []byte           // digest of a claim that is verified before there is an account; nil: there is one
	face    *store.LinkProof // shown before the password was looked at; nil: was not
	relink  bool             // the link may be taken over
	code    uuid.UUID        // of the clerk's code that was right in place of the password; or none
}

// shown is the face that was shown first, now of the account.
func (r rightLink) shown() *store.LinkProof {
	if r.face == nil {
		return nil
	}
	p := *r.face
	p.CredentialVersion, p.CodeID = r.account.Version, r.code
	return &p
}

// askProof answers a right password that nothing accepted speaks for yet. Of what
// would do, what the citizen agreed to is asked for; a chosen one before the others.
func (s *Server) askProof(ctx context.Context, v visit, right rightLink, agreed agreement, chosen Proof) error {
	if chosen != "" {
		right.ask = slices.DeleteFunc(right.ask, func(p Proof) bool { return p != chosen })
	}
	if len(right.ask) == 0 {
		return ErrLinkRefused
	}
	may := slices.DeleteFunc(slices.Clone(right.ask), func(p Proof) bool { return !agreed.allows(string(p)) })
	if len(may) == 0 {
		return consentRequired(right.ask)
	}
	if may[0] != ProofFace {
		return asks(may)
	}
	if err := agreed.note(ctx, PurposeFace); err != nil {
		return err
	}
	pending, err := s.openLinkProof(ctx, v, right)
	if errors.Is(err, ErrLinkProofLimit) && len(may) > 1 {
		return asks(may[1:]) // what has no limit
	}
	if err != nil {
		return err
	}
	answer := asks(may)
	answer.Pending = &pending
	return answer
}

// openLinkProof asks Alipay to verify the holder of the account, by the centre's
// record; by what a front end says only where the face comes first, see askFaceFirst.
func (s *Server) openLinkProof(ctx context.Context, v visit, right rightLink) (PendingLink, error) {
	a := right.account
	by, err := signing.VerificationFor(a.Person.IDType, a.Person.IDNumber)
	if err != nil {
		return PendingLink{}, err
	}
	proven := right.claim == nil && !bytes.Equal(right.lane, store.PublicLane)
	start, err := s.db.ChargeLinkProof(ctx, v.Session, a.PersonDigest, faceStarts(proven))
	switch {
	case errors.Is(err, store.ErrLimit):
		return PendingLink{}, ErrLinkProofLimit.retryAfter(untilMidnight(s.db.Now()))
	case err != nil:
		return PendingLink{}, err
	}
	proof := store.LinkProof{ID: uuid.New(), Lane: right.lane, Kind: string(by), Relink: right.relink, CodeID: right.code, Claim: right.claim, Start: start}
	opening := face{start: start, account: a, id: proof.ID, kind: proof.Kind, claimed: right.claim != nil}
	page, err := s.openFace(ctx, opening, func(ctx context.Context, certifyID string) (err error) {
		proof.CertifyID = certifyID
		proof, err = s.db.OpenLinkProof(ctx, v.Session, a, proof)
		return err
	})
	if errors.Is(err, store.ErrConflict) { // two taps at once; the other one stands
		err = ErrBusy.because(err)
	}
	return PendingLink{proof.ID, page.ID, page.URL, proof.ExpiresAt}, err
}

// facePassed asks Alipay how a verification ended. Only its signed answer counts.
func (s *Server) facePassed(ctx context.Context, kind, certifyID string) (signing.Verdict, error) {
	if kind == store.ResetByFace {
		return s.alipay.FaceVerificationPassed(ctx, certifyID)
	}
	return s.alipay.CertificationPassed(ctx, certifyID)
}

// confirmLink writes a link that has waited for the citizen's face.
func (s *Server) confirmLink(ctx context.Context, v visit, _ none) (linkReply, error) {
	proof, err := s.db.LinkProof(ctx, v.Session, v.ID)
	if errors.Is(err, store.ErrNotFound) || proof.Claim != nil { // whose password has not been looked at
		return linkReply{}, ErrLinkGone
	} else if err != nil {
		return linkReply{}, err
	}
	if v.Again && proof.State == store.LinkProofUsed && v.Link != nil && v.Link.AccountID == proof.AccountID {
		return s.showLink(ctx, v, none{}) // it happened, and the answer was lost
	}
	switch {
	case v.Again && proof.State == store.LinkProofReplaced && proof.Relink:
		return s.resumeRelink(ctx, v, proof)
	case proof.State != store.LinkProofStarted:
		return linkReply{}, ErrLinkGone
	case v.Link != nil:
		return linkReply{}, ErrAlreadyLinked
	}
	agreed, err := s.agreed(ctx, v)
	if err != nil {
		return linkReply{}, err
	}
	if err := agreed.needs(ctx, PurposeLink, PurposeFace); err != nil {
		return linkReply{}, err
	}
	switch verdict, err := s.facePassed(ctx, proof.Kind, proof.CertifyID); {
	case err != nil:
		return linkReply{}, err
	case verdict != signing.Passed:
		return linkReply{}, ErrIdentityNotProven
	}
	return s.finishLink(ctx, v, proof)
}

// finishLink does what a right password calls for at last, and lets the store decide
// who won.
func (s *Server) finishLink(ctx context.Context, v visit, proof store.LinkProof) (linkReply, error) {
	account, err := s.db.LinkedAccount(ctx, proof.AccountID)
	switch {
	case errors.Is(err, store.ErrNotFound): // erased meanwhile
		return linkReply{}, ErrLinkGone
	case err != nil:
		return linkReply{}, err
	case account.Ended():
		return linkReply{}, ErrAccountClosed
	case account.State == store.PasswordFrozen && !proof.ByCode():
		return linkReply{}, ErrPasswordFrozen
	}
	err = s.db.FinishLink(ctx, v.Session, account, proof)
	switch {
	case errors.Is(err, store.ErrGone), errors.Is(err, store.ErrNotFound):
		return linkReply{}, ErrLinkGone
	case errors.Is(err, store.ErrConflict):
		return s.relinkByFace(ctx, v, proof, account)
	case errors.Is(err, store.ErrBlocked): // ended a moment ago
		return linkReply{}, ErrAccountClosed
	case err != nil:
		return linkReply{}, err
	}
	s.giveBack(ctx, v, proof)
	return linkReply{Account: viewOf(account), PasswordState: passwordState(account.State, account.Status)}, nil
}

// relinkByFace takes over, or asks for, the link that is there already. Either way the
// password was right and the face has been seen: the guess is given back.
func (s *Server) relinkByFace(ctx context.Context, v visit, proof store.LinkProof, account store.Account) (linkReply, error) {
	reply, err := s.alreadyLinked(ctx, v, proven{account: account, by: ProofFace, code: proof.ByCode(), wanted: proof.Relink, face: &proof})
	if err == nil || errors.Is(err, ErrRelinkWaiting) {
		s.giveBack(ctx, v, proof)
	}
	return reply, err
}

// resumeRelinkOf is resumeRelink for a face that was shown first.
func (s *Server) resumeRelinkOf(ctx context.Context, v visit, face uuid.UUID) (linkReply, error) {
	proof, err := s.db.LinkProof(ctx, v.Session, face)
	switch {
	case errors.Is(err, store.ErrNotFound): // erased a moment ago
		return linkReply{}, ErrLinkGone
	case err != nil:
		return linkReply{}, err
	}
	return s.resumeRelink(ctx, v, proof)
}

// resumeRelink goes on with what an earlier run of this request asked for by the proof,
// whose answer was lost. A wish for another account is of another request.
func (s *Server) resumeRelink(ctx context.Context, v visit, proof store.LinkProof) (linkReply, error) {
	own, _, err := s.db.Relinks(ctx, v.Session)
	switch {
	case err != nil:
		return linkReply{}, err
	case own != nil && own.AccountID != proof.AccountID:
		return linkReply{}, ErrLinkGone
	case own != nil && own.State == store.RelinkDone && v.Link != nil && v.Link.AccountID == own.AccountID:
		return s.showLink(ctx, v, none{})
	case own == nil || own.State != store.RelinkWaiting:
		return linkReply{}, ErrLinkGone
	}
	return s.takeOverAgreed(ctx, v, *own)
}

// giveBack forgets the guess of a link that has waited, and that a stranger made it. A
// clerk's code was no guess at the password: other people's stay charged.
func (s *Server) giveBack(ctx context.Context, v visit, proof store.LinkProof) {
	if proof.ByCode() {
		return
	}
	err := s.db.Refund(ctx, proof.PersonDigest, proof.Lane)
	if err == nil && bytes.Equal(proof.Lane, store.PublicLane) {
		err = s.db.ForgiveLink(ctx, s.stranger(v), proof)
	}
	if err != nil { // linked all the same
		s.log.LogAttrs(ctx, slog.LevelWarn, "guess not refunded", slog.String("cause", err.Error()))
	}
}
