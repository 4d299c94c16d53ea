package miniapp

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// ResetCodeDigits is how long a clerk's code is. Strangers have fifty tries at one, all
// together, so one code in two hundred million is hit.
const ResetCodeDigits = 10

func (s *Server) openResetWithCode(ctx context.Context, v visit, a store.Account, code passwd.Secret) (resetReply, error) {
	digits, ok := codeDigits(code.Reveal())
	if !ok {
		return resetReply{}, ErrBadRequest.withFields(FieldError{Field: "code", Code: "INVALID"})
	}
	ctx, stop := outlast(ctx) // a code is good once: it is not used up unseen
	defer stop()
	reset, err := s.db.OpenResetWithCode(ctx, v.Session, a, digits)
	s.noteSpentCode(ctx, v, err)
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
// and document and is not takes no try. Where nobody can be, strangers' tries are counted
// apart, and as guesses at many people are.
func (s *Server) linkByCode(ctx context.Context, v visit, who claim, have evidence) (right rightLink, by Proof, err error) {
	if slices.Contains(have.may, ProofCertdoc) && !have.proven() || len(have.may) == 0 && !have.again {
		return rightLink{}, "", ErrLinkRefused
	}
	trying, stop := outlast(ctx)
	defer stop()
	g := store.Guess{PersonDigest: s.db.PersonDigest(who.doc.Key()), AccountNo: who.accountNo}
	if !have.proven() {
		g.Stranger = s.stranger(v)
	}
	code, refusal, err := s.db.CheckResetCode(trying, v.Session, g, who.code)
	s.noteSpentCode(ctx, v, err)
	if told := s.sprayed(ctx, v, refusal); told != nil {
		return rightLink{}, "", told
	}
	if errors.Is(err, store.ErrCode) || err == nil && !document.SameName(code.Account.Person.Name, who.name, who.doc.Kind) {
		err = ErrLinkRefused
	}
	if err != nil {
		return rightLink{}, "", err
	}
	by, ask := s.judge(code.Account, have)
	if by == "" && len(ask) == 0 {
		err = ErrLinkRefused
	}
	return rightLink{account: code.Account, lane: have.lane, ask: ask, code: code.ID}, by, err
}

// noteSpentCode logs that somebody, or all strangers together, have had their tries at a
// clerk's code, once each.
func (s *Server) noteSpentCode(ctx context.Context, v visit, err error) {
	by := "user"
	switch {
	case errors.Is(err, store.ErrCodeSpent):
		by = "all"
	case !errors.Is(err, store.ErrCodeSpentByUser):
		return
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, "clerk's code out of tries", slog.String("by", by), slog.String("request_id", v.RequestID))
}
