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
	T      testing.TB // reports failures of the fixture
	DB     *store.DB  // adds citizens, independently of the servers
	SQL    *sqlx.DB   // queries the database directly; sees this centre only
	hasher *passwd.Hasher
	Count  *int // number of citizens
}

// NewFixture returns a fixture with a centre in the database that most tests share.
func NewFixture(t testing.TB) *Fixture { t.Helper(); return newFixtureIn(t, NewEnv(t)) }

// NewOwnFixture returns a fixture with a migrated database of its own.
func NewOwnFixture(t testing.TB) *Fixture { t.Helper(); return newFixtureIn(t, NewOwnEnv(t)) }

// NewFixtureOn returns a fixture with the migrated database of dsn, which the test may
// break.
func NewFixtureOn(t testing.TB, dsn string) *Fixture {
	t.Helper()
	return newFixtureIn(t, newEnvOn(t, dsn))
}

// In returns the fixture for a subtest.
func (n Fixture) In(t testing.TB) *Fixture {
	n.T = t
	return &n
}

func newFixtureIn(t testing.TB, s *ServerEnv) *Fixture {
	t.Helper()
	return &Fixture{ServerEnv: s, T: t, Count: new(int), DB: s.Open(), SQL: storetest.Probe(t, s.DSN), hasher: s.Hasher()}
}

// Serve starts a server without effective rate limits on the database of dsn.
func (n *Fixture) Serve(dsn string) *Process {
	n.T.Helper()
	return StartServer(n.T, n.Env(Unlimited, Values{"FUNDPASS_DATABASE_URL": dsn}))
}

// Unlimited contains settings that require no proof and never reach a rate limit.
var Unlimited = Values{"FUNDPASS_PROOF": "none", "FUNDPASS_PER_ADDRESS": "1000000,1000000", "FUNDPASS_PER_USER": "1000000,1000000"}

// A Citizen is an invented depositor with the mini-program open.
type Citizen struct {
	alipaysim.Person // Password is the current one
	apiclient.Client
	Change  string // path of the latest change
	Fixture *Fixture
	Digest  []byte // store's digest of the person
	changes int    // number of passwords generated
}

// AddCitizens adds k citizens whose clients call the server at base.
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
	_, err := n.DB.Roster().ImportDepositors(n.T.Context(), rows)
	NoError(n.T, err)
	return all
}

// newCitizen returns the ith citizen, whose numbers and password are derived from i and
// thus unique.
func (n *Fixture) newCitizen(i int, base string) *Citizen {
	body := fmt.Sprintf("99010119560307%03d", i)
	return &Citizen{Fixture: n, Client: apiclient.Client{Base: base, HTTP: NewClient(n.T)}, Person: alipaysim.Person{
		Person: fmt.Sprintf("citizen-%d", i), Name: "欧阳测试", IDType: document.Citizen,
		IDNumber: body + document.CheckDigit(body), AccountNo: fmt.Sprintf("8800%08d", i), Phone: fmt.Sprintf("100%08d", i),
		Password: fmt.Sprintf("Quiet-Harbor-%d", i), OpenID: fmt.Sprintf("open-%d", i), Certified: true, Subscribed: true,
	}}
}

// Depositor returns the citizen as a row of a roster.
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

// Linked returns k new citizens with a session and a link.
func (n *Fixture) Linked(k int, base string) []*Citizen {
	n.T.Helper()
	all := n.AddCitizens(k, base)
	for _, c := range all {
		c.MustLogIn()
		c.Must("OK", c.Link())
	}
	return all
}

// Twin returns a copy of the citizen whose client calls the server at base.
func (c *Citizen) Twin(base string) *Citizen {
	twin := *c
	twin.Base = base
	return &twin
}

// send sends a request and fails the test if there is no reply. It repeats a request that
// gets BUSY, which a slow machine may cause.
func (c *Citizen) send(r apiclient.Request) (a apiclient.Answer) {
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

// Must sends the request and ends the test unless the reply has this code.
func (c *Citizen) Must(code string, r apiclient.Request) apiclient.Answer {
	c.Fixture.T.Helper()
	a := c.send(r)
	if a.Code != code {
		c.Fixture.T.Fatalf("%s %s: got %s, want %s: %s", r.Method, r.Path, a.Code, code, a.Raw)
	}
	return a
}

// Want is like Must but does not end the test.
func (c *Citizen) Want(code string, r apiclient.Request) apiclient.Answer {
	c.Fixture.T.Helper()
	a := c.send(r)
	if a.Code != code {
		c.Fixture.T.Errorf("%s %s: got %s, want %s: %s", r.Method, r.Path, a.Code, code, a.Raw)
	}
	return a
}

// Number returns the integer that a query selects.
func (n *Fixture) Number(query string, args ...any) (got int) {
	n.T.Helper()
	NoError(n.T, n.SQL.Get(&got, query, args...))
	return got
}

// CheckServer fails the test if a server has logged a panic.
func CheckServer(t testing.TB, servers ...*Process) {
	t.Helper()
	for _, p := range servers {
		if strings.Contains(p.Log(), `"msg":"panic"`) {
			t.Errorf("a panic in the log:\n%s", p.Log())
		}
	}
}

// PostTo returns a POST request with a JSON body.
func PostTo(path string, body any) apiclient.Request {
	return apiclient.Request{Method: "POST", Path: path, Body: body}
}

// GetFrom returns a GET request.
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

// ChangeAt returns the path of the change that an answer names.
func ChangeAt(a apiclient.Answer) string { return "/v1/password/changes/" + a.Text("id") }

// NewPassword returns a password that the citizen never had and that the built-in policy
// accepts. It writes digits as syllables to avoid sequences.
func (c *Citizen) NewPassword() string {
	c.changes++
	name := "Copper-"
	for _, digit := range strconv.Itoa(c.changes) {
		name += []string{"ba", "ko", "ri", "nu", "te", "sa", "mi", "lo", "ve", "du"}[digit-'0']
	}
	return name
}

// Code returns a new auth code.
func (c *Citizen) Code() string {
	code, err := c.Fixture.Sim.AuthCode(c.Person.Person)
	if err != nil {
		panic(err) // the citizen was added
	}
	return code
}

// MustLogIn opens a session or ends the test.
func (c *Citizen) MustLogIn() {
	c.Fixture.T.Helper()
	c.Token = ""
	testenv.Eventually(c.Fixture.T, "a session is opened", func() bool { // a reply BUSY may have used the code up
		a, err := c.OpenSession(c.Fixture.T.Context(), c.Code())
		NoError(c.Fixture.T, err)
		if a.Code != "OK" && a.Code != "BUSY" {
			c.Fixture.T.Fatalf("log-in: %s", a.Raw)
		}
		return a.Code == "OK"
	})
}

// TemplateMethod is the Alipay method that sends a message.
const TemplateMethod = "alipay.open.app.mini.templatemessage.send"

// Events returns the number of events of a kind.
func (n *Fixture) Events(kind string) (count int) {
	n.T.Helper()
	NoError(n.T, n.SQL.QueryRow(`SELECT count(*) FROM events WHERE kind = $1`, kind).Scan(&count))
	return count
}
