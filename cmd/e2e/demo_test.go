package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
	"fundpass/signing/alipaysim"
	"fundpass/store/localpg"
	"fundpass/store/storetest"
)

// A runningDemo is fundpass demo as a process.
type runningDemo struct{ *process }

// startDemo runs a demo on a free port and waits until it has started.
func startDemo(t testing.TB, args ...string) *runningDemo {
	t.Helper()
	_, err := localpg.FindBin()
	storetest.Require(t, err)
	d := &runningDemo{newProcess(t, nil, append([]string{"demo", "--addr", "127.0.0.1:0"}, args...)...)}
	d.cmd.Env = os.Environ()
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	d.start()
	t.Cleanup(func() { // interrupted before it is killed, so that its PostgreSQL stops, too
		d.interrupt()
		<-d.dead
	})
	testenv.Eventually(t, "the demo runs or ends", func() bool {
		select {
		case <-d.dead:
			return true
		default:
			return strings.Contains(d.out.String(), "Ctrl-C stops")
		}
	})
	d.URL = d.find(t, `API +(http://127\.0\.0\.1:\d+)\n`)
	return d
}

// interrupt sends SIGINT to every process of the group, as Ctrl-C does.
func (d *runningDemo) interrupt() { syscall.Kill(-d.Pid, syscall.SIGINT) }

// stop interrupts the demo, which must end without an error.
func (d *runningDemo) stop(t *testing.T) {
	t.Helper()
	d.interrupt()
	if err := d.wait(); err != nil {
		t.Errorf("stopped with %v\n%s", err, d.Log())
	}
}

// find returns the submatch of a pattern in the demo's output.
func (d *runningDemo) find(t testing.TB, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(d.out.String())
	if m == nil {
		t.Fatalf("the screen lacks %s:\n%s\n%s", pattern, d.out, d.Log())
	}
	return m[1]
}

func (d *runningDemo) client() *apiclient.Client {
	return &apiclient.Client{Base: d.URL, HTTP: &http.Client{Timeout: testenv.Patience}}
}

// logIn opens a session for a person of the demo.
func logIn(t testing.TB, p *apiclient.Client, person string) apiclient.Answer {
	t.Helper()
	code := mustPost(t, p, "/sim/auth-code", apiclient.Fields{"person": person}).Text("auth_code")
	a := mustPost(t, p, "/v1/sessions", apiclient.Fields{"auth_code": code})
	p.Token = a.Text("token")
	return a
}

// mustPost sends a POST request and ends the test if there is no reply.
func mustPost(t testing.TB, p *apiclient.Client, path string, body apiclient.Fields) apiclient.Answer {
	t.Helper()
	a, err := p.Post(t.Context(), path, body)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return a
}

// person returns a person of the demo.
func (d *runningDemo) person(t testing.TB, key string) alipaysim.Person {
	t.Helper()
	a, err := d.client().Get(t.Context(), "/sim/people")
	cmdtest.NoError(t, err)
	var all []alipaysim.Person
	cmdtest.NoError(t, json.Unmarshal(a.Raw, &all))
	for _, p := range all {
		if p.Person == key {
			return p
		}
	}
	t.Fatalf("no person %s", key)
	return alipaysim.Person{}
}

func linkOf(who alipaysim.Person, password string) apiclient.Fields {
	return apiclient.Fields{"name": who.Name, "id_type": who.IDType, "id_number": who.IDNumber, "account_no": who.AccountNo, "password": password}
}

// TestDemoCtrlC interrupts every process of the group, and checks that the demo stops
// PostgreSQL and removes its data.
func TestDemoCtrlC(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	dir := d.find(t, `Database +(/.+)/postgres`)
	pid := postmaster(t, dir)
	d.stop(t)
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("PostgreSQL %d is still there: %v", pid, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", dir, err)
	}
	if end := "Stopped PostgreSQL and removed " + dir + ".\n"; !strings.HasSuffix(d.out.String(), end) {
		t.Errorf("the screen does not end in %q:\n%s", end, d.out)
	}
}

func postmaster(t *testing.T, dir string) int {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "postgres", "data-*", "postmaster.pid"))
	if len(files) != 1 {
		t.Fatalf("postmaster.pid: %v", files)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(cmdtest.ReadFile(t, files[0])), "\n", 2)[0])
	cmdtest.NoError(t, err)
	return pid
}

// TestDemoKeepsItsData checks that a demo with --data keeps keys, links and passwords
// until --fresh.
func TestDemoKeepsItsData(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "demo-test-") // accessible to the user of PostgreSQL
	cmdtest.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	first := startDemo(t, "--data", dir)
	who := first.person(t, "ok")
	if strings.Contains(first.out.String(), "These are the first passwords") {
		t.Error("a new directory is reported as an old one")
	}
	changePassword(t, first.client(), who, "Thistle-Meadow-15")
	busy := newProcess(t, nil, "demo", "--addr", "127.0.0.1:0", "--data", dir).start()
	if busy.wait() == nil || !strings.Contains(busy.Log(), "another demo uses it") {
		t.Errorf("a second demo on the directory: %v %s", busy.err, busy.Log())
	}
	first.stop(t)
	if end := "kept " + dir + " for the next start.\n"; !strings.HasSuffix(first.out.String(), end) {
		t.Errorf("the screen does not end in %q", end)
	}
	appKey := filepath.Join(dir, "app-key.pem")
	key := string(cmdtest.ReadFile(t, appKey))

	second := startDemo(t, "--data", dir, "--link-transfer", "0s") // the walk transfers a link once its holder was notified
	if !strings.Contains(second.out.String(), "These are the first passwords") {
		t.Error("the output does not say that passwords may have changed")
	}
	p := second.client()
	if a := logIn(t, p, "ok"); a.Object()["linked"] != true {
		t.Errorf("the link is gone: %s", a.Raw)
	}
	if a := mustPost(t, p, "/v1/link/remove", apiclient.Fields{"password": "Thistle-Meadow-15"}); a.Code != "OK" {
		t.Errorf("the changed password: %s", a.Raw)
	}
	if r := runWith(t, nil, "walk", "--base", second.URL); r.Err == nil || !strings.Contains(r.Out, "--password") {
		t.Errorf("a walk with the first password: %v\n%s", r.Err, r.Out)
	}
	if r := runWith(t, nil, "walk", "--base", second.URL, "--password", "Thistle-Meadow-15"); r.Err != nil {
		t.Errorf("a walk with the current password: %v\n%s", r.Err, r.Out)
	}
	second.stop(t)
	if key != string(cmdtest.ReadFile(t, appKey)) {
		t.Error("the application key changed")
	}

	third := startDemo(t, "--data", dir, "--fresh")
	p = third.client()
	logIn(t, p, "ok")
	if a := mustPost(t, p, "/v1/link", linkOf(who, who.Password)); a.Code != "OK" {
		t.Errorf("the listed password after --fresh: %s", a.Raw)
	}
	third.stop(t)
}

// changePassword links the person and changes the password.
func changePassword(t *testing.T, p *apiclient.Client, who alipaysim.Person, to string) {
	t.Helper()
	logIn(t, p, who.Person)
	mustPost(t, p, "/v1/link", linkOf(who, who.Password))
	a := mustPost(t, p, "/v1/password/changes", apiclient.Fields{"id_number": who.IDNumber, "old_password": who.Password})
	a = mustPost(t, p, fmt.Sprintf("/v1/password/changes/%s/confirm", a.Text("id")), apiclient.Fields{"new_password": to, "new_password_again": to})
	if a.Text("state") != "done" {
		t.Fatalf("change: %s", a.Raw)
	}
}
