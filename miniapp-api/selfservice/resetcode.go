package selfservice

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// ResetCodeDigits is the length of a reset code. All strangers together have fifty tries at a
// code, so they guess one code in two hundred million.
const ResetCodeDigits = 10

// NewResetCode returns a code for a clerk to hand out, uniform over all codes.
func NewResetCode() (string, error) {
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(ResetCodeDigits), nil)
	n, err := rand.Int(rand.Reader, most)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*d", ResetCodeDigits, n), nil
}

func (s *Service) openResetWithCode(ctx context.Context, c Caller, a store.Account, code passwd.Secret) (store.Reset, error) {
	digits, ok := codeDigits(code.Reveal())
	if !ok {
		return store.Reset{}, ErrBadRequest.WithFields(FieldError{Field: "code", Code: "INVALID"})
	}
	ctx, stop := Detached(ctx) // a code works once, so cancellation must not lose its result
	defer stop()
	reset, err := s.db.OpenResetWithCode(ctx, c.Session, a, digits)
	logSpentCode(ctx, s.log, c, err)
	if errors.Is(err, store.ErrCode) {
		return store.Reset{}, ErrResetCodeWrong
	} else if err != nil {
		return store.Reset{}, openError(err)
	}
	return reset, nil
}

// codeDigits returns the digits of a reset code, and whether there are ResetCodeDigits of them.
func codeDigits(s string) (string, bool) { return readDigits(s, ResetCodeDigits) }

// readDigits returns the digits of a code that may contain blanks, dashes and full-width
// digits, and whether there are n of them.
func readDigits(s string, n int) (string, bool) {
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
	return b.String(), b.Len() == n
}

// logSpentCode logs once when a user, or all unverified users together, have used up the tries
// at a reset code.
func logSpentCode(ctx context.Context, log *slog.Logger, c Caller, err error) {
	by := "user"
	switch {
	case errors.Is(err, store.ErrCodeSpent):
		by = "all"
	case !errors.Is(err, store.ErrCodeSpentByUser):
		return
	}
	log.LogAttrs(ctx, slog.LevelWarn, "reset code out of tries", slog.String("by", by), slog.String("request_id", c.RequestID))
}
