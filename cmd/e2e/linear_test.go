package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
	"fundpass/miniapp-api/passwd"
)

// Sizes of a round of TestLinearizable.
const (
	citizensPerRound    = 5  // histories, one for each citizen
	clientsPerCitizen   = 3  // concurrent clients of a citizen
	operationsPerClient = 9  // operations of a client
	lostReplyOneIn      = 12 // one in so many operations does not wait for its reply
)

// A serverPair is two servers on one database, of which one is killed from time to time.
type serverPair struct {
	*cmdtest.Fixture
	proxy *proxy
	dsns  [2]string // the first through the proxy

	mu      sync.Mutex
	servers [2]*process
	all     []*process
}

func newServerPair(t *testing.T) *serverPair {
	s := &serverPair{Fixture: cmdtest.NewOwnFixture(t)}
	proxy, dsn := newProxy(t, s.DSN)
	s.proxy, s.dsns = proxy, [2]string{dsn, s.DSN}
	policy := *passwd.Default() // with a lock that no history reaches
	policy.Lock = passwd.Lock{Tiers: []passwd.Tier{{Attempts: 99, Lock: "1m"}, {Attempts: 1, Lock: "reset"}}}
	policy.Spraying = passwd.Spraying{PerUser: 100, PerAddress: 2000, PerMinute: 100_000}
	raw, err := json.Marshal(policy)
	cmdtest.NoError(t, err)
	s.Write("policy.json", string(raw))
	s.start(0)
	s.start(1)
	return s
}

// start starts a new server.
func (s *serverPair) start(place int) {
	s.T.Helper()
	p := startServer(s.T, s.Env(cmdtest.Unlimited, cmdtest.Values{
		"FUNDPASS_DATABASE_URL": s.dsns[place], "FUNDPASS_POLICY_FILE": s.Path("policy.json"),
	}))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.servers[place] = p
	s.all = append(s.all, p)
}

func (s *serverPair) anyURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.servers[rand.IntN(2)].URL
}

// injectFaults breaks a connection at a COMMIT and kills a server while a round runs.
func (s *serverPair) injectFaults() {
	s.T.Helper()
	moments := []faultPoint{inStatement, beforeCommit, afterCommit}
	s.proxy.set("SET state = 'done'", moments[rand.IntN(len(moments))], nil)
	time.Sleep(time.Duration(100+rand.IntN(1200)) * time.Millisecond)
	place := rand.IntN(2)
	s.servers[place].Kill()
	s.start(place)
}

// check searches for an order of the operations that explains every reply.
func (s *history) check(t *testing.T) {
	t.Helper()
	switch porcupine.CheckOperationsTimeout(passwordModel, s.ops, testenv.Patience) {
	case porcupine.Unknown:
		t.Errorf("%d operations are too many for the checker", len(s.ops))
	case porcupine.Illegal:
		var b strings.Builder
		for _, op := range s.ops {
			fmt.Fprintf(&b, "%v %v %+v -> %v\n", time.Duration(op.Call), time.Duration(op.Return), op.Input, op.Output)
		}
		t.Errorf("no order explains\n%s", b.String())
	}
	dbStateOf(s.Citizen)
}

// TestLinearizable (T36) makes several phones of one citizen open, confirm, cancel and
// query changes, freeze and reset concurrently, while a stranger claims the account, over
// two servers that are killed, with lost replies. One order of the operations must
// explain every reply. FUNDPASS_HISTORIES sets the number of histories.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	histories := testenv.Rounds(20, 1000)
	if n, err := strconv.Atoi(os.Getenv("FUNDPASS_HISTORIES")); err == nil {
		histories = n
	}
	s := newServerPair(t)
	seen := map[string]int{}
	for range (histories + citizensPerRound - 1) / citizensPerRound {
		for _, history := range s.runRound() {
			history.check(t)
			for _, op := range history.ops {
				seen[fmt.Sprint(op.Input.(operation).kind, " ", op.Output)]++
			}
		}
	}
	t.Logf("%d histories, %d servers: %v", histories, len(s.all), seen)
	for _, must := range []string{"confirm OK", "confirm CHANGE_GONE", "verify OLD_PASSWORD_WRONG", "install lost", "visit SESSION_EXPIRED",
		"freeze OK", "verify PASSWORD_FROZEN", "renew OK", "renew RESET_GONE", "claim LINK_REFUSED", "claim ALREADY_LINKED"} {
		if seen[must] == 0 {
			t.Errorf("did not occur: %s", must)
		}
	}
	checkServer(t, s.all...)
}

// runRound runs a history of every citizen with faults, and ends them without faults.
func (s *serverPair) runRound() (all []*history) {
	strangers := s.AddCitizens(citizensPerRound, s.anyURL())
	for i, c := range s.Linked(citizensPerRound, s.anyURL()) {
		strangers[i].MustLogIn()
		all = append(all, s.newHistory(c, strangers[i]))
	}
	var wg sync.WaitGroup
	for _, history := range all {
		for range clientsPerCitizen {
			wg.Go(func() { history.newPhone().run() })
		}
	}
	s.injectFaults()
	wg.Wait()
	s.proxy.disarm()
	for _, history := range all {
		wg.Go(func() { history.newPhone().end() })
	}
	wg.Wait()
	return all
}
