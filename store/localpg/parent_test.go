//go:build unix

package localpg_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/store/localpg"
)

// childDir, if set, makes the test binary run a server there and wait.
const childDir = "LOCALPG_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := localpg.Start(context.Background(), localpg.Options{Dir: dir, Throwaway: true})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready", s.Pid())
	time.Sleep(time.Minute)
}

// child starts the test binary with childDir and returns it when it is ready, or at once if
// wait is false.
func child(t *testing.T, dir string, wait bool) *exec.Cmd {
	t.Helper()
	_, err := localpg.FindBin()
	need(t, err)
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDir+"="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	if wait {
		line, _ := bufio.NewReader(out).ReadString('\n')
		if !strings.HasPrefix(line, "ready") {
			t.Fatal(line)
		}
	}
	return c
}

func TestServerOfAnotherProcessIsShared(t *testing.T) {
	testenv.NeedE2E(t, "./store/localpg")
	t.Parallel()
	dir := place(t)
	c := child(t, dir, true)
	s := start(t, localpg.Options{Dir: dir, Throwaway: true})
	if !s.Adopted() {
		t.Fatal("not shared")
	}
	if _, err := query(s.DSN(""), `SELECT 1`); err != nil {
		t.Fatal(err)
	}
	c.Process.Kill()
	c.Wait()
	if runtime.GOOS == "linux" {
		testenv.Eventually(t, "the server ends with its process", func() bool { return gone(s.Pid()) })
	}
	owned := start(t, localpg.Options{Dir: dir, Own: true, Throwaway: true})
	if owned.Adopted() {
		t.Error("adopted without an owner")
	}
	if _, err := query(owned.DSN(""), `SELECT 1`); err != nil {
		t.Error(err)
	}
}

// gone reports whether the process has ended. A zombie has.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// The next start works after a kill at any moment.
func TestKilledDuringFirstStart(t *testing.T) {
	testenv.NeedE2E(t, "./store/localpg")
	t.Parallel()
	dir := place(t)
	for _, after := range []int{30, 150, 300, 500, 800} {
		c := child(t, dir, false)
		time.Sleep(time.Duration(after) * time.Millisecond) // a different moment on each machine
		c.Process.Signal(syscall.SIGKILL)
		c.Wait()
	}
	s := start(t, localpg.Options{Dir: dir, Own: true, Throwaway: true})
	if _, err := query(s.DSN(""), `SELECT 1`); err != nil {
		t.Error(err)
	}
	dataDir(t, dir)
}
