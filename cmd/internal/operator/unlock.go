package operator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/calendar"
	"fundpass/miniapp-api/document"
	"fundpass/store"
)

// The flags are kept for years and appear in shell histories, so they must not name anybody
// but the operator.
var (
	errOperator  = errors.New("--operator is required: who does this, in 1 to 64 characters")
	errReason    = errors.New("--reason is required: why, in 4 to 200 characters on one line, e.g. a ticket's name")
	errPersonal  = errors.New("--operator and --reason must not contain 6 or more digits in a row: the record must not contain personal data")
	errNoNumber  = errors.New("nothing was entered; enter the account number or the ID number")
	errNoAccount = errors.New("no such account: compare the number with the document; for a document other than the ID card set --id-type")
)

// operatorSettings lists the settings that the commands of this package need.
var operatorSettings = []string{"FUNDPASS_DATABASE_URL", "FUNDPASS_CENTER", "FUNDPASS_APP_ID", "FUNDPASS_COLUMN_KEY_FILE"}

// longNumber matches what may be an account, ID or phone number.
var longNumber = regexp.MustCompile(`\p{Nd}{6,}`)

// operatorOptions are the flags that the commands about a person share.
type operatorOptions struct{ operator, reason, idType string }

func unlockCommand(w terminal.Stdio) *cobra.Command {
	var u operatorOptions
	cmd := &cobra.Command{
		Use:   "unlock",
		Short: "Unlock a citizen's password before the lock ends",
		Long: "Unlock resets the failed attempts of a person, in the mini-program and elsewhere,\n" +
			"after the clerk has checked their identity. It asks for the account number or the\n" +
			"ID number, so that the shell's history does not contain it. It does not show, set\n" +
			"or unfreeze a password. The citizen sees the action in their record (办理记录), and\n" +
			"fundpass audit lists it.\n\n" +
			"It needs " + strings.Join(operatorSettings, ", ") + ",\n" +
			"and FUNDPASS_DOCUMENTS_FILE if the centre has one.\n" +
			"It exits 0 if the person is unlocked, 1 if not, 2 if the call is invalid.",
		Args: func(cmd *cobra.Command, args []string) error { return terminal.AsUsage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return unlock(cmd.Context(), w.For(cmd), u) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return terminal.AsUsage(err) })
	u.flags(cmd)
	return cmd
}

func (u *operatorOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&u.operator, "operator", "", "who does this (required)")
	f.StringVar(&u.reason, "reason", "", "why (required)")
	f.StringVar(&u.idType, "id-type", document.Citizen, "type of the document (ZJLX) whose number is entered")
}

func unlock(ctx context.Context, w terminal.Stdio, u operatorOptions) error {
	if err := u.check(); err != nil {
		return terminal.AsUsage(err)
	}
	var done store.Unlocked
	err := u.withPerson(ctx, w, func(db *store.DB, want store.OperatorRequest) (err error) {
		done, err = db.Operations().Unlock(ctx, want)
		return err
	})
	if err != nil {
		return err
	}
	printUnlocked(w, done)
	return nil
}

// check validates the flags. Reasons are kept for years, so they must be short and
// without numbers.
func (u *operatorOptions) check() error {
	u.operator, u.reason = strings.TrimSpace(u.operator), strings.TrimSpace(u.reason)
	control := strings.ContainsFunc(u.operator+u.reason, func(r rune) bool { return r < ' ' || r == utf8.RuneError })
	who, why := utf8.RuneCountInString(u.operator), utf8.RuneCountInString(u.reason)
	switch {
	case who < 1 || who > 64:
		return errOperator
	case why < 4 || why > 200 || control:
		return errReason
	case longNumber.MatchString(u.operator) || longNumber.MatchString(u.reason):
		return errPersonal
	}
	return nil
}

// readAnswer reads one line. Logs and errors do not contain it.
func readAnswer(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, 256)).ReadString('\n')
	if line = strings.TrimSpace(line); line != "" {
		return line, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return "", errNoNumber
}

// withPerson asks for the person's number and calls do with a request for them. It takes the
// number for an account number first and then for a document number: an account number is
// never a document number by chance, but its digits can be valid for a document.
func (u operatorOptions) withPerson(ctx context.Context, w terminal.Stdio, do func(*store.DB, store.OperatorRequest) error) error {
	documents, err := operatorDocuments(w)
	if err != nil {
		return err
	}
	db, err := openForOperator(ctx, w)
	if err != nil {
		return err
	}
	defer db.Close()
	fmt.Fprint(w.Err, w.Language.T("Account number or ID number: "))
	number, err := readAnswer(w.In)
	if err != nil {
		return err
	}
	want := store.OperatorRequest{AccountNo: document.AccountNo(number), Operator: u.operator, Reason: u.reason}
	if err = do(db, want); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	doc, err := documents.Parse(u.idType, number)
	if err != nil {
		return errNoAccount
	}
	want.AccountNo, want.DocumentKey = "", doc.Key()
	if err = do(db, want); errors.Is(err, store.ErrNotFound) {
		return errNoAccount
	}
	return err
}

func printUnlocked(w terminal.Stdio, done store.Unlocked) {
	l, out := w.Language, w.Out
	p := done.Account.Person
	who := []any{document.MaskName(p.Name), document.MaskNumber(p.IDNumber), document.MaskAccount(p.AccountNo)}
	switch {
	case done.Locked > 0:
		fmt.Fprintln(out, l.T("Unlocked %s, %s, account %s: %d attempt counters cleared, %d of them were locked.", append(who, done.Scopes, done.Locked)...))
	case done.Scopes > 0:
		fmt.Fprintln(out, l.T("Failed attempts reset; the account was not locked: %s, %s, account %s.", who...))
	default:
		fmt.Fprintln(out, l.T("There were no failed attempts, and the account was not locked: %s, %s, account %s.", who...))
	}
	if done.Account.State == store.PasswordFrozen {
		fmt.Fprintln(out, l.T("The password is still frozen: it requires a reset by identity verification or at the centre."))
	}
	fmt.Fprintln(out, l.T("The citizen reads in 办理记录: 公积金中心已解除密码锁定, %s.", done.At.In(calendar.Beijing).Format("2006-01-02 15:04")))
	fmt.Fprintln(out, l.T("Recorded as %s.", done.ActionID))
}

// openForOperator opens the database for the commands of this package.
func openForOperator(ctx context.Context, w terminal.Stdio) (*store.DB, error) {
	s, err := settings.ParseFor(w.Getenv, operatorSettings...)
	if err != nil {
		return nil, fmt.Errorf("invalid settings:\n%w", err)
	}
	return s.OpenDatabase(ctx)
}

// operatorDocuments returns the centre's document codes. With other codes a person is not
// found, or another person is.
func operatorDocuments(w terminal.Stdio) (*document.List, error) {
	s, _ := settings.Parse(w.Getenv)
	documents, err := s.LoadDocuments()
	if err != nil {
		return nil, fmt.Errorf("FUNDPASS_DOCUMENTS_FILE: %w", err)
	}
	return documents, nil
}
