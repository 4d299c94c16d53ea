package terminal

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completionHelp replaces the long English texts of cobra.
const completionHelp = "Completion prints the script with which %s completes the commands of fundpass."

// localizeHelp makes every command of root show its help in the language of w.
func localizeHelp(root *cobra.Command, w Stdio) {
	usual := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		l := w.For(cmd).Language
		if l != Chinese {
			usual(cmd, args)
			return
		}
		translate(root, l)
		var b bytes.Buffer
		out := cmd.OutOrStdout()
		cmd.SetOut(&b)
		usual(cmd, args)
		cmd.SetOut(nil) // the root's again
		_, _ = out.Write([]byte(l.usage(b.String())))
	})
}

// translate replaces the texts of a command and of the commands below it.
func translate(cmd *cobra.Command, l Language) {
	cmd.Short, cmd.Long = l.Match(cmd.Short), l.Match(cmd.Long)
	if cmd.HasParent() && cmd.Parent().Name() == "completion" {
		cmd.Long = l.T(completionHelp, cmd.Name())
	}
	cmd.InitDefaultHelpFlag()
	each := func(f *pflag.Flag) { f.Usage = l.Match(f.Usage) }
	cmd.LocalFlags().VisitAll(each)
	for _, sub := range cmd.Commands() {
		translate(sub, l)
	}
}

// defaultValue matches what pflag writes behind the text of a flag.
var defaultValue = regexp.MustCompile(`(?m) \(default (.*)\)$`)

// usage translates the lines around the texts of a help.
func (l Language) usage(english string) string {
	english = defaultValue.ReplaceAllString(english, l.T("(default %s)", "$1"))
	words := strings.NewReplacer("[flags]", l.T("[flags]"), "[command]", l.T("[command]"))
	lines := strings.Split(english, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, " ") {
			lines[i] = words.Replace(line)
		} else {
			lines[i] = l.Match(line)
		}
	}
	return strings.Join(lines, "\n")
}
