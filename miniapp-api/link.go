package miniapp

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// An accountView is an account as its owner sees it: masked, by Alipay's rules
// for personal data, even to the owner.
type accountView struct {
	Name      string `json:"name"`
	IDType    string `json:"id_type"`
	IDNumber  string `json:"id_number"`
	AccountNo string `json:"account_no"`
	Status    string `json:"status"` // GRZHZT
}

func viewOf(a store.Account) accountView {
	return accountView{
		Name:      document.MaskName(a.Person.Name),
		IDType:    a.Person.IDType,
		IDNumber:  document.MaskNumber(a.Person.IDNumber),
		AccountNo: document.MaskAccount(a.Person.AccountNo),
		Status:    a.Status,
	}
}

type linkRequest struct {
	Name      string        `json:"name"`
	IDType    string        `json:"id_type"`
	IDNumber  string        `json:"id_number"`
	AccountNo string        `json:"account_no"`
	Password  passwd.Secret `json:"password"`
	Encrypted *sealedForm   `json:"encrypted"`  // instead of password
	ResetCode passwd.Secret `json:"reset_code"` // a clerk's, in place of a forgotten password
	Proof     Proof         `json:"proof"`      // "face" or "phone", where LINK_PROOF_REQUIRED gave a choice
	FaceFirst bool          `json:"face_first"` // show the face before the password is looked at, which is not sent yet
	FaceID    uuid.UUID     `json:"face_id"`    // of what face_first has started, once the face was shown
	Relink    bool          `json:"relink"`     // take the link over from another Alipay user, where that is offered
}

type linkReply struct {
	Account       accountView `json:"account"`
	PasswordState string      `json:"password_state"`
}

// A claim is who somebody says they are, well formed.
type claim struct {
	name      string
	doc       document.Document
	accountNo string
	password  passwd.Secret
	code      string // a clerk's, in place of password
	faceID    uuid.UUID
}

// claimOf reads the part of a claim that needs no proof.
func claimOf(name, idType, idNumber, accountNo string, known *document.List, now time.Time) (c claim, wrong []FieldError) {
	var err error
	if c.name, err = document.Name(name); err != nil {
		wrong = append(wrong, FieldError{"name", "INVALID", "请填写与证件一致的姓名"})
	}
	c.doc, err = known.ParseOn(now, idType, idNumber)
	wrong = append(wrong, documentErrors(err)...)
	if t, _ := known.Type(c.doc.Type); t.CounterOnly {
		wrong = append(wrong, counterOnly)
	}
	if c.accountNo = document.AccountNo(accountNo); len(c.accountNo) > 20 {
		wrong = append(wrong, FieldError{"account_no", "INVALID", "个人账号不正确，请核对"})
	}
	return c, wrong
}

func (in linkRequest) claim(known *document.List, now time.Time) (claim, error) {
	who, wrong := claimOf(in.Name, in.IDType, in.IDNumber, in.AccountNo, known, now)
	code, whole := codeDigits(in.ResetCode.Reveal())
	switch {
	case in.FaceFirst:
		if !in.Password.Empty() || !in.ResetCode.Empty() || in.FaceID != uuid.Nil {
			wrong = append(wrong, FieldError{"face_first", "INVALID", "刷脸通过后再提交密码"})
		}
	case in.Password.Empty() && in.ResetCode.Empty():
		wrong = append(wrong, FieldError{"password", "REQUIRED", "请输入密码"})
	case !in.ResetCode.Empty() && (!whole || !in.Password.Empty()):
		wrong = append(wrong, FieldError{"reset_code", "INVALID", "重置码为10位数字，请核对"})
	}
	if in.Proof != "" && proofTexts[in.Proof] == "" {
		wrong = append(wrong, FieldError{"proof", "UNKNOWN", "不支持该验证方式"})
	}
	if len(wrong) > 0 {
		return claim{}, ErrBadRequest.withFields(wrong...)
	}
	who.password, who.code, who.faceID = in.Password, code, in.FaceID
	return who, nil
}

