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

// A history records the operations of one citizen.
type history struct {
	*cmdtest.Citizen
	stranger   *cmdtest.Citizen // an Alipay user without a link
	serverPair *serverPair
	begun      time.Time

	mu           sync.Mutex
	ops          []porcupine.Operation
	passwords    []string    // by number; 0 is the first
	paths        []string    // of changes, by number; "" if no reply had it
	resets       []string    // of resets, by number, likewise
	chosen       map[int]int // the password of the first confirm of a change, or of a reset by its negative number
	expected     int         // password according to the last reply
	frozen       bool        // state according to the last reply
	sessions     int         // number of sessions
	seenSessions uint64      // bits of the sessions whose log-in was answered
}

// newHistory returns the history of a citizen with a link and without changes.
func (s *serverPair) newHistory(c, stranger *cmdtest.Citizen) *history {
	return &history{Citizen: c, stranger: stranger, serverPair: s, begun: time.Now(), passwords: []string{c.Password},
		paths: []string{""}, resets: []string{""}, chosen: map[int]int{}}
}

// anyPassword returns mostly the expected password.
func (s *history) anyPassword() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rand.IntN(5) > 0 {
		return s.expected
	}
	return rand.IntN(len(s.passwords))
}

// newestChange returns the number of the latest change whose path is known, or 0.
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

// recent returns the number of a recent path, or 0.
func recent(paths []string) int {
	for n := len(paths) - 1; n > 0; n-- {
		if paths[n] != "" && rand.IntN(5) > 0 {
			return n
		}
	}
	return 0
}

// newOpening returns the number of a new change.
func (s *history) newOpening() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = append(s.paths, "")
	return len(s.paths) - 1
}

// newReset returns the number of a new reset, or 0 if limit were begun.
func (s *history) newReset(limit int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.resets) > limit {
		return 0
	}
	s.resets = append(s.resets, "")
	return len(s.resets) - 1
}

// choosePassword returns the password of the first confirm of a change or reset, or
// sometimes a new one.
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

// expect records the password according to a reply.
func (s *history) expect(password int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected, s.frozen = password, false
}

func (s *history) expectFrozen() { s.mu.Lock(); defer s.mu.Unlock(); s.frozen = true }

// appendOperation appends an operation that began at call.
func (s *history) appendOperation(d operation, call time.Time, answer string) {
	back := int64(time.Since(s.begun))
	if answer == lost {
		back = never
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops = append(s.ops, porcupine.Operation{Input: d, Output: answer, Call: int64(call.Sub(s.begun)), Return: back})
}

// A phone is a client of the citizen with a session of its own.
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

// logIn opens a new session at one of the servers.
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
	p.Fixture.T.Error("no log-in succeeds")
}

// send sends a request to one of the servers. It returns "" if nothing was done.
func (p *phone) send(r apiclient.Request, mayHangUp bool) (string, apiclient.Answer) {
	ctx := p.Fixture.T.Context()
	if mayHangUp && rand.IntN(lostReplyOneIn) == 0 {
		var hangUp context.CancelFunc
		ctx, hangUp = context.WithTimeout(ctx, time.Duration(1+rand.IntN(80))*time.Millisecond)
		defer hangUp()
	}
	var a apiclient.Answer
	err := error(syscall.ECONNREFUSED)
	for errors.Is(err, syscall.ECONNREFUSED) { // the server was killed, and nothing was done
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

// request sends a request in the phone's session, and logs in again if it has ended.
// verifies says that the server then verifies a password, unless that is frozen.
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

// newOperation returns an operation of the phone that may end sessions.
func (p *phone) newOperation(kind string, of, password int) operation {
	p.mu.Lock()
	defer p.mu.Unlock()
	return operation{kind: kind, of: of, password: password, by: p.session, seenSessions: p.seenSessions}
}
