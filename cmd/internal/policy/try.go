package policy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
)

func policyTryCommand(w terminal.Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "try FILE|NAME",
		Short: "Check a password against a policy",
		Long: "Try asks for a password, without showing it, and for its owner's name, document\n" +
			"number, phone and account number, which may be empty. It prints the rules that the\n" +
			"password breaks, but not the password. It stores and sends nothing, and takes none\n" +
			"of these as arguments, because shells keep a history.\n\n" +
			"Without a terminal it reads the five answers as lines of the standard input; the\n" +
			"last four may be missing. It exits 1 if the password is refused.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return tryPolicy(cmd.Context(), w.For(cmd), args[0]) },
	}
}

// tryPolicy prints the broken rules as citizens read them.
func tryPolicy(ctx context.Context, w terminal.Stdio, source string) error {
	data, err := policyData(source)
	if err != nil {
		return err
	}
	p, err := passwd.ParsePolicy(data)
	if err != nil {
		return err
	}
	candidate, s, err := newPrompter(w).candidate(ctx)
	if err != nil {
		return err
	}
	broken := p.Check(candidate, s)
	if len(broken) == 0 {
		fmt.Fprintln(w.Out, w.Language.T("accepted"))
		return nil
	}
	var rows []table.Row
	for _, b := range broken {
		rows = append(rows, table.Row{b.Code, b.Rule, b.Message})
	}
	terminal.PrintTable(w.Out, w.Language.Row("code", "rule", "what the citizen reads"), rows)
	return errWeak
}

// errWeak is returned for a password that breaks a rule.
var errWeak = errors.New("password refused")

// errNoPassword is returned if the input ends before the password.
var errNoPassword = errors.New("no password was given")

// maxAnswer is larger than all valid answers together.
const maxAnswer = 64 << 10

// A prompter reads answers from a terminal, with prompts, or from the lines of a stream.
type prompter struct {
	terminal *os.File // nil: none
	lines    *bufio.Reader
	prompts  io.Writer
	language terminal.Language
}

// newPrompter prompts only if the input is a terminal, so that the output of a pipe has
// no prompts.
func newPrompter(w terminal.Stdio) prompter {
	a := prompter{lines: bufio.NewReader(io.LimitReader(w.In, maxAnswer)), prompts: io.Discard, language: w.Language}
	if f, ok := w.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		a.terminal, a.prompts = f, w.Err
	}
	return a
}

// candidate asks for a password and its owner.
func (a prompter) candidate(ctx context.Context) (passwd.Secret, passwd.Subject, error) {
	password, err := a.password(ctx, "New password (not shown): ")
	if err != nil {
		return passwd.Secret{}, passwd.Subject{}, err
	}
	answers := make([]string, 4)
	for i, prompt := range []string{"Name 姓名 (empty to skip): ", "Document number 证件号码 (empty to skip): ",
		"Phone 手机号 (empty to skip): ", "Account number 公积金账号 (empty to skip): "} {
		fmt.Fprint(a.prompts, a.language.T(prompt))
		answer, err := a.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return passwd.Secret{}, passwd.Subject{}, err
		}
		answers[i] = strings.TrimSpace(answer)
	}
	return passwd.NewSecret(password), subjectOfAnswers(answers), nil
}

// password reads a password. A terminal does not show it, and is restored if ctx ends.
func (a prompter) password(ctx context.Context, prompt string) (string, error) {
	if a.terminal == nil {
		password, err := a.line()
		if err != nil && password == "" {
			return "", errNoPassword
		}
		return password, nil
	}
	fd := int(a.terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	fmt.Fprint(a.prompts, a.language.T(prompt))
	defer fmt.Fprintln(a.prompts)
	type typed struct {
		password []byte
		err      error
	}
	done := make(chan typed, 1)
	go func() {
		password, err := term.ReadPassword(fd)
		done <- typed{password, err}
	}()
	select {
	case <-ctx.Done(): // the goroutine reads until the process ends
		return "", errors.Join(ctx.Err(), term.Restore(fd, before))
	case t := <-done:
		if errors.Is(t.err, io.EOF) {
			return "", errNoPassword
		}
		return string(t.password), t.err
	}
}

// line reads a line and removes its end.
func (a prompter) line() (string, error) {
	s, err := a.lines.ReadString('\n')
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r"), err
}

// subjectOfAnswers converts the answers to the form that the server stores. An invalid
// name or ID number is used as it was entered.
func subjectOfAnswers(answers []string) passwd.Subject {
	s := passwd.Subject{Name: answers[0], IDNumber: strings.ToUpper(answers[1]), Phone: answers[2], AccountNo: answers[3]}
	if name, err := document.Name(s.Name); err == nil {
		s.Name = name
	}
	if d, err := document.Parse(document.Citizen, s.IDNumber); err == nil {
		s.IDType, s.IDNumber = d.Type, d.Number
	}
	return s
}
