package miniapp

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/signing"
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
}

func (in linkRequest) claim(known *document.List, now time.Time) (claim, error) {
	var wrong []FieldError
	name, err := document.Name(in.Name)
	if err != nil {
		wrong = append(wrong, FieldError{"name", "INVALID", "请填写与证件一致的姓名"})
	}
	doc, err := known.ParseOn(now, in.IDType, in.IDNumber)
	wrong = append(wrong, documentErrors(err)...)
	if t, _ := known.Type(doc.Type); t.CounterOnly {
		wrong = append(wrong, counterOnly)
	}
	if len(in.AccountNo) > 20 {
		wrong = append(wrong, FieldError{"account_no", "INVALID", "个人账号不正确，请核对"})
	}
	code, whole := codeDigits(in.ResetCode.Reveal())
	switch {
	case in.Password.Empty() && in.ResetCode.Empty():
		wrong = append(wrong, FieldError{"password", "REQUIRED", "请输入密码"})
	case !in.ResetCode.Empty() && (!whole || !in.Password.Empty()):
		wrong = append(wrong, FieldError{"reset_code", "INVALID", "重置码为10位数字，请核对"})
	}
	if len(wrong) > 0 {
		return claim{}, ErrBadRequest.withFields(wrong...)
	}
	return claim{name, doc, in.AccountNo, in.Password, code}, nil
}

// addLink ties the Alipay user to the fund account they prove to be theirs:
// by Alipay's word on who they are, where the centre has contracted it, and by
// the password. Whatever fails, a stranger gets one answer, after the same work.
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
	if v.Link != nil && !v.Again {
		return linkReply{}, ErrAlreadyLinked
	}
	lane, proven, err := s.prove(ctx, v, who)
	if err != nil {
		return linkReply{}, err
	}
	var account store.Account
	if who.code != "" {
		account, err = s.linkByCode(ctx, who, proven)
	} else {
		account, err = s.guess(ctx, v, who, evidence{lane, proven})
	}
	if errors.Is(err, ErrLinkRefused) {
		awaitBeat(ctx, begun)
	}
	if err != nil {
		return linkReply{}, err
	}
	if account.Ended() {
		return linkReply{}, ErrAccountClosed
	}
	return s.link(ctx, v, account)
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

// Evidence is what Alipay said about a claim, and where its guesses count.
type evidence struct {
	lane   []byte
	proven bool
}

// prove asks Alipay whether its user is the person claimed. A proven user
// guesses in a lane of their own, which strangers cannot exhaust.
func (s *Server) prove(ctx context.Context, v visit, who claim) (lane []byte, proven bool, err error) {
	if v.Link != nil { // proven by the earlier run of this request
		return v.IdentityDigest, bytes.Equal(s.db.PersonDigest(who.doc.Key()), v.Link.PersonDigest), nil
	}
	if s.proof == ProofNone {
		return store.PublicLane, true, nil
	}
	visitor, err := s.db.Visitor(v.Session)
	if err != nil {
		return nil, false, err
	}
	proven, err = s.alipay.MatchPerson(ctx, visitor.AccessToken, signing.Person{
		Name: who.name, IDType: who.doc.Certdoc(), IDNumber: who.doc.Number,
	})
	if errors.Is(err, signing.ErrIDType) {
		return nil, false, ErrBadRequest.withFields(counterOnly)
	}
	if err != nil || !proven {
		return store.PublicLane, false, err
	}
	return v.IdentityDigest, true, nil
}

// guess takes one guess at the claimed person's password. Every way to fail is
// ErrLinkRefused and does the same work. Load is shed before the guess is charged.
func (s *Server) guess(ctx context.Context, v visit, who claim, p evidence) (store.Account, error) {
	slot, err := s.hasher.Reserve(ctx)
	if err != nil {
		return store.Account{}, err
	}
	defer slot.Release()
	g := store.Guess{PersonDigest: s.db.PersonDigest(who.doc.Key()), Lane: p.lane, AccountNo: who.accountNo, Budget: s.budget()}
	if bytes.Equal(p.lane, store.PublicLane) {
		g.Stranger = s.stranger(v)
	}
	attempt, err := s.db.TakeGuess(ctx, g)
	if err != nil {
		return store.Account{}, err
	}
	if err := s.sprayed(ctx, v, attempt.Spraying); err != nil {
		return store.Account{}, err
	}
	begun := time.Now()
	right, upgrade, err := s.rightPassword(ctx, slot, attempt, who.password)
	if err != nil {
		return store.Account{}, err
	}
	s.pace.saw(attempt, time.Since(begun))
	if !right || !p.proven || !document.SameName(attempt.Account.Person.Name, who.name, who.doc.Kind) || attempt.Account.State == store.PasswordFrozen {
		slot.Release() // waiting needs no place
		s.pace.await(ctx, begun)
		return store.Account{}, ErrLinkRefused
	}
	if err := s.db.Forgive(ctx, g, attempt); err != nil {
		return store.Account{}, err
	}
	return s.accept(ctx, slot, rightGuess{*attempt.Account, p.lane, who.password, upgrade})
}

// link writes the link and says in which state the password is.
func (s *Server) link(ctx context.Context, v visit, account store.Account) (linkReply, error) {
	if s.proof == ProofNone && account.State == store.PasswordInitial {
		if err := s.db.MustChange(ctx, account); err != nil {
			return linkReply{}, err
		}
		account.State = store.PasswordMustChange
	}
	err := s.db.AddLink(ctx, v.Session, account)
	switch {
	case errors.Is(err, store.ErrConflict):
		return linkReply{}, ErrAlreadyLinked
	case errors.Is(err, store.ErrBlocked): // ended a moment ago
		return linkReply{}, ErrAccountClosed
	case errors.Is(err, store.ErrNotFound): // given to another person a moment ago
		return linkReply{}, ErrLinkRefused
	case err != nil:
		return linkReply{}, err
	}
	return linkReply{Account: viewOf(account), PasswordState: passwordState(account.State, account.Status)}, nil
}

// showLink shows which account is linked.
func (s *Server) showLink(ctx context.Context, v visit, _ none) (linkReply, error) {
	account, err := s.db.LinkedAccount(ctx, v.Link.AccountID)
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
