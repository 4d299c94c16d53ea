package main

import (
	"fmt"
	"math"
	"testing"

	"github.com/anishathalye/porcupine"
)

// mostChanges is how many changes one history may open.
const mostChanges = 64

// A ledger is the sequential truth of one citizen's password. Passwords are
// numbers that never come back, so a password stands for its version.
type ledger struct {
	password int
	open     int              // the open change, 0: none
	base     [mostChanges]int // the password that a change was opened with
	end      [mostChanges]int // 0: never opened or open, cancelled, or the new password
}

// calledOff is the end of a change without a new password.
const calledOff = -1

func (l ledger) isOpen(change int) bool { return l.open == change && change != 0 }

// closed is the ledger after a change came to its end.
func (l ledger) closed(change, end int) ledger {
	l.end[change] = end
	if l.open == change {
		l.open = 0
	}
	return l
}

// A deed is one operation: what is asked, of which change, with which password.
type deed struct {
	kind     string
	change   int
	password int
}

// lost is the answer that did not come: it happened at some time, or never.
const lost = "lost"

// deeds say for every kind of operation which answers are right, and what is so
// afterwards. More kinds are more lines.
var deeds = map[string]func(l ledger, d deed, answer string) (bool, ledger){
	"verify":  verifyDeed,  // the first half of opening: the old password is looked at
	"install": installDeed, // the second half: the change stands
	"confirm": confirmDeed,
	"cancel":  cancelDeed,
	"look":    lookDeed,
}

func verifyDeed(l ledger, d deed, answer string) (bool, ledger) {
	switch answer {
	case "OK":
		return l.password == d.password, l
	case "OLD_PASSWORD_WRONG":
		return l.password != d.password, l
	}
	return answer == lost, l
}

func installDeed(l ledger, d deed, answer string) (bool, ledger) {
	if l.open != 0 {
		l = l.closed(l.open, calledOff) // replaced
	}
	l.open, l.base[d.change] = d.change, d.password
	return answer == "OK" || answer == lost, l
}

func confirmDeed(l ledger, d deed, answer string) (bool, ledger) {
	wins := l.isOpen(d.change) && l.base[d.change] == l.password
	repeats := l.end[d.change] == d.password
	after := l
	if wins {
		after = l.closed(d.change, d.password)
		after.password = d.password
	}
	switch answer {
	case "OK":
		return wins || repeats, after
	case "CHANGE_GONE":
		return !wins && !repeats, l
	}
	return answer == lost, after
}

func cancelDeed(l ledger, d deed, answer string) (bool, ledger) {
	after := l
	if l.isOpen(d.change) {
		after = l.closed(d.change, calledOff)
	}
	switch answer {
	case "OK":
		return after.end[d.change] == calledOff, after
	case "CHANGE_GONE":
		return l.end[d.change] > 0, l
	}
	return answer == lost, after
}

// lookDeed may find a change cancelled that can never win: its confirm came
// after another one's.
func lookDeed(l ledger, d deed, answer string) (bool, ledger) {
	switch answer {
	case "open":
		return l.isOpen(d.change), l
	case "done":
		return l.end[d.change] > 0, l
	case "cancelled":
		return l.end[d.change] == calledOff || l.isOpen(d.change) && l.base[d.change] != l.password, l
	}
	return answer == lost, l
}

