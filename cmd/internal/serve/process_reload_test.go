package serve

import (
	"strings"
	"sync"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// load calls the API as c until the returned function is called, and reports every answer that
// is not want.
func (w *town) load(t *testing.T, c *cmdtest.Citizen, want string) (stop func()) {
	done := make(chan struct{})
	var running sync.WaitGroup
	for range 3 {
		running.Go(func() {
			client := apiclient.Client{Base: c.Base, HTTP: w.clientTo(t), Token: c.Token}
			for {
				select {
				case <-done:
					return
				default:
				}
				a, err := client.Do(t.Context(), cmdtest.GetFrom("/v1/link"))
				if err != nil || a.Code != want {
					t.Errorf("under load: %s, %v", a.Raw, err)
					return
				}
			}
		})
	}
	return func() { close(done); running.Wait() }
}

// TestCentersReload checks that SIGHUP adds, changes and removes centres while another one
// answers every request.
func TestCentersReload(t *testing.T) {
	t.Parallel()
	w := prepareTown(t)
	w.start(t, w.eb)
	b := w.citizenOfB()
	stop := w.load(t, b, "OK")

	w.write()
	w.HangUp()
	w.AwaitLog("centres reloaded", 1)
	a := w.a.Linked(1, w.atA)[0]

	w.ea.Set = cmdtest.Values{"FUNDPASS_PROOF": "none", "FUNDPASS_POLICY_FILE": w.b.Path("policy.json")}
	w.write()
	w.HangUp()
	w.AwaitLog("centres reloaded", 2)
	w.AwaitLog("centre removed", 1) // the one with the earlier settings
	changed := cmdtest.ChangeAt(a.Must("OK", a.OpenChange(a.Password)))
	a.Must("PASSWORD_WEAK", cmdtest.ConfirmTo(changed, a.NewPassword()))

	w.ea.Path = "elsewhere" // changes no setting
	w.a.ChangeAlipayKey()
	w.write()
	w.HangUp()
	w.AwaitLog("centres reloaded", 3)
	w.AwaitLog("keys reloaded", 1)
	a.Want("NOT_FOUND", cmdtest.GetFrom("/v1/link")) // the token names the centre, which has no such path
	a.Base = w.URL + "/elsewhere"
	a.Must("OK", cmdtest.GetFrom("/v1/link"))
	if status := w.a.LogIn(t, a.Base); status != 200 {
		t.Errorf("with the new key: %d", status)
	}

	cmdtest.NoError(t, w.a.Sim.Fault("slow", 1)) // the reply takes 3 s
	answered := make(chan int, 1)
	go func() { answered <- w.a.LogIn(t, a.Base) }()
	before := w.a.Sim.Calls("alipay.system.oauth.token")
	testenv.Eventually(t, "a request is active", func() bool { return w.a.Sim.Calls("alipay.system.oauth.token") > before })
	w.write(w.eb)
	w.HangUp()
	w.AwaitLog("centres reloaded", 4)
	a.Want("CENTER_UNKNOWN", cmdtest.GetFrom("/v1/link"))
	if got := <-answered; got != 200 {
		t.Errorf("the active request of the removed centre got %d", got)
	}
	w.AwaitLog("centre removed", 2)
	if _, metrics := cmdtest.Fetch(t, "GET", w.Ops+"/metrics", ""); strings.Contains(metrics, w.a.Center) || !strings.Contains(metrics, w.b.Center) {
		t.Error("the metrics do not follow the centres")
	}
	stop()
	cmdtest.NoError(t, w.Stop())
	cmdtest.CheckServer(t, w.Process)
}

// TestCentersReloadRefused checks that nothing changes if anything is wrong, and that the log
// names the centre and the setting.
func TestCentersReloadRefused(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a, b := w.a.Linked(1, w.atA)[0], w.citizenOfB()
	good := w.eb.Set["FUNDPASS_PROOF"]
	for i, c := range []struct {
		name   string
		change func()
		want   []string
	}{
		{"wrong setting", func() { w.eb.Set["FUNDPASS_PROOF"] = "canary"; w.write() }, []string{`"center":"` + w.b.Center + `"`, `"setting":"FUNDPASS_PROOF"`}},
		{"wrong file", func() { (&cmdtest.ServerEnv{T: t, Dir: w.dir}).Write("centers.json", "canary") }, []string{`"setting":"FUNDPASS_CENTERS_FILE"`}},
		{"key of an unchanged centre", func() { w.write(); w.a.Write("alipay_public_key.txt", "canary") }, []string{`"center":"` + w.a.Center + `"`, `"setting":"FUNDPASS_ALIPAY_KEY_FILES"`}},
		{"another application of the centre", func() {
			w.b.AppID = "2021000000000077"
			w.write()
			w.b.AppID = "2021" + w.b.Center[1:]
		}, []string{`"center":"` + w.b.Center + `"`, `"setting":"FUNDPASS_DATABASE_URL"`}},
	} {
		before := string(w.a.Read("alipay_public_key.txt"))
		c.change()
		w.HangUp()
		w.AwaitLog("everything remains as it was", i+1)
		w.a.Write("alipay_public_key.txt", before)
		w.eb.Set["FUNDPASS_PROOF"] = good
		lines := strings.Split(w.Log(), "\n")
		line := ""
		for _, l := range lines {
			if strings.Contains(l, "everything remains as it was") {
				line = l
			}
		}
		for _, want := range c.want {
			if !strings.Contains(line, want) || strings.Contains(line, "canary") {
				t.Errorf("%s: the log lacks %s: %s", c.name, want, line)
			}
		}
		a.Must("OK", cmdtest.GetFrom("/v1/link"))
		b.Must("OK", cmdtest.GetFrom("/v1/link"))
	}
	w.write()
	w.HangUp()
	w.AwaitLog("centres reloaded", 1)
	cmdtest.NoError(t, w.Stop())
}

// TestCentersRefusedAtStart checks that a process with a centre that cannot be served does not
// begin to serve the others.
func TestCentersRefusedAtStart(t *testing.T) {
	t.Parallel()
	w := prepareTown(t)
	w.b.AppID = "2021000000000078" // registered with another one
	p := cmdtest.BeginServe(t, w.write())
	<-p.Dead
	if p.Err == nil || !strings.Contains(p.Err.Error(), "centre "+w.b.Center+": FUNDPASS_DATABASE_URL: ") || strings.Contains(p.Log(), `"listening"`) {
		t.Errorf("got %v\n%s", p.Err, p.Log())
	}
}
