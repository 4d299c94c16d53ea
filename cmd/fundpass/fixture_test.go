package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/signing/alipaysim"
	"fundpass/store"
	"fundpass/store/storetest"
)

// A fixture is a serverEnv with citizens.
type fixture struct {
	*serverEnv
	t      testing.TB // fails when something in the fixture does
	db     *store.DB  // beside the servers, for putting citizens in
	sql    *sqlx.DB   // beside the servers, for the truth; it sees this centre only
	hasher *passwd.Hasher
	count  *int // of the citizens
}

func newFixture(t testing.TB) *fixture { t.Helper(); return newFixtureIn(t, newServerEnv(t)) }

// in is the same fixture for a subtest.
func (n fixture) in(t testing.TB) *fixture {
	n.t = t
	return &n
}

func newFixtureIn(t testing.TB, s *serverEnv) *fixture {
	t.Helper()
	pepper, err := keys.LoadPepper(s.path("pepper.key"))
	noError(t, err)
	n := &fixture{serverEnv: s, t: t, count: new(int), db: s.open(), sql: storetest.Probe(t, s.dsn)}
	// What is hashed here is cheap to check for the server, too: the cost
	// stands in the hash.
	n.hasher = passwd.NewHasher(passwd.HasherConfig{Pepper: pepper, Memory: 64, Time: 1, Slots: 1})
	t.Cleanup(n.hasher.Close)
	return n
}

// serve starts a server whose limits are out of the way, on the database of dsn.
func (n *fixture) serve(dsn string) *process {
	n.t.Helper()
	return startServer(n.t, n.env(map[string]string{
		"FUNDPASS_DATABASE_URL": dsn, "FUNDPASS_PROOF": "none",
		"FUNDPASS_PER_ADDRESS": "1000000,1000000", "FUNDPASS_PER_USER": "1000000,1000000",
	}))
}

// A citizen is an invented depositor with the mini-program open.
type citizen struct {
	alipaysim.Person // Password is the one that works
	client
	fixture *fixture
	digest  []byte // of the person
	changes int    // how many new passwords were made up
}

// addCitizens adds k citizens, who reach the server at base.
func (n *fixture) addCitizens(k int, base string) []*citizen {
	n.t.Helper()
	all := make([]*citizen, k)
	rows := make([]store.Depositor, k)
	for i := range all {
		*n.count++
		all[i] = n.newCitizen(*n.count, base)
		rows[i] = n.depositor(all[i])
		n.sim.Add(all[i].Person)
	}
	_, err := n.db.ImportDepositors(n.t.Context(), rows)
	noError(n.t, err)
	return all
}

func (n *fixture) newCitizen(i int, base string) *citizen {
	body := fmt.Sprintf("99010119560307%03d", i)
	return &citizen{fixture: n, client: client{base: base, http: newClient(n.t)}, Person: alipaysim.Person{
		Person: fmt.Sprintf("citizen-%d", i), Name: "欧阳测试", IDType: document.Citizen,
		IDNumber: body + document.CheckDigit(body), AccountNo: fmt.Sprintf("8800%08d", i), Phone: fmt.Sprintf("100%08d", i),
		Password: fmt.Sprintf("Quiet-Harbor-%d", i), OpenID: fmt.Sprintf("open-%d", i), Certified: true, Subscribed: true,
	}}
}

func (n *fixture) depositor(c *citizen) store.Depositor {
	n.t.Helper()
	doc, err := document.Parse(c.IDType, c.IDNumber)
	noError(n.t, err)
	c.digest = n.db.PersonDigest(doc.Key())
	hash, err := n.hasher.Hash(n.t.Context(), passwd.NewSecret(c.Password))
	noError(n.t, err)
	return store.Depositor{
		Person: store.Person{Name: c.Name, IDType: c.IDType, IDNumber: c.IDNumber, Phone: c.Phone, AccountNo: c.AccountNo},
		Status: store.StatusNormal, DocumentKey: doc.Key(), Hash: hash,
	}
}

