package operator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/calendar"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

var (
	errAccountFlag   = errors.New("--account accepts only -, the standard input: the shell's history and the process list would show an account number on the command line")
	errResetOperator = errors.New("--operator is required: the staff number of the clerk who saw the citizen's document, 1 to 32 letters, digits, . - or _")
	errNoSuchNumber  = errors.New("no account has this number")
	errNotResettable = errors.New("the account is frozen by the centre, or merged, moved or closed: its password cannot be reset")
)

var staffNumber = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

func issueResetCodeCommand(w terminal.Stdio) *cobra.Command {
	var account, operator string
	cmd := &cobra.Command{
		Use:   "issue-reset-code",
		Short: "Issue a code with which a citizen at the counter resets their password",
		Long: "Issue-reset-code reads an account number (GRZH) from the standard input and prints a\n" +
			"one-time code for its holder, whose document the operator has seen. The citizen enters\n" +
			"the code in the mini-program under 忘记密码 and chooses a new password there, which\n" +
			"the operator does not see.\n" +
			"The code is shown once. It is valid for 30 minutes, 5 tries and one use, and replaces\n" +
			"an earlier code. The current password stays valid until the code is used. A citizen\n" +
			"without a link enters the code instead of the password to link the account.\n\n" +
			"The citizen's record shows the code's issue, and fundpass audit lists it with the\n" +
			"operator's staff number.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case account != "-":
				return errAccountFlag
			case !staffNumber.MatchString(operator):
				return errResetOperator
			}
			return issueResetCode(cmd.Context(), w.For(cmd), operator)
		},
	}
	cmd.Flags().StringVar(&account, "account", "-", "source of the account number: -, the standard input")
	cmd.Flags().StringVar(&operator, "operator", "", "the operator's staff number (required)")
	return cmd
}

// issueResetCode refuses accounts that cannot be reset before it issues a code, and
// prints the holder's masked name and document for comparison.
func issueResetCode(ctx context.Context, w terminal.Stdio, operator string) error {
	s, err := settings.ParseFor(w.Getenv, operatorSettings...)
	if err != nil {
		return fmt.Errorf("invalid settings:\n%w", err)
	}
	number, err := readAccountNo(w)
	if err != nil {
		return err
	}
	db, err := s.OpenDatabase(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	a, err := db.AccountByNumber(ctx, number)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errNoSuchNumber
	case err != nil:
		return err
	case a.Ended() || a.Status == store.StatusFrozen:
		return errNotResettable
	}
	code, err := selfservice.NewResetCode()
	if err != nil {
		return err
	}
	until, err := db.Operations().IssueResetCode(ctx, a, code, operator)
	if err != nil {
		return err
	}
	fmt.Fprintln(w.Out, w.Language.T("holder   %s, document %s: compare with the one you saw\ncode     %s-%s\nvalid    until %s, once",
		document.MaskName(a.Person.Name), document.MaskNumber(a.Person.IDNumber),
		code[:selfservice.ResetCodeDigits/2], code[selfservice.ResetCodeDigits/2:], until.In(calendar.Beijing).Format(time.TimeOnly)))
	return nil
}

// readAccountNo reads one line. On a terminal it prints a prompt.
func readAccountNo(w terminal.Stdio) (string, error) {
	if f, ok := w.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(w.Err, w.Language.T("account number: "))
	}
	line, err := bufio.NewReader(io.LimitReader(w.In, 256)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if line = document.AccountNo(line); line == "" {
		return "", errNoSuchNumber
	}
	return line, nil
}
