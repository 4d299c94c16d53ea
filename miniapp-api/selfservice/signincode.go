package selfservice

import (
	"context"
	"errors"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// SignInWithResetCode opens a session for a person who has forgotten the password and has a
// clerk's code, and opens the reset that the code permits. The code is used up. Every refusal
// is ErrResetCodeWrong after a padded time, so that it does not reveal whether there is such a
// person or code.
func (s *Service) SignInWithResetCode(ctx context.Context, c Caller, in PersonInput, code passwd.Secret, tokenDigest []byte) (Reset, error) {
	begun := time.Now()
	who, wrong := readPerson(in, s.documents, s.db.Now())
	digits, complete := codeDigits(code.Reveal())
	if !complete {
		wrong = append(wrong, FieldError{Field: "code", Code: "INVALID"})
	}
	if len(wrong) > 0 {
		return Reset{}, ErrBadRequest.WithFields(wrong...)
	}
	ctx, stop := Detached(ctx) // a code works once, so cancellation must not lose its result
	defer stop()
	account, err := s.accountOfCode(ctx, c, who, digits)
	if errors.Is(err, ErrResetCodeWrong) {
		awaitQuantum(ctx, begun)
	}
	if err != nil {
		return Reset{}, err
	}
	if err := checkResettable(account); err != nil {
		return Reset{}, err
	}
	if err := s.openPersonSession(ctx, c, tokenDigest, account, nil); err != nil {
		return Reset{}, err
	}
	if c.Session, err = s.db.Session(ctx, tokenDigest); err != nil {
		return Reset{}, err
	}
	reset, err := s.openResetWithCode(ctx, c, account, code)
	return resetOf(reset), err
}

// accountOfCode returns the account for which the code was issued, if it is the claimed
// person's. Tries count as a stranger's attempts at many people do.
func (s *Service) accountOfCode(ctx context.Context, c Caller, who applicant, digits string) (store.Account, error) {
	req := store.AttemptRequest{PersonDigest: who.personDigest(s.db), AccountNo: who.accountNo, Source: s.spraying.source(c)}
	found, refusal, err := s.db.CheckResetCode(ctx, store.Session{IdentityDigest: c.user()}, req, digits)
	logSpentCode(ctx, s.log, c, err)
	if refused := s.spraying.check(ctx, c, refusal, s.db.Now()); refused != nil {
		return store.Account{}, refused
	}
	if errors.Is(err, store.ErrCode) || err == nil && !document.SameName(found.Account.Person.Name, who.name, who.doc.Kind) {
		err = ErrResetCodeWrong
	}
	return found.Account, err
}
