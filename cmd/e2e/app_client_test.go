package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
	"fundpass/signing/alipaysim"
)

// An appPhone is the reference client of the app as processes that share the file of a device.
type appPhone struct {
	t          testing.TB
	file, base string
}

// run runs a command with lines of input until it exits.
func (p appPhone) run(input string, args ...string) (string, error) {
	p.t.Helper()
	c := p.command(args...)
	c.cmd.Stdin = strings.NewReader(input)
	err := c.start().wait()
	return c.out.String() + c.log.String(), err
}

// must is run for a command that must succeed.
func (p appPhone) must(input string, args ...string) string {
	p.t.Helper()
	out, err := p.run(input, args...)
	if err != nil {
		p.t.Fatalf("app-client %s: %v\n%s", args[0], err, out)
	}
	return out
}

func (p appPhone) command(args ...string) *process {
	return newProcess(p.t, nil, append([]string{"app-client", "--device", p.file, "--base", p.base}, args...)...)
}

// getJSON reads a page of the demo.
func getJSON(t testing.TB, url string, into any) {
	t.Helper()
	rsp, err := http.Get(url)
	cmdtest.NoError(t, err)
	defer rsp.Body.Close()
	cmdtest.NoError(t, json.NewDecoder(rsp.Body).Decode(into))
}

var smsCode = regexp.MustCompile(`\d{6}`)

// codeSentTo waits for an SMS of the demo's gateway and returns its code.
func codeSentTo(t testing.TB, demo, phone string) (code string) {
	t.Helper()
	testenv.Eventually(t, "an SMS with a code", func() bool {
		var inbox []struct{ Text string }
		getJSON(t, demo+"/sim/sms?to="+phone, &inbox)
		for _, m := range inbox { // newest first, among notices
			if code = smsCode.FindString(m.Text); code != "" {
				return true
			}
		}
		return false
	})
	return code
}

// TestAppClient signs in on a new device with a code, changes the password, and shows that the
// token is nothing without the key.
func TestAppClient(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	base := d.find(t, `App +(http://127\.0\.0\.1:\d+) `)
	var people []alipaysim.Person
	getJSON(t, d.URL+"/sim/people", &people)
	person := people[0] // ok
	dir := t.TempDir()
	phone := appPhone{t, filepath.Join(dir, "phone.json"), base}

	in := phone.command("sign-in", "--document", person.IDNumber, "--name", "新手机")
	input, err := in.cmd.StdinPipe()
	cmdtest.NoError(t, err)
	in.start()
	fmt.Fprintln(input, person.Password)
	testenv.Eventually(t, "the code is asked for", func() bool { return strings.Contains(in.out.String(), "验证码已发送到") })
	fmt.Fprintln(input, codeSentTo(t, d.URL, person.Phone))
	if err := in.wait(); err != nil || !strings.Contains(in.out.String(), "已登录") {
		t.Fatalf("sign-in: %v\n%s%s", err, in.out, in.log)
	}
	if out := phone.must("", "password"); !strings.Contains(out, "set") {
		t.Errorf("password: %s", out)
	}
	const changed = "Copper-Kettle-77"
	phone.must(person.Password+"\n"+changed+"\n", "change-password", "--document", person.IDNumber)
	if out := phone.must("", "record"); !strings.Contains(out, "密码修改成功") || !strings.Contains(out, "手机应用在新设备上登录") {
		t.Errorf("record: %s", out)
	}
	if out := phone.must(changed+"\n", "sign-in", "--document", person.IDNumber); strings.Contains(out, "验证码") {
		t.Errorf("a known device needs a code: %s", out)
	}
	out := phone.must("", "devices")
	if !strings.Contains(out, "新手机") || !strings.Contains(out, "本机") {
		t.Errorf("devices: %s", out)
	}
	refuseStolenToken(t, phone, filepath.Join(dir, "thief.json"))
	id := regexp.MustCompile(`[0-9a-f-]{36}`).FindString(out)
	phone.must("", "end-device", id)
	if out, err := phone.run("", "devices"); err == nil || !strings.Contains(out, "SESSION_EXPIRED") {
		t.Errorf("after the end of the device: %v %s", err, out)
	}
}

// TestAppClientForgets sets a new password with a code to the phone on file, on a new device.
func TestAppClientForgets(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	base := d.find(t, `App +(http://127\.0\.0\.1:\d+) `)
	var people []alipaysim.Person
	getJSON(t, d.URL+"/sim/people", &people)
	person := people[0]
	phone := appPhone{t, filepath.Join(t.TempDir(), "phone.json"), base}
	in := phone.command("forgot-password", "--person", person.Name, "--document", person.IDNumber)
	input, err := in.cmd.StdinPipe()
	cmdtest.NoError(t, err)
	in.start()
	code := codeSentTo(t, d.URL, person.Phone)
	fmt.Fprintf(input, "%s\nCopper-Kettle-88\n", code)
	if err := in.wait(); err != nil || !strings.Contains(in.out.String(), "新密码已生效") {
		t.Fatalf("forgot-password: %v\n%s%s", err, in.out, in.log)
	}
	phone.must("", "sign-out")
	if out := phone.must("Copper-Kettle-88\n", "sign-in", "--document", person.IDNumber); strings.Contains(out, "验证码") {
		t.Errorf("the device needs a code: %s", out)
	}
}

// refuseStolenToken checks that the token of a phone is refused beside another key, and as a
// bearer token.
func refuseStolenToken(t *testing.T, phone appPhone, file string) {
	t.Helper()
	thief := appPhone{t, file, phone.base}
	thief.run("wrong\n", "sign-in", "--account", "1") // makes a key
	var mine, stolen map[string]any
	for name, into := range map[string]*map[string]any{phone.file: &mine, thief.file: &stolen} {
		raw, err := os.ReadFile(name)
		cmdtest.NoError(t, err)
		cmdtest.NoError(t, json.Unmarshal(raw, into))
	}
	stolen["token"] = mine["token"]
	raw, err := json.Marshal(stolen)
	cmdtest.NoError(t, err)
	cmdtest.NoError(t, os.WriteFile(thief.file, raw, 0o600))
	if out, err := thief.run("", "devices"); err == nil || !strings.Contains(out, "SESSION_EXPIRED") {
		t.Errorf("a stolen token with another key: %v %s", err, out)
	}
	req, err := http.NewRequest("GET", phone.base+"/v1/password", nil)
	cmdtest.NoError(t, err)
	req.Header.Set("Authorization", fmt.Sprint("Bearer ", mine["token"]))
	rsp, err := http.DefaultClient.Do(req)
	cmdtest.NoError(t, err)
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if cmdtest.NoError(t, err); rsp.StatusCode != 401 || !strings.Contains(string(body), "SESSION_REQUIRED") {
		t.Errorf("a stolen token as a bearer token: %s", body)
	}
}