// addLink ties the Alipay user to the fund account they prove to be theirs: by the
// password, and by what the centre accepts beside it. Whatever fails, a stranger gets
// one answer, after the same work. Who has the password but no proof yet is asked for one.
func (s *Server) addLink(ctx context.Context, v visit, in linkRequest) (linkReply, error) {
	begun := time.Now()
	sent, err := s.unseal(ctx, v, passwords{Present: in.Password}, in.Encrypted)
	if err != nil {
		return linkReply{}, err
	}
	in.Password = sent.Present
	who, err := in.claim(s.documents, s.db.Now())
	if err != nil {
		return linkReply{}, err
	}
	if v.Link != nil && (in.FaceFirst || !v.Again || !s.ownsDocument(v, who)) {
		return linkReply{}, ErrAlreadyLinked
	}
	agreed, err := s.agreed(ctx, v)
	if err != nil {
		return linkReply{}, err
	}
	if in.FaceFirst {
		return linkReply{}, s.askFaceFirst(ctx, v, who, agreed)
	}
	right, by, err := s.proveLink(ctx, v, who, agreed)
	if in.Relink && v.Again && errors.Is(err, errFaceUsed) {
		return s.resumeRelinkOf(ctx, v, in.FaceID)
	}
	if err == nil && right.account.Ended() {
		err = ErrAccountClosed // before a proof is asked for, which may cost
	}
	if right.relink = in.Relink; err == nil && by == "" {
		err = s.askProof(ctx, v, right, agreed, in.Proof)
	}
	if errors.Is(err, ErrLinkRefused) {
		awaitBeat(ctx, begun)
	}
	if err != nil {
		return linkReply{}, s.offerFaceFirst(who, err)
	}
	return s.link(ctx, v, proven{account: right.account, by: by, code: right.code != uuid.Nil, wanted: in.Relink, face: right.shown()})
}

// ownsDocument reports whether the claim is to be the linked person. A repeated request
// that claims anybody else is no repetition of what made the link.
func (s *Server) ownsDocument(v visit, who claim) bool {
	return bytes.Equal(s.db.PersonDigest(who.doc.Key()), v.Link.PersonDigest)
}

// proveLink gathers what speaks for the visitor, then takes one guess, or a clerk's
// code. by is what proved them; "" when the password is right and something is missing.
func (s *Server) proveLink(ctx context.Context, v visit, who claim, agreed agreement) (right rightLink, by Proof, err error) {
	may, err := agreed.proofs(ctx, s.accepted.union())
	if err != nil {
		return rightLink{}, "", err
	}
	have, err := s.gather(ctx, v, who, may)
	if err != nil {
		return rightLink{}, "", err
	}
	if have.wantsPhone() {
		return rightLink{}, "", asks([]Proof{ProofPhone})
	}
	if who.code != "" {
		right, by, err = s.linkByCode(ctx, v, who, have)
	} else {
		right, by, err = s.guess(ctx, v, who, have)
	}
	if by == ProofFace {
		right.face = have.face
	}
	return right, by, err
}

// beat is the grid on which refusals of a link leave. Whatever the reason, the
// work is one hash and the same statements; what is left of a difference, a row
// found or not, is some hundred microseconds and ends at the same beat. Timers
// run late by a part of a millisecond that depends on when they were set, so
// chance has the last word.
const beat = 50 * time.Millisecond

func awaitBeat(ctx context.Context, begun time.Time) {
	select {
	case <-time.After(beat - time.Since(begun)%beat + rand.N(beat/2)):
	case <-ctx.Done():
	}
}

// guess takes one guess at the claimed person's password. Every way to fail is
// ErrLinkRefused and does the same work.
func (s *Server) guess(ctx context.Context, v visit, who claim, have evidence) (right rightLink, by Proof, err error) {
	g := store.Guess{PersonDigest: s.db.PersonDigest(who.doc.Key()), Lane: have.lane, AccountNo: who.accountNo,
		Budget: s.budget(), Receipt: v.receipt}
	if !have.proven() {
		g.Stranger = s.stranger(v)
	}
	c, err := s.beginCheck(ctx, v, g)
	if err != nil {
		return rightLink{}, "", err
	}
	defer c.end()
	if err := s.sprayed(ctx, v, c.Spraying); err != nil {
		return rightLink{}, "", err
	}
	begun := time.Now()
	good, upgrade, err := c.try(ctx, who.password)
	if err != nil {
		return rightLink{}, "", err
	}
	s.pace.saw(c.Attempt, time.Since(begun))
	if good && document.SameName(c.Account.Person.Name, who.name, who.doc.Kind) && c.Account.State != store.PasswordFrozen {
		right = rightLink{account: *c.Account, lane: have.lane}
		by, right.ask = s.judge(s.judged(right.account, who.password), have)
	}
	if err := s.verdict(ctx, c, by, right.ask); err != nil {
		return rightLink{}, "", err
	}
	if by == "" && len(right.ask) == 0 {
		c.end() // waiting needs no place
		if err := s.tellOwner(c.Attempt, have); err != nil {
			return rightLink{}, "", err
		}
		s.pace.await(ctx, begun)
		return rightLink{}, "", ErrLinkRefused
	}
	right.account, err = s.settlePassword(ctx, c.slot, rightGuess{right.account, who.password, upgrade})
	return right, by, err
}

