package cmdtest

import (
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
	"fundpass/keys/testenv"
)

// RunTyping runs a command with typed as its standard input.
func RunTyping(t testing.TB, env map[string]string, typed string, args ...string) Result {
	t.Helper()
	var out, log LogBuffer
	err := Execute(t.Context(), args, terminal.Stdio{Getenv: GetenvOf(env), In: strings.NewReader(typed), Out: &out, Err: &log})
	return Result{out.String(), log.String(), err}
}

// GetenvOf returns a function that looks names up in env, as os.Getenv does in the
// environment.
func GetenvOf(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// A Result is the output and the error of a command.
type Result struct {
	Out, Log string
	Err      error
}

// Said returns what the command wrote to standard error, followed by its error.
func (r Result) Said() string {
	if r.Err == nil {
		return r.Log
	}
	return r.Log + r.Err.Error()
}

// Run runs a command in this process.
func Run(t testing.TB, env map[string]string, args ...string) Result {
	t.Helper()
	return RunTyping(t, env, "", args...)
}

// commands returns the root command under test; Main sets it.
var commands func(terminal.Stdio) *cobra.Command

// Main runs the tests of a package with the commands that commandsOf returns.
func Main(m *testing.M, commandsOf func(terminal.Stdio) *cobra.Command) {
	commands = commandsOf
	testenv.Main(m)
}

// Execute runs a command in the test process as the program does.
func Execute(ctx context.Context, args []string, w terminal.Stdio) error {
	root := commands(w)
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}
