package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a pseudo terminal.
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	noError(t, err)
	t.Cleanup(func() { keyboard.Close() })
	noError(t, unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	noError(t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	noError(t, err)
	t.Cleanup(func() { terminal.Close() })
	return keyboard, terminal
}

// On a terminal the password is asked for and not shown.
func TestPolicyTryOnATerminal(t *testing.T) {
	t.Parallel()
	keyboard, terminal := openTerminal(t)
	var out, shown logBuffer
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
	done := make(chan error, 1)
	go func() {
		done <- run(t.Context(), []string{"policy", "try", "beijing"}, world{getenv: getenvOf(nil), in: terminal, out: &out, err: terminal})
	}()
	for _, step := range []struct{ prompt, typed string }{
		{"New password (not shown): ", "xiaomingwang77"}, {"姓名 (empty to skip): ", "王小明"}, {"证件号码 (empty to skip): ", ""}, {"手机号 (empty to skip): ", ""}, {"公积金账号 (empty to skip): ", ""},
	} {
		for end := time.Now().Add(20 * time.Second); !strings.Contains(shown.String(), step.prompt); time.Sleep(2 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%q is not asked: %q", step.prompt, shown.String())
			}
		}
		waitForSilence(t, terminal, step.typed == "xiaomingwang77")
		_, err := keyboard.WriteString(step.typed + "\n")
		noError(t, err)
	}
	if err := <-done; err == nil || !strings.Contains(out.String(), "CONTAINS_NAME") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if strings.Contains(shown.String()+out.String(), "xiaoming") {
		t.Errorf("shown: %q, %q", shown.String(), out.String())
	}
}

// leftBehind are terminals somebody still reads from. They stay open: the read
// touches the number of its terminal once more when it ends, and another test's may
// have the same number by then.
var leftBehind []*os.File

// Whoever stops at the password gets the terminal back as it was.
func TestPolicyTryStopped(t *testing.T) {
	t.Parallel()
	_, terminal := openTerminal(t)
	number, err := unix.Dup(int(terminal.Fd()))
	noError(t, err)
	reads := os.NewFile(uintptr(number), terminal.Name())
	leftBehind = append(leftBehind, reads)
	ctx, stop := context.WithCancel(t.Context())
	var out logBuffer
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"policy", "try", "beijing"}, world{getenv: getenvOf(nil), in: reads, out: &out, err: &out})
	}()
	waitForSilence(t, terminal, true)
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	noError(t, err)
	if state.Lflag&unix.ECHO == 0 {
		t.Error("what is typed stays hidden")
	}
}

// waitForSilence waits until the terminal has stopped to echo, which is a moment
// after the prompt.
func waitForSilence(t *testing.T, terminal *os.File, silent bool) {
	t.Helper()
	if !silent {
		return
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
		noError(t, err)
		if state.Lflag&unix.ECHO == 0 {
			return
		}
	}
	t.Fatal("the terminal goes on to show what is typed")
}
