package selfservice

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

// ResetCodeDigits is how long a reset code is. Strangers have fifty tries at one, all
// together, so one code in two hundred million is hit.
const ResetCodeDigits = 10

func (s *Service) openResetWithCode(ctx context.Context, c Caller, a store.Account, code passwd.Secret) (store.Reset, error) {
	digits, ok := codeDigits(code.Reveal())
	if !ok {
		return store.Reset{}, ErrBadRequest.WithFields(FieldError{Field: "code", Code: "INVALID"})
	}
	ctx, stop := Detached(ctx) // a code is good once: it is not used up unseen
	defer stop()
	reset, err := s.db.OpenResetWithCode(ctx, c.Session, a, digits)
	s.noteSpentCode(ctx, c, err)
	if errors.Is(err, store.ErrCode) {
		return store.Reset{}, ErrResetCodeWrong
	} else if err != nil {
		return store.Reset{}, openResetError(err)
	}
	return reset, nil
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

// verifyCode finds the claimed person's account by the code a clerk gave them, in
// place of a password they do not know. It leaves the code good: the reset that must
// follow uses it up. Every way to fail is ErrLinkRefused. Who could be proven by name
// and document and is not takes no try. Where nobody can be, strangers' tries are counted
// apart, and as attempts at many people are.
func (s *Service) verifyCode(ctx context.Context, c Caller, who applicant, inputs proofInputs) (candidate, error) {
	if slices.Contains(inputs.permitted, ProofCertdoc) && !inputs.verified() || len(inputs.permitted) == 0 && !inputs.linked {
		return candidate{}, ErrLinkRefused
	}
	trying, stop := Detached(ctx)
	defer stop()
	req := store.AttemptRequest{PersonDigest: s.db.PersonDigest(who.doc.Key()), AccountNo: who.accountNo}
	if !inputs.verified() {
		req.Source = s.unverifiedSource(c)
	}
	code, refusal, err := s.db.CheckResetCode(trying, c.Session, req, who.code)
	s.noteSpentCode(ctx, c, err)
	if told := s.checkSpraying(ctx, c, refusal); told != nil {
		return candidate{}, told
	}
	if errors.Is(err, store.ErrCode) || err == nil && !document.SameName(code.Account.Person.Name, who.name, who.doc.Kind) {
		err = ErrLinkRefused
	}
	if err != nil {
		return candidate{}, err
	}
	found := s.selectProof(code.Account, code.Account.State, inputs)
	if found.outcome() == outcomeRefused {
		return candidate{}, ErrLinkRefused
	}
	found.codeID = code.ID
	if found.face != nil {
		found.face.CodeID = code.ID
	}
	return found, nil
}

// noteSpentCode logs that somebody, or all strangers together, have had their tries at a
// reset code, once each.
func (s *Service) noteSpentCode(ctx context.Context, c Caller, err error) {
	by := "user"
	switch {
	case errors.Is(err, store.ErrCodeSpent):
		by = "all"
	case !errors.Is(err, store.ErrCodeSpentByUser):
		return
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, "reset code out of tries", slog.String("by", by), slog.String("request_id", c.RequestID))
}
