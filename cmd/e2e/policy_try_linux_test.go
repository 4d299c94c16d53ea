package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// openTerminal returns both ends of a pseudo terminal.
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	cmdtest.NoError(t, err)
	t.Cleanup(func() { keyboard.Close() })
	cmdtest.NoError(t, unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	cmdtest.NoError(t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	cmdtest.NoError(t, err)
	t.Cleanup(func() { terminal.Close() })
	return keyboard, terminal
}

// TestPolicyTryOnATerminal checks that on a terminal the password is read without echo.
func TestPolicyTryOnATerminal(t *testing.T) {
	t.Parallel()
	keyboard, terminal := openTerminal(t)
	var shown cmdtest.LogBuffer
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := keyboard.Read(buffer)
			_, _ = shown.Write(buffer[:n])
			if err != nil {
				return
			}
		}
	}()
	p := policyTry(t, terminal)
	for _, step := range []struct{ prompt, typed string }{
		{"New password (not shown): ", "xiaomingwang77"}, {"姓名 (empty to skip): ", "王小明"}, {"证件号码 (empty to skip): ", ""}, {"手机号 (empty to skip): ", ""}, {"公积金账号 (empty to skip): ", ""},
	} {
		testenv.Eventually(t, step.prompt+" is asked", func() bool { return strings.Contains(shown.String(), step.prompt) })
		awaitNoEcho(t, terminal, step.typed == "xiaomingwang77")
		_, err := keyboard.WriteString(step.typed + "\n")
		cmdtest.NoError(t, err)
	}
	if err := p.wait(); err == nil || !strings.Contains(p.out.String(), "CONTAINS_NAME") {
		t.Errorf("%v\n%s", err, p.out)
	}
	if strings.Contains(shown.String()+p.out.String(), "xiaoming") {
		t.Errorf("shown: %q, %q", shown.String(), p.out)
	}
}

// policyTry runs policy try on the terminal.
func policyTry(t *testing.T, terminal *os.File) *process {
	t.Helper()
	p := newProcess(t, nil, "policy", "try", "beijing")
	p.cmd.Stdin, p.cmd.Stderr = terminal, terminal
	return p.start()
}

// TestPolicyTryStopped checks that the terminal is restored if the command is
// interrupted.
func TestPolicyTryStopped(t *testing.T) {
	t.Parallel()
	_, terminal := openTerminal(t)
	p := policyTry(t, terminal)
	awaitNoEcho(t, terminal, true)
	p.signal(os.Interrupt)
	if p.wait() == nil {
		t.Error("it exits with status 0")
	}
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	cmdtest.NoError(t, err)
	if state.Lflag&unix.ECHO == 0 {
		t.Error("the terminal does not echo")
	}
}

// awaitNoEcho waits until the terminal does not echo, which takes a moment after the
// prompt.
func awaitNoEcho(t *testing.T, terminal *os.File, silent bool) {
	t.Helper()
	if !silent {
		return
	}
	testenv.Eventually(t, "the terminal does not echo", func() bool {
		state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
		cmdtest.NoError(t, err)
		return state.Lflag&unix.ECHO == 0
	})
}
