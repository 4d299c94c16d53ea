package e2e

import (
	"math/rand/v2"
	"sync"
	"time"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
)

// Resets of one history, limited by those that a day allows.
const (
	resetsInRun = 2
	resetsInAll = 3 // one is kept for the end
)

// run performs operations in random order.
func (p *phone) run() {
	for range operationsPerClient {
		if p.isFrozen() && rand.IntN(3) == 0 {
			p.reset()
			continue
		}
		change := p.anyChange()
		switch n := rand.IntN(34); {
		case n < 6 || change == 0 && n < 24:
			p.open(p.anyPassword(), true)
		case n < 17:
			p.confirm(change)
		case n < 20:
			p.cancel(change)
		case n < 24:
			p.look(change)
		case n < 26:
			p.claim(p.anyPassword())
		case n < 27:
			p.freeze()
		case n < 30:
			p.reset()
		default:
			if n := p.anyReset(); n > 0 {
				p.renew(n, true)
			}
		}
	}
}

// end determines the final password, unless it stays frozen.
func (p *phone) end() {
	for password := p.newest(); password >= 0; {
		switch p.open(password, false) {
		case "OK":
			return
		case "OLD_PASSWORD_WRONG":
			password--
		case "PASSWORD_FROZEN":
			p.claim(password)
			if n := p.start(resetsInAll, false); n == 0 {
				return // no reset is left today
			} else if p.resetPath(n) != "" {
				p.renew(n, false)
			}
			password = p.newest()
		}
	}
	p.Fixture.T.Error("no password works")
}

func (p *phone) expectedPassword() int { p.mu.Lock(); defer p.mu.Unlock(); return p.expected }

// newest returns the number of the last generated password.
func (p *phone) newest() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.passwords) - 1
}

// open is two operations, because the password may change between them.
func (p *phone) open(password int, mayHangUp bool) string {
	n := p.newOpening()
	call := time.Now()
	code, a := p.request(p.OpenChange(p.password(password)), mayHangUp, true)
	switch code {
	case "OK":
		p.appendOperation(anySession("verify", n, password), call, code)
		p.appendOperation(anySession("install", n, password), call, code)
		p.mu.Lock()
		p.paths[n], p.expected, p.frozen = cmdtest.ChangeAt(a), password, false
		p.mu.Unlock()
	case "OLD_PASSWORD_WRONG":
		p.appendOperation(anySession("verify", n, password), call, code)
	case "PASSWORD_FROZEN":
		p.appendOperation(anySession("verify", n, password), call, code)
		p.expectFrozen()
	case lost:
		p.appendOperation(anySession("install", n, password), call, lost)
	case "":
	default:
		p.Fixture.T.Errorf("open: %s", a.Raw)
	}
	return code
}

func (p *phone) confirm(change int) {
	password := p.choosePassword(change)
	d, call := p.newOperation("confirm", change, password), time.Now()
	code, a := p.request(cmdtest.ConfirmTo(p.path(change), p.password(password)), true, false)
	p.record(d, call, code, a)
	if code == "OK" {
		p.expect(password)
	}
}

func (p *phone) cancel(change int) {
	call := time.Now()
	code, a := p.request(cmdtest.PostTo(p.path(change)+"/cancel", apiclient.Fields{}), true, false)
	p.record(anySession("cancel", change, 0), call, code, a)
}

// record appends an operation whose reply the model knows.
func (p *phone) record(d operation, call time.Time, code string, a apiclient.Answer) {
	switch code {
	case "":
	case "OK", "CHANGE_GONE", "RESET_GONE", lost:
		p.appendOperation(d, call, code)
	default:
		p.Fixture.T.Errorf("%s: %s", d.kind, a.Raw)
	}
}

func (p *phone) look(change int) {
	call := time.Now()
	code, a := p.request(cmdtest.GetFrom(p.path(change)), true, false)
	switch code {
	case "OK":
		p.appendOperation(anySession("look", change, 0), call, a.Text("state"))
	case lost, "": // a look has no effect
	default:
		p.Fixture.T.Errorf("look: %s", a.Raw)
	}
}

// claim makes the stranger try to link the account.
func (p *phone) claim(password int) {
	owner := *p.Citizen
	owner.Password = p.password(password)
	stranger := phone{history: p.history, token: p.stranger.Token}
	call := time.Now()
	switch code, a := stranger.send(owner.Link(), true); code {
	case "LINK_REFUSED", "ALREADY_LINKED":
		p.appendOperation(anySession("claim", 0, password), call, code)
	case lost, "": // a claim has no effect
	default:
		p.Fixture.T.Errorf("claim: %s", a.Raw)
	}
}

// freeze freezes the password, which ends the phone's session.
func (p *phone) freeze() {
	d, call := p.newOperation("freeze", 0, 0), time.Now()
	code, a := p.request(cmdtest.PostTo("/v1/freeze", apiclient.Fields{}), true, false)
	p.record(d, call, code, a)
	if code == "OK" {
		p.expectFrozen()
	}
}

// reset begins a reset if one is left. The new password is confirmed at once, twice
// concurrently, after a change, by another session, or later.
func (p *phone) reset() {
	n := p.start(resetsInRun, true)
	if n == 0 || p.resetPath(n) == "" {
		return
	}
	switch rand.IntN(8) {
	case 0:
	case 1:
		p.newPhone().renew(n, false)
	case 2, 3, 4, 5:
		if p.open(p.expectedPassword(), false) == "OK" {
			p.confirm(p.newestChange())
		}
		p.renew(n, false)
	case 6:
		twin := *p // with the same session
		var wg sync.WaitGroup
		wg.Go(func() { twin.renew(n, true) })
		p.renew(n, true)
		wg.Wait()
	default:
		change := p.anyChange() // a reset leaves none open
		p.renew(n, true)
		if change > 0 {
			p.look(change)
		}
	}
}

// start is two operations, as open is. It returns 0 if limit resets were begun before.
func (p *phone) start(limit int, mayHangUp bool) int {
	n := p.newReset(limit)
	if n == 0 {
		return 0
	}
	d, call := p.newOperation("start", n, 0), time.Now()
	code, a := p.request(cmdtest.PostTo("/v1/password/resets", apiclient.Fields{}), mayHangUp, false)
	stands := d
	stands.kind = "stand"
	switch code {
	case "OK":
		p.appendOperation(d, call, code)
		p.appendOperation(stands, call, code)
		p.mu.Lock()
		p.resets[n] = "/v1/password/resets/" + a.Text("id")
		p.mu.Unlock()
	case lost:
		p.appendOperation(stands, call, lost)
	case "":
	default:
		p.Fixture.T.Errorf("start: %s", a.Raw)
	}
	return n
}

// renew confirms a reset. The simulated face verification passes at once.
func (p *phone) renew(reset int, mayHangUp bool) {
	password := p.choosePassword(-reset)
	d, call := p.newOperation("renew", reset, password), time.Now()
	code, a := p.request(cmdtest.ConfirmTo(p.resetPath(reset), p.password(password)), mayHangUp, false)
	p.record(d, call, code, a)
	if code == "OK" {
		p.expect(password)
	}
}
