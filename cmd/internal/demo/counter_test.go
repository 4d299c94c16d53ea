package demo

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/passwd"
)

// listed is the person as the page lists them.
func (d *runningDemo) listed(t *testing.T, word string) listedPerson {
	t.Helper()
	resp, err := http.Get(d.url + "/demo/people")
	cmdtest.NoError(t, err)
	defer resp.Body.Close()
	var all struct{ People []listedPerson }
	cmdtest.NoError(t, json.NewDecoder(resp.Body).Decode(&all))
	for _, p := range all.People {
		if p.Person == word {
			return p
		}
	}
	t.Fatalf("no person %s", word)
	return listedPerson{}
}

// ask asks the counter, and returns what it replies.
func (d *runningDemo) ask(t *testing.T, person, act string) (int, map[string]string) {
	t.Helper()
	resp, err := http.Post(d.url+"/demo/counter", "application/json", strings.NewReader(`{"person":"`+person+`","act":"`+act+`"}`))
	cmdtest.NoError(t, err)
	defer resp.Body.Close()
	var reply map[string]string
	cmdtest.NoError(t, json.NewDecoder(resp.Body).Decode(&reply))
	return resp.StatusCode, reply
}

// A city's demo has its policy and its initial passwords, and the data directory keeps both, and
// the passwords that people have set.
func TestDemoPolicyAndPasswords(t *testing.T) {
	t.Parallel()
	dir := dataDirFor(t)
	first := startDemo(t, "--data", dir, "--policy", "harbin")
	first.find(t, `Policy +(harbin), `)
	who, p := first.listed(t, "initial"), first.client()
	if who.Password != "111111" || who.Changed || who.Status != "01" {
		t.Errorf("initial: %+v", who)
	}
	p.LogIn(t.Context(), "initial")
	link := linkOf(storyOf(t, "initial").person(), who.Password)
	if a := mustPost(t, p, "/v1/link", link); a.Text("password_state") != "initial" {
		t.Fatalf("link: %s", a.Raw)
	}
	for round, password := range []string{"582947", "304918"} {
		a := mustPost(t, p, "/v1/password/changes", apiclient.Fields{"id_number": who.IDNumber, "old_password": first.listed(t, "initial").Password})
		confirm := "/v1/password/changes/" + a.Text("id") + "/confirm"
		mustPost(t, p, confirm, apiclient.Fields{"new_password": "111111", "new_password_again": "111111"})
		if now := first.listed(t, "initial"); now.Password == "111111" && round > 0 {
			t.Error("a refused password is listed")
		}
		mustPost(t, p, confirm, apiclient.Fields{"new_password": password, "new_password_again": password})
		if now := first.listed(t, "initial"); now.Password != password || !now.Changed {
			t.Errorf("the present password: %+v", now)
		}
	}
	if other := first.listed(t, "ok"); other.Changed {
		t.Errorf("somebody else's: %+v", other)
	}
	first.stop(t)

	err := cmdtest.Execute(t.Context(), []string{"demo", "--addr", "127.0.0.1:0", "--data", dir}, terminal.Stdio{Out: &cmdtest.LogBuffer{}})
	if err == nil || !strings.Contains(err.Error(), "has another policy; add --fresh") {
		t.Errorf("another policy on the same data: %v", err)
	}
	second := startDemo(t, "--data", dir, "--policy", "harbin")
	if now := second.listed(t, "initial"); now.Password != "304918" {
		t.Errorf("after a restart: %+v", now)
	}
	second.stop(t)
}

// Every built-in policy has a password for the page to offer.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, name := range passwd.Builtins() {
		p, err := passwd.Builtin(name)
		cmdtest.NoError(t, err)
		if all := examples(p); len(all) < 2 || slices.Contains(all, "111111") {
			t.Errorf("%s: %v", name, all)
		}
	}
}

// The counter does what a clerk does, for whoever has an account.
func (d *runningDemo) testCounter(t *testing.T) {
	who, p := storyOf(t, "passport").person(), d.client()
	p.LogIn(t.Context(), "passport")
	if a := mustPost(t, p, "/v1/link", linkOf(who, who.Password)); a.Code != "OK" {
		t.Fatalf("link: %s", a.Raw)
	}
	_, issued := d.ask(t, "passport", "reset_code")
	a := mustPost(t, p, "/v1/password/resets", apiclient.Fields{"code": issued["code"]})
	confirm := apiclient.Fields{"new_password": "Granite-Lilac-20", "new_password_again": "Granite-Lilac-20"}
	if a = mustPost(t, p, "/v1/password/resets/"+a.Text("id")+"/confirm", confirm); a.Text("state") != "done" {
		t.Errorf("reset: %s", a.Raw)
	}
	if now := d.listed(t, "passport"); now.Password != "Granite-Lilac-20" {
		t.Errorf("the present password: %+v", now)
	}
	for _, step := range []struct{ act, status string }{{"freeze", "06"}, {"restore", "01"}, {"move_out", "04"}, {"restore", "01"}} {
		if code, _ := d.ask(t, "passport", step.act); code != http.StatusOK || d.listed(t, "passport").Status != step.status {
			t.Errorf("%s: %d, %+v", step.act, code, d.listed(t, "passport"))
		}
	}
	_, second := d.ask(t, "passport", "other_alipay")
	if a, err := d.client().LogIn(t.Context(), second["person"]); err != nil || a.Object()["linked"] != false {
		t.Errorf("the second Alipay account %v: %s %v", second, a.Raw, err)
	}
	d.ask(t, "passport", "freeze")
	for _, refused := range []struct {
		person, act string
		status      int
	}{{"passport", "reset_code", 409}, {"no_account", "freeze", 404}, {"nobody", "freeze", 404}, {"passport", "pay", 400}} {
		if code, reply := d.ask(t, refused.person, refused.act); code != refused.status || reply["error"] == "" {
			t.Errorf("%+v: %d %v", refused, code, reply)
		}
	}
	d.ask(t, "passport", "restore")
	if _, reply := d.ask(t, "ok_again", "reset_code"); reply["code"] == "" {
		t.Errorf("a code for an account known by its person's second name: %v", reply)
	}
}

// dataDirFor returns a new directory, which the account that PostgreSQL runs as can reach.
func dataDirFor(t *testing.T) string {
	t.Helper()
	needPostgres(t)
	dir, err := os.MkdirTemp("", "demo-test-")
	cmdtest.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
