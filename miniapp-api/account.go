package miniapp

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/store"
)

// An accountChoice is one of the linked person's accounts. They have to be told apart, so
// the employer's number stands beside the account's; both are masked.
type accountChoice struct {
	ID            uuid.UUID `json:"id"`
	AccountNo     string    `json:"account_no"`
	EmployerNo    string    `json:"employer_no"` // "" = none is kept
	Status        string    `json:"status"`      // GRZHZT
	PasswordState string    `json:"password_state"`
	Chosen        bool      `json:"chosen"` // the link is to this one
}

type accountsReply struct {
	Accounts []accountChoice `json:"accounts"`
}

// showAccounts lists what the linked person can choose from; accounts that have ended are
// not among them.
func (s *Server) showAccounts(ctx context.Context, v visit, _ none) (accountsReply, error) {
	all, err := s.db.AccountsOf(ctx, *v.Link)
	reply := accountsReply{Accounts: []accountChoice{}}
	for _, a := range all {
		reply.Accounts = append(reply.Accounts, accountChoice{
			ID: a.ID, AccountNo: document.MaskAccount(a.Person.AccountNo), EmployerNo: document.MaskAccount(a.Person.EmployerNo),
			Status: a.Status, PasswordState: passwordState(a.State, a.Status), Chosen: a.ID == v.Link.AccountID,
		})
	}
	return reply, err
}

// chooseAccount makes the link one to another account of the same person.
func (s *Server) chooseAccount(ctx context.Context, v visit, _ none) (linkReply, error) {
	if err := unfrozen(v); err != nil && v.ID != v.Link.AccountID {
		return linkReply{}, err
	}
	err := s.db.ChooseAccount(ctx, v.Session, v.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return linkReply{}, ErrNoSuchAccount
	case errors.Is(err, store.ErrConflict): // the link ended, or moved, a moment ago
		return linkReply{}, ErrNotLinked
	case errors.Is(err, store.ErrBlocked):
		return linkReply{}, s.whyNotChosen(ctx, v)
	case err != nil:
		return linkReply{}, err
	}
	return s.linkOf(ctx, v.ID)
}

// whyNotChosen tells an account that has ended from a password frozen a moment ago.
func (s *Server) whyNotChosen(ctx context.Context, v visit) error {
	a, err := s.db.LinkedAccount(ctx, v.ID)
	if err == nil && a.Ended() {
		return ErrAccountClosed
	}
	return ErrPasswordFrozen
}
