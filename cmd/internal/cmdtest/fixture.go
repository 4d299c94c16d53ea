package cmdtest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"fundpass/cmd/internal/apiclient"
	"fundpass/keys/testenv"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/signing/alipaysim"
	"fundpass/store"
	"fundpass/store/storetest"
)

// A Fixture is a ServerEnv with citizens.
type Fixture struct {
	*ServerEnv
	T      testing.TB // fails when something in the fixture does
	DB     *store.DB  // beside the servers, for putting citizens in
	SQL    *sqlx.DB   // beside the servers, for the truth; it sees this centre only
	hasher *passwd.Hasher
	Count  *int // of the citizens
}

// NewFixture is in a centre of the database that most tests share.
func NewFixture(t testing.TB) *Fixture { t.Helper(); return newFixtureIn(t, NewEnv(t)) }

// NewOwnFixture has a migrated database of its own.
func NewOwnFixture(t testing.TB) *Fixture { t.Helper(); return newFixtureIn(t, NewOwnEnv(t)) }

// NewFixtureOn has the migrated database of dsn, which the test may break.
func NewFixtureOn(t testing.TB, dsn string) *Fixture {
	t.Helper()
	return newFixtureIn(t, newEnvOn(t, dsn))
}

// In is the same fixture for a subtest.
func (n Fixture) In(t testing.TB) *Fixture {
	n.T = t
	return &n
}

func newFixtureIn(t testing.TB, s *ServerEnv) *Fixture {
	t.Helper()
	return &Fixture{ServerEnv: s, T: t, Count: new(int), DB: s.Open(), SQL: storetest.Probe(t, s.DSN), hasher: s.Hasher()}
}

// Serve starts a server whose limits are out of the way, on the database of dsn.
func (n *Fixture) Serve(dsn string) *Process {
	n.T.Helper()
	return StartServer(n.T, n.Env(Unlimited, Values{"FUNDPASS_DATABASE_URL": dsn}))
}

// Unlimited are settings that put the limits of a server out of the way.
var Unlimited = Values{"FUNDPASS_PROOF": "none", "FUNDPASS_PER_ADDRESS": "1000000,1000000", "FUNDPASS_PER_USER": "1000000,1000000"}

// A Citizen is an invented depositor with the mini-program open.
type Citizen struct {
	alipaysim.Person // Password is the one that works
	apiclient.Client
	Change  string // path of the last one
	Fixture *Fixture
	Digest  []byte // of the person
	changes int    // how many new passwords were made up
}

// AddCitizens adds k citizens, who reach the server at base.
func (n *Fixture) AddCitizens(k int, base string) []*Citizen {
	n.T.Helper()
	all := make([]*Citizen, k)
	rows := make([]store.Depositor, k)
	for i := range all {
		*n.Count++
		all[i] = n.newCitizen(*n.Count, base)
		rows[i] = n.Depositor(all[i])
		n.Sim.Add(all[i].Person)
	}
	_, err := n.DB.ImportDepositors(n.T.Context(), rows)
	NoError(n.T, err)
	return all
}

func (n *Fixture) newCitizen(i int, base string) *Citizen {
	body := fmt.Sprintf("99010119560307%03d", i)
	return &Citizen{Fixture: n, Client: apiclient.Client{Base: base, HTTP: NewClient(n.T)}, Person: alipaysim.Person{
		Person: fmt.Sprintf("citizen-%d", i), Name: "欧阳测试", IDType: document.Citizen,
		IDNumber: body + document.CheckDigit(body), AccountNo: fmt.Sprintf("8800%08d", i), Phone: fmt.Sprintf("100%08d", i),
		Password: fmt.Sprintf("Quiet-Harbor-%d", i), OpenID: fmt.Sprintf("open-%d", i), Certified: true, Subscribed: true,
	}}
}

// Depositor returns the citizen as a roster has them.
func (n *Fixture) Depositor(c *Citizen) store.Depositor {
	n.T.Helper()
	doc, err := document.Parse(c.IDType, c.IDNumber)
	NoError(n.T, err)
	c.Digest = n.DB.PersonDigest(doc.Key())
	hash, err := n.hasher.Hash(n.T.Context(), passwd.NewSecret(c.Password))
	NoError(n.T, err)
	return store.Depositor{
		Person: store.Person{Name: c.Name, IDType: c.IDType, IDNumber: c.IDNumber, Phone: c.Phone, AccountNo: c.AccountNo},
		Status: store.StatusNormal, DocumentKey: doc.Key(), Hash: hash,
	}
}

// Linked are k citizens with a session and a link.
func (n *Fixture) Linked(k int, base string) []*Citizen {
	n.T.Helper()
	all := n.AddCitizens(k, base)
	for _, c := range all {
		c.MustLogIn()
		c.Must("OK", c.Link())
	}
	return all
}

