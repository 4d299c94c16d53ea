package policy

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/passwd"
)

// errLintFailed is returned for a policy that fails clauses without declaring it.
var errLintFailed = errors.New("undeclared failures")

// Command returns the command policy with its sub-commands.
func Command(w terminal.Stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "List, show, grade and try password policies",
		Long: "Policy works with the built-in password policies and with files for\n" +
			"FUNDPASS_POLICY_FILE. To create one:\n\n" +
			"  fundpass policy list\n" +
			"  fundpass policy show wuxi > policy.json   # then compare it with the centre's notices\n" +
			"  fundpass policy lint policy.json\n" +
			"  fundpass policy try policy.json",
	}
	cmd.AddCommand(policyListCommand(w), policyShowCommand(w), policyLintCommand(w), policyTryCommand(w))
	return cmd
}

func policyListCommand(w terminal.Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the built-in policies",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return listPolicies(w.For(cmd)) },
	}
}

func listPolicies(w terminal.Stdio) error {
	l := w.Language
	var rows []table.Row
	for _, name := range passwd.Builtins() {
		p, err := passwd.Builtin(name)
		if err != nil {
			return err
		}
		rows = append(rows, table.Row{p.Name, p.City, describeRules(l, p), cmp.Or(strings.Join(p.InitialRules, " "), l.T("none")), describeLock(p.Lock)})
	}
	terminal.PrintTable(w.Out, l.Row("name", "city", "rules", "initial passwords", "failed attempts, then locked for"), rows)
	fmt.Fprintln(w.Out, l.T("\nRules change: compare a policy with the centre's current notices before you use it."))
	return nil
}

// describeRules returns the lengths and the other checks of a policy in a few words.
func describeRules(l terminal.Language, p *passwd.Policy) string {
	var parts []string
	shortest, longest := 0, 0
	for _, r := range p.Rules {
		switch c := r.Check; {
		case c.MinLength > 0:
			shortest = c.MinLength
		case c.MaxLength > 0:
			longest = c.MaxLength
		case c.Charset != "":
			parts = append(parts, c.Charset)
		case c.Require != nil:
			parts = append(parts, strings.Join(c.Require, "+"))
		case c.NoSpace:
			parts = append(parts, l.T("no blank"))
		}
	}
	return strings.Join(append([]string{fmt.Sprintf("%d-%d", shortest, longest)}, parts...), " ")
}

// describeLock returns the attempts and the lock of each tier.
func describeLock(l passwd.Lock) string {
	tiers := make([]string, len(l.Tiers))
	for i, t := range l.Tiers {
		tiers[i] = fmt.Sprintf("%d %s", t.Attempts, t.Lock)
	}
	return strings.Join(tiers, ", ")
}

func policyShowCommand(w terminal.Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Print the file of a built-in policy as a template",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := passwd.BuiltinFile(args[0])
			if err != nil {
				return err
			}
			_, err = w.Out.Write(data)
			return err
		},
	}
}

func policyLintCommand(w terminal.Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "lint FILE|NAME",
		Short: "Grade a policy against NIST SP 800-63B-4, OWASP ASVS 5.0 and GB/T 22239",
		Long: "Lint prints for each clause that depends on the policy whether it is met, and if\n" +
			"not, what would correct it. It exits 1 if the policy fails a clause without\n" +
			"declaring it (\"legacy\": true with a reason), or is invalid.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return lintPolicy(w.For(cmd), args[0]) },
	}
}

// lintPolicy reads a draft, because it must be able to grade what ParsePolicy refuses.
func lintPolicy(w terminal.Stdio, source string) error {
	data, err := policyData(source)
	if err != nil {
		return err
	}
	p, err := passwd.ParseDraft(data)
	if err != nil {
		return err
	}
	findings := p.Lint()
	l := w.Language
	var rows []table.Row
	for _, f := range findings {
		note := f.Text
		if f.Mend != "" {
			note += "; " + f.Mend
		}
		rows = append(rows, table.Row{l.T(string(f.Level)), f.Standard, f.Clause, describeRule(p, f.Rule), l.Match(note)})
	}
	fmt.Fprintf(w.Out, "%s %s: %s\n\n", p.Name, p.City, describeRules(l, p))
	terminal.PrintTable(w.Out, l.Row("", "standard", "clause", "rule", "finding"), rows)
	fmt.Fprintln(w.Out)
	return printGrades(w, passwd.Grades(findings))
}

// describeRule returns the rule's id and the text that citizens read.
func describeRule(p *passwd.Policy, id string) string {
	for _, r := range p.Rules {
		if r.ID == id {
			return id + " " + r.Text
		}
	}
	return ""
}

func printGrades(w terminal.Stdio, grades []passwd.Grade) error {
	undeclared := 0
	var rows []table.Row
	for _, g := range grades {
		undeclared += g.Undeclared
		rows = append(rows, table.Row{g.Standard, w.Language.T(g.Grade), g.Met, g.Noted, g.Warned, g.Failed})
	}
	terminal.PrintTable(w.Out, w.Language.Row("standard", "grade", "met", "note", "warn", "fail"), rows)
	if undeclared > 0 {
		return fmt.Errorf("%d %w", undeclared, errLintFailed)
	}
	return nil
}

// policyData returns a built-in policy, or the content of a file. A source with a slash
// or a dot is a file, also if a built-in policy has the same name.
func policyData(source string) ([]byte, error) {
	if strings.ContainsAny(source, `/\.`) {
		return os.ReadFile(source)
	}
	data, err := passwd.BuiltinFile(source)
	if err != nil {
		return nil, fmt.Errorf("%w; fundpass policy list names them; write a file with its directory or extension", err)
	}
	return data, nil
}
