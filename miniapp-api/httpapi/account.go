package httpapi

import (
	"context"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/selfservice"
)

// An accountChoice is one of the linked person's accounts. It includes the employer's number so
// that a citizen can tell several accounts apart; both numbers are masked.
type accountChoice struct {
	ID            uuid.UUID `json:"id"`
	AccountNo     string    `json:"account_no"`
	EmployerNo    string    `json:"employer_no"` // "" if there is none
	Status        string    `json:"status"`      // GRZHZT
	PasswordState string    `json:"password_state"`
	Chosen        bool      `json:"chosen"` // whether the link is to this account
}

type accountsReply struct {
	Accounts []accountChoice `json:"accounts"`
}

func (s *Server) showAccounts(ctx context.Context, r Request, _ none) (accountsReply, error) {
	all, err := s.service.Accounts(ctx, r.Caller)
	reply := accountsReply{Accounts: []accountChoice{}}
	for _, a := range all {
		reply.Accounts = append(reply.Accounts, accountChoice{
			ID: a.ID, AccountNo: document.MaskAccount(a.Person.AccountNo), EmployerNo: document.MaskAccount(a.Person.EmployerNo),
			Status: a.Status, PasswordState: selfservice.PasswordState(a.State, a.Status), Chosen: a.ID == r.Link.AccountID,
		})
	}
	return reply, err
}

// chooseAccount requires no password, because all accounts to choose from belong to the linked
// person.
func (s *Server) chooseAccount(ctx context.Context, r Request, _ none) (linkReply, error) {
	account, err := s.service.ChooseAccount(ctx, r.Caller, r.ID)
	return linkReplyOf(account), err
}