// verdict gives a guess back that proves the visitor. One that something is missing to
// stays charged until that proves them.
func (s *Server) verdict(ctx context.Context, c *check, by Proof, ask []Proof) error {
	if by == "" {
		return c.fail(ctx, len(ask) > 0)
	}
	return c.pass(ctx)
}

// tellOwner tells somebody who is proven to be the person that they are locked, and until
// when, or that guesses of theirs wait and may be right ones. A stranger, and who has no
// account, learns nothing.
func (s *Server) tellOwner(attempt store.Attempt, have evidence) error {
	if have.proven() && attempt.Crowded {
		return ErrBusy.retryAfter(1)
	}
	if !have.proven() || attempt.Account == nil || attempt.LockedUntil == nil {
		return nil
	}
	return ErrPasswordLocked.lockedUntil(*attempt.LockedUntil, s.db.Now())
}

// judged is an account with a chosen password that everybody could derive shown as one
// whose password must be changed: it takes the proof of those.
func (s *Server) judged(a store.Account, password passwd.Secret) store.Account {
	if a.State == store.PasswordSet && s.derived(a, password) {
		a.State = store.PasswordMustChange
	}
	return a
}

// link writes the link and says in which state the password is.
func (s *Server) link(ctx context.Context, v visit, p proven) (linkReply, error) {
	if p.by == ProofNone && p.account.State == store.PasswordInitial {
		if err := s.db.MustChange(ctx, p.account); err != nil {
			return linkReply{}, err
		}
		p.account.State = store.PasswordMustChange
	}
	err := s.writeLink(ctx, v, p)
	switch {
	case errors.Is(err, store.ErrConflict):
		return s.alreadyLinked(ctx, v, p)
	case errors.Is(err, store.ErrBlocked): // ended a moment ago
		return linkReply{}, ErrAccountClosed
	case errors.Is(err, store.ErrNotFound): // given to another person a moment ago
		return linkReply{}, ErrLinkRefused
	case errors.Is(err, store.ErrGone):
		return linkReply{}, ErrSessionExpired
	case err != nil:
		return linkReply{}, err
	}
	return linkReply{Account: viewOf(p.account), PasswordState: passwordState(p.account.State, p.account.Status)}, nil
}

// writeLink uses up a face that was shown first.
func (s *Server) writeLink(ctx context.Context, v visit, p proven) error {
	if p.face == nil {
		return s.db.AddLink(ctx, v.Session, p.account)
	}
	err := s.db.FinishLink(ctx, v.Session, p.account, *p.face)
	if errors.Is(err, store.ErrGone) {
		err = ErrLinkGone
	}
	return err
}

// showLink shows which account is linked.
func (s *Server) showLink(ctx context.Context, v visit, _ none) (linkReply, error) {
	return s.linkOf(ctx, v.Link.AccountID)
}

// linkOf shows a link to an account as it is now.
func (s *Server) linkOf(ctx context.Context, id uuid.UUID) (linkReply, error) {
	account, err := s.db.LinkedAccount(ctx, id)
	if err != nil {
		return linkReply{}, err
	}
	return linkReply{Account: viewOf(account), PasswordState: passwordState(account.State, account.Status)}, nil
}

type unlinkRequest struct {
	Password  passwd.Secret `json:"password"`
	Encrypted *sealedForm   `json:"encrypted"` // instead of password
}

// removeLink unlinks, against the password: a borrowed phone must not be enough.
func (s *Server) removeLink(ctx context.Context, v visit, in unlinkRequest) (none, error) {
	switch {
	case v.Link == nil && v.Again:
		return none{}, nil // it happened, and the answer was lost
	case v.Link == nil:
		return none{}, ErrNotLinked
	}
	sent, err := s.unseal(ctx, v, passwords{Present: in.Password}, in.Encrypted)
	switch {
	case err != nil:
		return none{}, err
	case sent.Present.Empty():
		return none{}, ErrBadRequest.withFields(FieldError{"password", "REQUIRED", "请输入密码"})
	}
	if err := unfrozen(v); err != nil {
		return none{}, err
	}
	if _, err := s.ownerGuess(ctx, v, sent.Present, func(store.Account) bool { return true }); err != nil {
		return none{}, err
	}
	err = s.db.RemoveLink(ctx, v.Session)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return none{}, ErrNotLinked
	case errors.Is(err, store.ErrBlocked):
		return none{}, ErrPasswordFrozen
	}
	return none{}, err
}