// Twin returns the same citizen on another client, which reaches the server at base.
func (c *Citizen) Twin(base string) *Citizen {
	twin := *c
	twin.Base = base
	return &twin
}

// ask fails the test when there is no answer. It repeats what a busy machine has
// not done.
func (c *Citizen) ask(r apiclient.Request) (a apiclient.Answer) {
	c.Fixture.T.Helper()
	testenv.Eventually(c.Fixture.T, r.Path+" is done", func() bool {
		var err error
		if a, err = c.Do(c.Fixture.T.Context(), r); err != nil {
			c.Fixture.T.Errorf("%s %s: %v", r.Method, r.Path, err)
		}
		return a.Code != "BUSY"
	})
	return a
}

// Must ends the test unless the answer has this code.
func (c *Citizen) Must(code string, r apiclient.Request) apiclient.Answer {
	c.Fixture.T.Helper()
	a := c.ask(r)
	if a.Code != code {
		c.Fixture.T.Fatalf("%s %s: got %s, want %s: %s", r.Method, r.Path, a.Code, code, a.Raw)
	}
	return a
}

// Want is Must that lets the test go on.
func (c *Citizen) Want(code string, r apiclient.Request) apiclient.Answer {
	c.Fixture.T.Helper()
	a := c.ask(r)
	if a.Code != code {
		c.Fixture.T.Errorf("%s %s: got %s, want %s: %s", r.Method, r.Path, a.Code, code, a.Raw)
	}
	return a
}

// Number is what a query gives.
func (n *Fixture) Number(query string, args ...any) (got int) {
	n.T.Helper()
	NoError(n.T, n.SQL.Get(&got, query, args...))
	return got
}

// CheckServer fails when a server panicked.
func CheckServer(t testing.TB, servers ...*Process) {
	t.Helper()
	for _, p := range servers {
		if strings.Contains(p.Log(), `"msg":"panic"`) {
			t.Errorf("a panic in the log:\n%s", p.Log())
		}
	}
}

// PostTo returns a POST with a JSON body.
func PostTo(path string, body any) apiclient.Request {
	return apiclient.Request{Method: "POST", Path: path, Body: body}
}

// GetFrom returns a GET.
func GetFrom(path string) apiclient.Request { return apiclient.Request{Method: "GET", Path: path} }

// Link returns the request that links the citizen's account.
func (c *Citizen) Link() apiclient.Request {
	return PostTo("/v1/link", apiclient.Fields{"name": c.Name, "id_type": c.IDType, "id_number": c.IDNumber, "account_no": c.AccountNo, "password": c.Password})
}

// OpenChange returns the request that opens a change of the password.
func (c *Citizen) OpenChange(old string) apiclient.Request {
	return PostTo("/v1/password/changes", apiclient.Fields{"id_number": c.IDNumber, "old_password": old})
}

// ConfirmTo returns the request that confirms a change.
func ConfirmTo(change, password string) apiclient.Request {
	return PostTo(change+"/confirm", apiclient.Fields{"new_password": password, "new_password_again": password})
}

// ChangeAt is the path of the change that an answer names.
func ChangeAt(a apiclient.Answer) string { return "/v1/password/changes/" + a.Text("id") }

// NewPassword is one this citizen never had, and no rule minds: digits become
// syllables, so that none makes a run.
func (c *Citizen) NewPassword() string {
	c.changes++
	name := "Copper-"
	for _, digit := range strconv.Itoa(c.changes) {
		name += []string{"ba", "ko", "ri", "nu", "te", "sa", "mi", "lo", "ve", "du"}[digit-'0']
	}
	return name
}

// Code is a fresh auth code.
func (c *Citizen) Code() string {
	code, err := c.Fixture.Sim.AuthCode(c.Person.Person)
	if err != nil {
		panic(err) // the citizen was added
	}
	return code
}

// MustLogIn opens a session, or ends the test.
func (c *Citizen) MustLogIn() {
	c.Fixture.T.Helper()
	c.Token = ""
	testenv.Eventually(c.Fixture.T, "a session is opened", func() bool { // a code may be spent for nothing on a busy machine
		a, err := c.OpenSession(c.Fixture.T.Context(), c.Code())
		NoError(c.Fixture.T, err)
		if a.Code != "OK" && a.Code != "BUSY" {
			c.Fixture.T.Fatalf("log-in: %s", a.Raw)
		}
		return a.Code == "OK"
	})
}

// TemplateMethod is the method by which Alipay is asked to send a message.
const TemplateMethod = "alipay.open.app.mini.templatemessage.send"

// Events returns how many events of a kind there are.
func (n *Fixture) Events(kind string) (count int) {
	n.T.Helper()
	NoError(n.T, n.SQL.QueryRow(`SELECT count(*) FROM events WHERE kind = $1`, kind).Scan(&count))
	return count
}
