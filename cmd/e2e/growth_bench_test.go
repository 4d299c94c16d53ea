package e2e

import (
	"bufio"
	"encoding/csv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
	"fundpass/miniapp-api/document"
	"fundpass/signing/alipaysim"
	"fundpass/store"
	"fundpass/store/storetest"
)

// A grown is a server of a database that holds a sample of a given size.
type grown struct {
	b        *testing.B
	accounts int64
	sim      *alipaysim.Sim
	server   *process
	http     *http.Client
	waiting  []alipaysim.Person // who have not visited yet
	took     map[string][]time.Duration
}

// BenchmarkGrowth compares the requests of citizens in a small and in a large database, in
// turn: each iteration is one citizen of each, who signs in, links, reads the status and
// changes the password. FUNDPASS_GROWTH names the two files of settings, with the database
// of each, into which "fundpass import --sample N" has put N people with the default seed.
// Citizens are drawn from all N by chance, so repeated runs rarely meet the same one.
func BenchmarkGrowth(b *testing.B) {
	files := strings.Split(os.Getenv("FUNDPASS_GROWTH"), ",")
	if len(files) != 2 {
		b.Skip("set FUNDPASS_GROWTH=small.env,large.env: files of settings whose databases hold samples of different sizes")
	}
	small, large := newGrown(b, files[0]), newGrown(b, files[1])
	small.draw(2000)
	large.draw(2000)
	for i := 0; b.Loop(); i++ {
		if i%2 == 0 {
			small.visit()
			large.visit()
		} else {
			large.visit()
			small.visit()
		}
	}
	for _, step := range []string{"session", "link", "status", "change"} {
		was, is := medianOf(small.took[step]), medianOf(large.took[step])
		b.ReportMetric(float64(is)/float64(was), step+"-p50-of-small")
		b.Logf("%-8s p50 %v with %d accounts, %v with %d", step, was, small.accounts, is, large.accounts)
	}
	b.ReportMetric(0, "ns/op")
	checkServer(b, small.server, large.server)
}

// newGrown starts a server with the settings of file, and a simulated Alipay for it.
func newGrown(b *testing.B, file string) *grown {
	b.Helper()
	var env settings.EnvFile
	cmdtest.NoError(b, env.Read(file))
	setting := env.Beneath(terminal.Stdio{Getenv: cmdtest.GetenvOf(nil)}).Getenv
	app, err := keys.ParsePrivateKey(cmdtest.ReadFile(b, setting("FUNDPASS_APP_KEY_FILE")))
	cmdtest.NoError(b, err)
	g := &grown{b: b, took: map[string][]time.Duration{}}
	key := cmdtest.TestKeys().Alipay[0]
	g.sim, err = alipaysim.New(alipaysim.Config{AppID: setting("FUNDPASS_APP_ID"), AppKey: &app.PublicKey, Key: key})
	cmdtest.NoError(b, err)
	gateway := httptest.NewServer(g.sim)
	b.Cleanup(gateway.Close)
	g.server = startServer(b, cmdtest.Values{
		"FUNDPASS_ADDR": "127.0.0.1:0", "FUNDPASS_OPS_ADDR": "127.0.0.1:0", "FUNDPASS_ENVIRONMENT": "test",
		"FUNDPASS_GATEWAY_URL": gateway.URL + "/gateway.do", "FUNDPASS_PER_ADDRESS": "1000000,1000000",
		"FUNDPASS_ALIPAY_KEY_FILES": cmdtest.TempFile(b, cmdtest.PublicText(b, &key.PublicKey)),
	}, "--env-file", file)
	cmdtest.NoError(b, storetest.Probe(b, setting("FUNDPASS_DATABASE_URL")).Get(&g.accounts, `SELECT count(*) FROM accounts`))
	g.http = keepAlive(b)
	return g
}

// draw fills waiting with people of the sample, evenly spread from a first one by chance.
func (g *grown) draw(wanted int) {
	g.b.Helper()
	file := filepath.Join(g.b.TempDir(), "sample.csv")
	list := exec.Command(program, "import", "--sample", strconv.FormatInt(g.accounts, 10), "--out", file)
	list.Env = []string{} // FUNDPASS_GROWTH is no setting
	cmdtest.NoError(g.b, list.Run())
	sample, err := os.Open(file)
	cmdtest.NoError(g.b, err)
	defer sample.Close()
	lines := csv.NewReader(bufio.NewReader(sample))
	head, err := lines.Read()
	cmdtest.NoError(g.b, err)
	step := max(g.accounts/int64(wanted*2), 1) // a third of the lines are of accounts or people that are passed over
	next := rand.Int64N(step)
	for i := int64(0); ; i++ {
		line, err := lines.Read()
		if err == io.EOF {
			break
		}
		cmdtest.NoError(g.b, err)
		if i < next {
			continue
		}
		if person, ok := citizenOf(head, line); ok {
			g.waiting = append(g.waiting, person)
			next += step
		}
	}
	rand.Shuffle(len(g.waiting), func(i, j int) { g.waiting[i], g.waiting[j] = g.waiting[j], g.waiting[i] })
}

// citizenOf returns the person of a line with an ID card and an open account.
func citizenOf(head, line []string) (alipaysim.Person, bool) {
	of := func(column string) string { return line[slices.Index(head, column)] }
	number := of("ZJHM")
	if of("ZJLX") != document.Citizen || of("GRZHZT") != store.StatusNormal || len(number) != 18 {
		return alipaysim.Person{}, false
	}
	return alipaysim.Person{
		Person: of("GRZH"), Name: of("XINGMING"), IDType: document.Citizen, IDNumber: number, AccountNo: of("GRZH"),
		Password: number[12:], OpenID: "open-" + of("GRZH"), Certified: true,
	}, true
}

// visit is one citizen, from the sign-in to the new password.
func (g *grown) visit() {
	g.b.Helper()
	person := g.waiting[0]
	g.waiting = g.waiting[1:]
	g.sim.Add(person)
	c := cmdtest.Citizen{Person: person, Client: apiclient.Client{Base: g.server.URL, HTTP: g.http}, Fixture: &cmdtest.Fixture{ServerEnv: &cmdtest.ServerEnv{Sim: g.sim}, T: g.b}}
	g.time("session", c.MustLogIn)
	g.time("link", func() { c.Must("OK", c.Link()) })
	g.time("status", func() { c.Must("OK", cmdtest.GetFrom("/v1/password")) })
	g.time("change", func() {
		opened := c.Must("OK", c.OpenChange(person.Password))
		c.Must("OK", cmdtest.ConfirmTo(cmdtest.ChangeAt(opened), c.NewPassword()))
	})
}

func (g *grown) time(step string, f func()) {
	begun := time.Now()
	f()
	g.took[step] = append(g.took[step], time.Since(begun))
}

func medianOf(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)/2]
}
