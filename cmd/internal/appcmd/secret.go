package appcmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

var errNoInput = errors.New("the input has ended: give each password and code on a line of its own")

// A secretReader reads secrets from a terminal, which does not show them, or line by line.
type secretReader struct {
	prompts  io.Writer
	terminal *os.File // nil: no terminal
	lines    *bufio.Reader
}

func (p *phone) reader() secretReader {
	r := secretReader{prompts: p.Err, lines: bufio.NewReader(p.In)}
	if f, ok := p.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		r.terminal = f
	}
	return r
}

// secret reads one secret. A terminal is restored if ctx ends.
func (r secretReader) secret(ctx context.Context, prompt string) (string, error) {
	if r.terminal == nil {
		line, err := r.lines.ReadString('\n')
		if err != nil && line == "" {
			return "", errNoInput
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	fd := int(r.terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	fmt.Fprint(r.prompts, prompt)
	defer fmt.Fprintln(r.prompts)
	type typed struct {
		text []byte
		err  error
	}
	done := make(chan typed, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		done <- typed{text, err}
	}()
	select {
	case <-ctx.Done(): // the goroutine reads until the process ends
		return "", errors.Join(ctx.Err(), term.Restore(fd, before))
	case t := <-done:
		return string(t.text), t.err
	}
}
