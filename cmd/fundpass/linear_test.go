package main

import (
	"context"
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

	"fundpass/miniapp-api/passwd"
)

// Of every round of TestLinearizable.
const (
	scripts   = 5  // citizens, a history each
	players   = 3  // phones of a citizen, at the same time
	scenes    = 8  // operations of a phone
	lostOneIn = 12 // operations whose answer nobody waits for
)

// A script is one citizen's history while it is written.
type script struct {
	*citizen
	stage *stage
	begun time.Time

	mu        sync.Mutex
	ops       []porcupine.Operation
	passwords []string    // by number; 0 is the first
	paths     []string    // of changes, by number; "" where no answer told
	chosen    map[int]int // the password of a change's first confirm
	believed  int         // what the last answer made of the password
}

// A stage has two servers on one database, of which now and then one is killed.
type stage struct {
	*town
	tap  *tap
	dsns [2]string // the first through the tap

	mu      sync.Mutex
	servers [2]*process
	all     []*process
}

func newStage(t *testing.T) *stage {
	s := &stage{town: newTown(t)}
	tap, dsn := newTap(t, s.dsn)
	s.tap, s.dsns = tap, [2]string{dsn, s.dsn}
	policy := *passwd.Default() // a lock that ends no history
	policy.Lock = passwd.Lock{Rounds: []passwd.Round{{Guesses: 99, Lock: "1m"}, {Guesses: 1, Lock: "reset"}}}
	raw, err := json.Marshal(policy)
	noError(t, err)
	s.write("policy.json", string(raw))
	s.start(0)
	s.start(1)
	return s
}

// start puts a new server in a place.
func (s *stage) start(place int) {
	s.t.Helper()
	p := startServer(s.t, s.env(map[string]string{
		"FUNDPASS_DATABASE_URL": s.dsns[place], "FUNDPASS_PROOF": "none", "FUNDPASS_POLICY_FILE": s.path("policy.json"),
		"FUNDPASS_PER_ADDRESS": "1000000,1000000", "FUNDPASS_PER_USER": "1000000,1000000",
	}))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.servers[place] = p
	s.all = append(s.all, p)
}

func (s *stage) anyURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.servers[rand.IntN(2)].URL
}

// disturb breaks what it can while a round is played: the line at a COMMIT, and
// a whole server.
func (s *stage) disturb() {
	s.t.Helper()
	moments := []moment{inStatement, beforeCommit, afterCommit}
	s.tap.set("SET state = 'done'", moments[rand.IntN(len(moments))], nil)
	time.Sleep(time.Duration(100+rand.IntN(1200)) * time.Millisecond)
	place := rand.IntN(2)
	s.servers[place].Kill()
	s.start(place)
}

// newScript is a citizen with a link, before anything was changed.
func (s *stage) newScript(c *citizen) *script {
	return &script{citizen: c, stage: s, begun: time.Now(), passwords: []string{c.Password}, paths: []string{""}, chosen: map[int]int{}}
}

// play does one thing after the other, in any order.
func (s *script) play() {
	for range scenes {
		change := s.anyChange()
		switch n := rand.IntN(10); {
		case n < 2 || change == 0:
			s.open(s.anyPassword(), true)
		case n < 7:
			s.confirm(change)
		case n < 8:
			s.cancel(change)
		default:
			s.look(change)
		}
	}
}

// end finds out which password works at last.
func (s *script) end() {
	for password := len(s.passwords) - 1; password >= 0; {
		switch s.open(password, false) {
		case "OK":
			return
		case "OLD_PASSWORD_WRONG":
			password--
		}
	}
	s.town.t.Error("no password works")
}

// anyPassword is mostly the one that should work.
func (s *script) anyPassword() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rand.IntN(5) > 0 {
		return s.believed
	}
	return rand.IntN(len(s.passwords))
}

// anyChange is mostly a late one, 0 where there is none.
func (s *script) anyChange() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := len(s.paths) - 1; n > 0; n-- {
		if s.paths[n] != "" && rand.IntN(5) > 0 {
			return n
		}
	}
	return 0
}

// newOpening is a change's number before it has a path.
func (s *script) newOpening() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = append(s.paths, "")
	return len(s.paths) - 1
}

// choose is the password of the change's first confirm, or now and then a new one.
func (s *script) choose(change int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.chosen[change]; ok && rand.IntN(2) > 0 {
		return p
	}
	s.passwords = append(s.passwords, s.newPassword())
	s.chosen[change] = len(s.passwords) - 1
	return s.chosen[change]
}

// ask sends a request to one of the servers. "" says that nothing was done.
func (s *script) ask(r request, hasty bool) (string, answer) {
	ctx := s.town.t.Context()
	if hasty && rand.IntN(lostOneIn) == 0 {
		var hangUp context.CancelFunc
		ctx, hangUp = context.WithTimeout(ctx, time.Duration(1+rand.IntN(80))*time.Millisecond)
		defer hangUp()
	}
	s.mu.Lock()
	phone := s.twin(s.stage.anyURL())
	s.mu.Unlock()
	a, err := phone.do(ctx, r)
	switch {
	case err != nil || a.Code == "RESULT_UNKNOWN":
		return lost, a
	case a.Code == "BUSY":
		return "", a
	}
	return a.Code, a
}