// linked are k citizens with a session and a link.
func (n *fixture) linked(k int, base string) []*citizen {
	n.t.Helper()
	all := n.addCitizens(k, base)
	for _, c := range all {
		c.mustLogIn()
		c.must("OK", c.link())
	}
	return all
}

// twin returns the same citizen on another client, which reaches the server at base.
func (c *citizen) twin(base string) *citizen {
	twin := *c
	twin.base = base
	return &twin
}

// ask fails the test when there is no answer. It repeats what a busy machine has
// not done.
func (c *citizen) ask(r request) (a answer) {
	c.fixture.t.Helper()
	testenv.Eventually(c.fixture.t, r.path+" is done", func() bool {
		var err error
		if a, err = c.do(c.fixture.t.Context(), r); err != nil {
			c.fixture.t.Errorf("%s %s: %v", r.method, r.path, err)
		}
		return a.Code != "BUSY"
	})
	return a
}

// must ends the test unless the answer has this code.
func (c *citizen) must(code string, r request) answer {
	c.fixture.t.Helper()
	a := c.ask(r)
	if a.Code != code {
		c.fixture.t.Fatalf("%s %s: got %s, want %s: %s", r.method, r.path, a.Code, code, a.raw)
	}
	return a
}

// want is must that lets the test go on.
func (c *citizen) want(code string, r request) answer {
	c.fixture.t.Helper()
	a := c.ask(r)
	if a.Code != code {
		c.fixture.t.Errorf("%s %s: got %s, want %s: %s", r.method, r.path, a.Code, code, a.raw)
	}
	return a
}

// number is what a query gives.
func (n *fixture) number(query string, args ...any) (got int) {
	n.t.Helper()
	noError(n.t, n.sql.Get(&got, query, args...))
	return got
}

// checkServer fails when a server panicked.
func checkServer(t testing.TB, servers ...*process) {
	t.Helper()
	for _, p := range servers {
		if strings.Contains(p.Log(), `"msg":"panic"`) {
			t.Errorf("a panic in the log:\n%s", p.Log())
		}
	}
}

func postTo(path string, body any) request { return request{method: "POST", path: path, body: body} }
func getFrom(path string) request          { return request{method: "GET", path: path} }

func (c *citizen) link() request {
	return postTo("/v1/link", fields{"name": c.Name, "id_type": c.IDType, "id_number": c.IDNumber, "account_no": c.AccountNo, "password": c.Password})
}

func (c *citizen) openChange(old string) request {
	return postTo("/v1/password/changes", fields{"id_number": c.IDNumber, "old_password": old})
}

func confirmTo(change, password string) request {
	return postTo(change+"/confirm", fields{"new_password": password, "new_password_again": password})
}

// changeAt is the path of the change that an answer names.
func changeAt(a answer) string { return "/v1/password/changes/" + a.text("id") }

// newPassword is one this citizen never had, and no rule minds: digits become
// syllables, so that none makes a run.
func (c *citizen) newPassword() string {
	c.changes++
	name := "Copper-"
	for _, digit := range strconv.Itoa(c.changes) {
		name += []string{"ba", "ko", "ri", "nu", "te", "sa", "mi", "lo", "ve", "du"}[digit-'0']
	}
	return name
}

// code is a fresh auth code.
func (c *citizen) code() string {
	code, err := c.fixture.sim.AuthCode(c.Person.Person)
	if err != nil {
		panic(err) // the citizen was added
	}
	return code
}

func (c *citizen) mustLogIn() {
	c.fixture.t.Helper()
	c.token = ""
	testenv.Eventually(c.fixture.t, "a session is opened", func() bool { // a code may be spent for nothing on a busy machine
		a, err := c.openSession(c.fixture.t.Context(), c.code())
		noError(c.fixture.t, err)
		if a.Code != "OK" && a.Code != "BUSY" {
			c.fixture.t.Fatalf("log-in: %s", a.raw)
		}
		return a.Code == "OK"
	})
}