// passwordModel judges histories of deeds by one citizen.
var passwordModel = porcupine.Model{
	Init: func() any { return ledger{} },
	Step: func(state, input, output any) (bool, any) {
		d := input.(deed)
		ok, after := deeds[d.kind](state.(ledger), d, output.(string))
		return ok, after
	},
	Hash: func(state any) uint64 {
		l := state.(ledger)
		sum := uint64(l.password)*31 + uint64(l.open)
		for i := range mostChanges {
			sum = sum*1099511628211 ^ uint64(l.base[i]+7*l.end[i])
		}
		return sum
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %v", input, output) },
}

// never is when a lost answer comes.
const never = math.MaxInt64

// Histories written by hand: the checker lets through what one order explains,
// and nothing else.
func TestPasswordModel(t *testing.T) {
	t.Parallel()
	op := func(call, back int64, answer string, d deed) porcupine.Operation {
		return porcupine.Operation{Input: d, Output: answer, Call: call, Return: back}
	}
	opened := func(at int64, change, password int) []porcupine.Operation {
		return []porcupine.Operation{op(at, at+1, "OK", deed{"verify", change, password}), op(at, at+1, "OK", deed{"install", change, password})}
	}
	for _, tt := range []struct {
		name string
		want bool
		ops  []porcupine.Operation
	}{
		{"one change", true, append(opened(0, 1, 0), op(2, 3, "OK", deed{"confirm", 1, 7}), op(4, 5, "OLD_PASSWORD_WRONG", deed{"verify", 0, 0}),
			op(6, 7, "OK", deed{"verify", 0, 7}))},
		{"confirmed, and the old password works", false, append(opened(0, 1, 0), op(2, 3, "OK", deed{"confirm", 1, 7}), op(4, 5, "OK", deed{"verify", 0, 0}))},
		{"two winners of one change", false, append(opened(0, 1, 0), op(2, 9, "OK", deed{"confirm", 1, 7}), op(2, 9, "OK", deed{"confirm", 1, 8}))},
		{"one winner of one change", true, append(opened(0, 1, 0), op(2, 9, "OK", deed{"confirm", 1, 7}), op(2, 9, "CHANGE_GONE", deed{"confirm", 1, 8}))},
		{"repeated", true, append(opened(0, 1, 0), op(2, 3, "OK", deed{"confirm", 1, 7}), op(4, 5, "OK", deed{"confirm", 1, 7}))},
		{"a change opened with a password that is gone", false, append(append(opened(0, 1, 0), op(2, 10, "OK", deed{"verify", 2, 0}), op(3, 4, "OK", deed{"confirm", 1, 7}),
			op(5, 10, "OK", deed{"install", 2, 0})), op(11, 12, "OK", deed{"confirm", 2, 8}))},
		{"lost and done", true, append(opened(0, 1, 0), op(2, never, lost, deed{"confirm", 1, 7}), op(9, 10, "OK", deed{"verify", 0, 7}))},
		{"lost and not done", true, append(opened(0, 1, 0), op(2, never, lost, deed{"confirm", 1, 7}), op(9, 10, "OK", deed{"verify", 0, 0}))},
		{"lost, done and undone", false, append(opened(0, 1, 0), op(2, never, lost, deed{"confirm", 1, 7}), op(9, 10, "OK", deed{"verify", 0, 7}),
			op(11, 12, "OK", deed{"verify", 0, 0}))},
		{"replaced", true, append(append(opened(0, 1, 0), opened(2, 2, 0)...), op(4, 5, "CHANGE_GONE", deed{"confirm", 1, 7}), op(6, 7, "cancelled", deed{"look", 1, 0}))},
		{"replaced, and confirmed", false, append(append(opened(0, 1, 0), opened(2, 2, 0)...), op(4, 5, "OK", deed{"confirm", 1, 7}))},
		{"cancelled, and confirmed", false, append(opened(0, 1, 0), op(2, 3, "OK", deed{"cancel", 1, 0}), op(4, 5, "OK", deed{"confirm", 1, 7}))},
		{"gone for no reason", false, append(opened(0, 1, 0), op(2, 3, "CHANGE_GONE", deed{"confirm", 1, 7}))},
		{"done, and it says open", false, append(opened(0, 1, 0), op(2, 3, "OK", deed{"confirm", 1, 7}), op(4, 5, "open", deed{"look", 1, 0}))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := porcupine.CheckOperations(passwordModel, tt.ops); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
