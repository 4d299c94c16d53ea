package miniapp

import (
	"context"
	"errors"
	"slices"
	"strings"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// ResetCodeDigits is how long a clerk's code is. With five tries, one in two thousand
// million guesses hits.
const ResetCodeDigits = 10

func (s *Server) openResetWithCode(ctx context.Context, v visit, a store.Account, code passwd.Secret) (resetReply, error) {
	digits, ok := codeDigits(code.Reveal())
	if !ok {
		return resetReply{}, ErrBadRequest.withFields(FieldError{"code", "INVALID", "重置码为10位数字，请核对"})
	}
	ctx, stop := outlast(ctx) // a code is good once: it is not used up unseen
	defer stop()
	reset, err := s.db.OpenResetWithCode(ctx, v.Session, a, digits)
	if errors.Is(err, store.ErrCode) {
		return resetReply{}, ErrResetCodeWrong
	} else if err != nil {
		return resetReply{}, openResetError(err)
	}
	return replyOf(reset), nil
}

// codeDigits reads a code as people type one: with blanks or dashes, in full width.
func codeDigits(s string) (string, bool) {
	var b strings.Builder
	for _, r := range s {
		switch {
		case '0' <= r && r <= '9':
			b.WriteRune(r)
		case '０' <= r && r <= '９':
			b.WriteRune(r - '０' + '0')
		case !strings.ContainsRune(" -－—　", r):
			return "", false
		}
	}
	return b.String(), b.Len() == ResetCodeDigits
}

// linkByCode finds the claimed person's account by the code a clerk gave them, in
// place of a password they do not know. It leaves the code good: the reset that must
// follow uses it up. Every way to fail is ErrLinkRefused. Who could be proven by name
// and document and is not takes no try, so a stranger cannot use up somebody's code.
func (s *Server) linkByCode(ctx context.Context, who claim, have evidence) (right rightLink, by Proof, err error) {
	if slices.Contains(have.may, ProofCertdoc) && !have.certdoc || len(have.may) == 0 && !have.again {
		return rightLink{}, "", ErrLinkRefused
	}
	trying, stop := outlast(ctx)
	defer stop()
	account, err := s.db.CheckResetCode(trying, store.Guess{
		PersonDigest: s.db.PersonDigest(who.doc.Key()), AccountNo: who.accountNo,
	}, who.code)
	if errors.Is(err, store.ErrCode) || err == nil && !document.SameName(account.Person.Name, who.name, who.doc.Kind) {
		err = ErrLinkRefused
	}
	if err != nil {
		return rightLink{}, "", err
	}
	by, ask := s.judge(account, have)
	if by == "" && len(ask) == 0 {
		err = ErrLinkRefused
	}
	return rightLink{account: account, lane: have.lane, ask: ask, code: true}, by, err
}
