package e2e

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"github.com/anishathalye/porcupine"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
)

// A script is one citizen's history while it is written.
type history struct {
	*cmdtest.Citizen
	stranger   *cmdtest.Citizen // somebody else with Alipay, who has no link
	serverPair *serverPair
	begun      time.Time

	mu           sync.Mutex
	ops          []porcupine.Operation
	passwords    []string    // by number; 0 is the first
	paths        []string    // of changes, by number; "" where no answer told
	resets       []string    // of resets, by number, likewise
	chosen       map[int]int // the password of the first confirm, of a change or of minus a reset
	expected     int         // what the last answer made of the password
	frozen       bool        // what the last answer made of its state
	sessions     int         // how many there were
	seenSessions uint64      // of them, by bit, whose login was answered
}

// newScript is a citizen with a link, before anything was changed.
func (s *serverPair) newHistory(c, stranger *cmdtest.Citizen) *history {
	return &history{Citizen: c, stranger: stranger, serverPair: s, begun: time.Now(), passwords: []string{c.Password},
		paths: []string{""}, resets: []string{""}, chosen: map[int]int{}}
}

// anyPassword is mostly the one that should work.
func (s *history) anyPassword() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rand.IntN(5) > 0 {
		return s.expected
	}
	return rand.IntN(len(s.passwords))
}

// newestChange is the latest that an answer told, or 0.
func (s *history) newestChange() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.paths) - 1
	for n > 0 && s.paths[n] == "" {
		n--
	}
	return n
}

func (s *history) anyChange() int { s.mu.Lock(); defer s.mu.Unlock(); return recent(s.paths) }
func (s *history) anyReset() int  { s.mu.Lock(); defer s.mu.Unlock(); return recent(s.resets) }

// late is the number of a late path, 0 where there is none.
func recent(paths []string) int {
	for n := len(paths) - 1; n > 0; n-- {
		if paths[n] != "" && rand.IntN(5) > 0 {
			return n
		}
	}
	return 0
}

// newOpening is a change's number before it has a path.
func (s *history) newOpening() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = append(s.paths, "")
	return len(s.paths) - 1
}

// newReset is a reset's number before it has a path, 0 when limit were begun.
func (s *history) newReset(limit int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.resets) > limit {
		return 0
	}
	s.resets = append(s.resets, "")
	return len(s.resets) - 1
}

// choose is the password of the first confirm of what has this number, or now and
// then a new one.
func (s *history) choosePassword(what int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.chosen[what]; ok && rand.IntN(2) > 0 {
		return p
	}
	s.passwords = append(s.passwords, s.NewPassword())
	s.chosen[what] = len(s.passwords) - 1
	return s.chosen[what]
}

func (s *history) password(n int) string { s.mu.Lock(); defer s.mu.Unlock(); return s.passwords[n] }
func (s *history) path(change int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paths[change]
}
func (s *history) resetPath(n int) string { s.mu.Lock(); defer s.mu.Unlock(); return s.resets[n] }
func (s *history) isFrozen() bool         { s.mu.Lock(); defer s.mu.Unlock(); return s.frozen }

// believe notes what an answer made of the password.
func (s *history) expect(password int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected, s.frozen = password, false
}

func (s *history) expectFrozen() { s.mu.Lock(); defer s.mu.Unlock(); s.frozen = true }

// write puts an operation that was begun at call into the history.
func (s *history) appendOperation(d operation, call time.Time, answer string) {
	back := int64(time.Since(s.begun))
	if answer == lost {
		back = never
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops = append(s.ops, porcupine.Operation{Input: d, Output: answer, Call: int64(call.Sub(s.begun)), Return: back})
}

// A player is one of the citizen's phones, with a session of its own.
type phone struct {
	*history
	session int
	token   string
}

func (s *history) newPhone() *phone {
	p := &phone{history: s}
	p.logIn()
	return p
}

// logIn gets a new session, from whichever server lives.
func (p *phone) logIn() {
	for range 200 {
		call := time.Now()
		code, a := p.send(cmdtest.PostTo("/v1/sessions", apiclient.Fields{"auth_code": p.Code()}), false)
		if code != "OK" {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		p.mu.Lock()
		p.sessions++
		p.session, p.token = p.sessions, a.Text("token")
		p.seenSessions |= bit(p.session)
		p.mu.Unlock()
		if p.session > 63 {
			p.Fixture.T.Error("too many sessions for one history")
		}
		p.appendOperation(operation{kind: "login", by: p.session}, call, code)
		return
	}
	p.Fixture.T.Error("nobody lets the citizen in")
}

// send sends a request to one of the servers. "" says that nothing was done.
func (p *phone) send(r apiclient.Request, mayHangUp bool) (string, apiclient.Answer) {
	ctx := p.Fixture.T.Context()
	if mayHangUp && rand.IntN(lostReplyOneIn) == 0 {
		var hangUp context.CancelFunc
		ctx, hangUp = context.WithTimeout(ctx, time.Duration(1+rand.IntN(80))*time.Millisecond)
		defer hangUp()
	}
	var a apiclient.Answer
	err := error(syscall.ECONNREFUSED)
	for errors.Is(err, syscall.ECONNREFUSED) { // that server is dead, and nothing was done
		client := apiclient.Client{Base: p.serverPair.anyURL(), HTTP: p.HTTP, Token: p.token}
		a, err = client.Do(ctx, r)
	}
	switch {
	case err != nil || a.Code == "RESULT_UNKNOWN":
		return lost, a
	case a.Code == "BUSY":
		return "", a
	}
	return a.Code, a
}

// ask sends a request in the player's session, and logs in again where that has
// ended. looks says that it goes on to look at a password, unless that is frozen.
func (p *phone) request(r apiclient.Request, mayHangUp, verifies bool) (string, apiclient.Answer) {
	visit, call := operation{kind: "visit", by: p.session}, time.Now()
	code, a := p.send(r, mayHangUp)
	switch {
	case code == "SESSION_EXPIRED":
		p.appendOperation(visit, call, code)
		p.logIn()
		return "", a
	case code == lost || code == "":
		return code, a
	case verifies && code != "PASSWORD_FROZEN":
		p.appendOperation(visit, call, unfrozen)
	default:
		p.appendOperation(visit, call, "OK")
	}
	return code, a
}

// does is a deed of the player's that may end sessions.
func (p *phone) newOperation(kind string, of, password int) operation {
	p.mu.Lock()
	defer p.mu.Unlock()
	return operation{kind: kind, of: of, password: password, by: p.session, seenSessions: p.seenSessions}
}