// write puts an operation that was begun at call into the history.
func (s *script) write(d deed, call time.Time, answer string) {
	back := int64(time.Since(s.begun))
	if answer == lost {
		back = never
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops = append(s.ops, porcupine.Operation{Input: d, Output: answer, Call: int64(call.Sub(s.begun)), Return: back})
}

// open is two operations: nothing keeps the password as it is between them.
func (s *script) open(password int, hasty bool) string {
	n := s.newOpening()
	call := time.Now()
	code, a := s.ask(s.openChange(s.password(password)), hasty)
	switch code {
	case "OK":
		s.write(deed{"verify", n, password}, call, code)
		s.write(deed{"install", n, password}, call, code)
		s.mu.Lock()
		s.paths[n], s.believed = changeAt(a), password
		s.mu.Unlock()
	case "OLD_PASSWORD_WRONG":
		s.write(deed{"verify", n, password}, call, code)
	case lost:
		s.write(deed{"install", n, password}, call, lost)
	case "":
	default:
		s.town.t.Errorf("open: %s", a.raw)
	}
	return code
}

func (s *script) password(n int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passwords[n]
}

func (s *script) path(change int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paths[change]
}

func (s *script) confirm(change int) {
	password := s.choose(change)
	call := time.Now()
	code, a := s.ask(confirmTo(s.path(change), s.password(password)), true)
	s.judge(deed{"confirm", change, password}, call, code, a)
	if code == "OK" {
		s.mu.Lock()
		s.believed = password
		s.mu.Unlock()
	}
}

func (s *script) cancel(change int) {
	call := time.Now()
	code, a := s.ask(postTo(s.path(change)+"/cancel", fields{}), true)
	s.judge(deed{"cancel", change, 0}, call, code, a)
}

// judge writes down an answer that the model knows.
func (s *script) judge(d deed, call time.Time, code string, a answer) {
	switch code {
	case "":
	case "OK", "CHANGE_GONE", lost:
		s.write(d, call, code)
	default:
		s.town.t.Errorf("%s: %s", d.kind, a.raw)
	}
}

func (s *script) look(change int) {
	call := time.Now()
	code, a := s.ask(getFrom(s.path(change)), true)
	switch code {
	case "OK":
		s.write(deed{"look", change, 0}, call, a.text("state"))
	case lost, "": // a look does nothing
	default:
		s.town.t.Errorf("look: %s", a.raw)
	}
}

// check lets the checker find an order that explains everything.
func (s *script) check(t *testing.T) {
	t.Helper()
	switch porcupine.CheckOperationsTimeout(passwordModel, s.ops, 20*time.Second) {
	case porcupine.Unknown:
		t.Errorf("%d operations are too many for the checker", len(s.ops))
	case porcupine.Illegal:
		var b strings.Builder
		for _, op := range s.ops {
			fmt.Fprintf(&b, "%v %v %+v -> %v\n", time.Duration(op.Call), time.Duration(op.Return), op.Input, op.Output)
		}
		t.Errorf("no order explains\n%s", b.String())
	}
	s.truth()
}

// TestLinearizable (T36) lets several phones of one citizen open, confirm,
// cancel and look at once, over two servers that are killed, with answers that
// are lost. One order of the operations explains every answer.
// FUNDPASS_HISTORIES says how many histories there are.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	histories := 20
	if n, err := strconv.Atoi(os.Getenv("FUNDPASS_HISTORIES")); err == nil {
		histories = n
	}
	s := newStage(t)
	seen := map[string]int{}
	for range (histories + scripts - 1) / scripts {
		for _, history := range s.round() {
			history.check(t)
			for _, op := range history.ops {
				seen[fmt.Sprint(op.Input.(deed).kind, " ", op.Output)]++
			}
		}
	}
	t.Logf("%d histories, %d servers: %v", histories, len(s.all), seen)
	for _, must := range []string{"confirm OK", "confirm CHANGE_GONE", "verify OLD_PASSWORD_WRONG", "install lost"} {
		if seen[must] == 0 {
			t.Errorf("never seen: %s", must)
		}
	}
	checkServer(t, s.all...)
}

// round plays a history of every citizen, disturbs them, and ends them in peace.
func (s *stage) round() (all []*script) {
	for _, c := range s.linked(scripts, s.anyURL()) {
		all = append(all, s.newScript(c))
	}
	var wg sync.WaitGroup
	for _, history := range all {
		for range players {
			wg.Go(history.play)
		}
	}
	s.disturb()
	wg.Wait()
	s.tap.disarm()
	for _, history := range all {
		wg.Go(history.end)
	}
	wg.Wait()
	return all
}
