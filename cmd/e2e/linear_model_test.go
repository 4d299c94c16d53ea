package e2e

import (
	"fmt"
	"math"
	"testing"

	"github.com/anishathalye/porcupine"
)

// passwordModel checks histories of operations of one citizen.
var passwordModel = porcupine.Model{
	Init: func() any { return passwordState{} },
	Step: func(state, input, output any) (bool, any) {
		d := input.(operation)
		ok, after := operations[d.kind](state.(passwordState), d, output.(string))
		return ok, after
	},
	Hash: func(state any) uint64 {
		l := state.(passwordState)
		sum := uint64(l.password)*31 + uint64(l.open) + l.ended<<8 ^ l.maybeEnded<<16
		if l.frozen {
			sum++
		}
		for i := range mostChanges {
			sum = sum*1099511628211 ^ uint64(l.base[i]+7*l.end[i])
		}
		for i, r := range l.resets {
			sum = sum*1099511628211 ^ uint64(r.base+7*r.given+49*r.by+i*l.reset)
		}
		return sum
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %v", input, output) },
}

// anySession returns an operation whose session does not matter.
func anySession(kind string, of, password int) operation {
	return operation{kind: kind, of: of, password: password}
}

// never is the return time of an operation without a reply.
const never = math.MaxInt64

// TestPasswordModel checks with hand-written histories that the model accepts exactly
// those that one order explains.
func TestPasswordModel(t *testing.T) {
	t.Parallel()
	op := func(call, back int64, answer string, d operation) porcupine.Operation {
		return porcupine.Operation{Input: d, Output: answer, Call: call, Return: back}
	}
	opened := func(at int64, change, password int) []porcupine.Operation {
		return []porcupine.Operation{op(at, at+1, "OK", anySession("verify", change, password)), op(at, at+1, "OK", anySession("install", change, password))}
	}
	began := func(at int64, reset, by int) []porcupine.Operation {
		d := operation{of: reset, by: by}
		start, stand := d, d
		start.kind, stand.kind = "start", "stand"
		return []porcupine.Operation{op(at, at+1, "OK", start), op(at, at+1, "OK", stand)}
	}
	renew := func(of, password, by int) operation {
		return operation{kind: "renew", of: of, password: password, by: by}
	}
	freeze := operation{kind: "freeze", by: 1, seenSessions: bit(1) | bit(2)}
	for _, tt := range []struct {
		name string
		want bool
		ops  []porcupine.Operation
	}{
		{"one change", true, append(opened(0, 1, 0), op(2, 3, "OK", anySession("confirm", 1, 7)), op(4, 5, "OLD_PASSWORD_WRONG", anySession("verify", 0, 0)),
			op(6, 7, "OK", anySession("verify", 0, 7)))},
		{"confirmed, and the old password works", false, append(opened(0, 1, 0), op(2, 3, "OK", anySession("confirm", 1, 7)), op(4, 5, "OK", anySession("verify", 0, 0)))},
		{"two winners of one change", false, append(opened(0, 1, 0), op(2, 9, "OK", anySession("confirm", 1, 7)), op(2, 9, "OK", anySession("confirm", 1, 8)))},
		{"one winner of one change", true, append(opened(0, 1, 0), op(2, 9, "OK", anySession("confirm", 1, 7)), op(2, 9, "CHANGE_GONE", anySession("confirm", 1, 8)))},
		{"repeated", true, append(opened(0, 1, 0), op(2, 3, "OK", anySession("confirm", 1, 7)), op(4, 5, "OK", anySession("confirm", 1, 7)))},
		{"a change opened with a password that was replaced", false, append(append(opened(0, 1, 0), op(2, 10, "OK", anySession("verify", 2, 0)), op(3, 4, "OK", anySession("confirm", 1, 7)),
			op(5, 10, "OK", anySession("install", 2, 0))), op(11, 12, "OK", anySession("confirm", 2, 8)))},
		{"lost and done", true, append(opened(0, 1, 0), op(2, never, lost, anySession("confirm", 1, 7)), op(9, 10, "OK", anySession("verify", 0, 7)))},
		{"lost and not done", true, append(opened(0, 1, 0), op(2, never, lost, anySession("confirm", 1, 7)), op(9, 10, "OK", anySession("verify", 0, 0)))},
		{"lost, done and undone", false, append(opened(0, 1, 0), op(2, never, lost, anySession("confirm", 1, 7)), op(9, 10, "OK", anySession("verify", 0, 7)),
			op(11, 12, "OK", anySession("verify", 0, 0)))},
		{"replaced", true, append(append(opened(0, 1, 0), opened(2, 2, 0)...), op(4, 5, "CHANGE_GONE", anySession("confirm", 1, 7)), op(6, 7, "cancelled", anySession("look", 1, 0)))},
		{"replaced, and confirmed", false, append(append(opened(0, 1, 0), opened(2, 2, 0)...), op(4, 5, "OK", anySession("confirm", 1, 7)))},
		{"cancelled, and confirmed", false, append(opened(0, 1, 0), op(2, 3, "OK", anySession("cancel", 1, 0)), op(4, 5, "OK", anySession("confirm", 1, 7)))},
		{"gone without a reason", false, append(opened(0, 1, 0), op(2, 3, "CHANGE_GONE", anySession("confirm", 1, 7)))},
		{"done, and it says open", false, append(opened(0, 1, 0), op(2, 3, "OK", anySession("confirm", 1, 7)), op(4, 5, "open", anySession("look", 1, 0)))},
		{"frozen, and the password opens nothing", true, []porcupine.Operation{op(0, 1, "OK", freeze), op(2, 3, "PASSWORD_FROZEN", anySession("verify", 0, 0)),
			op(4, 5, "LINK_REFUSED", anySession("claim", 0, 0))}},
		{"frozen, and a password is verified", false, []porcupine.Operation{op(0, 1, "OK", freeze), op(2, 3, unfrozen, operation{kind: "visit", by: 3})}},
		{"frozen, and the password is right", false, []porcupine.Operation{op(0, 1, "OK", freeze), op(2, 3, "OK", anySession("verify", 0, 0))}},
		{"frozen, and it links", false, []porcupine.Operation{op(0, 1, "OK", freeze), op(2, 3, "ALREADY_LINKED", anySession("claim", 0, 0))}},
		{"frozen without a reason", false, []porcupine.Operation{op(0, 1, "PASSWORD_FROZEN", anySession("verify", 0, 0))}},
		{"frozen, and its change stays open", false, append(opened(0, 1, 0), op(2, 3, "OK", freeze), op(4, 5, "open", anySession("look", 1, 0)))},
		{"frozen, and its change is confirmed", false, append(opened(0, 1, 0), op(2, 3, "OK", freeze), op(4, 5, "OK", anySession("confirm", 1, 7)))},
		{"frozen, and a session stays valid", false, []porcupine.Operation{op(0, 1, "OK", freeze), op(2, 3, "OK", operation{kind: "visit", by: 2})}},
		{"frozen during a log-in", true, []porcupine.Operation{op(0, 3, "OK", freeze), op(1, 2, "OK", operation{kind: "login", by: 3}),
			op(4, 5, "SESSION_EXPIRED", operation{kind: "visit", by: 3})}},
		{"expired without a reason", false, []porcupine.Operation{op(0, 1, "OK", freeze), op(2, 3, "OK", operation{kind: "login", by: 3}),
			op(4, 5, "SESSION_EXPIRED", operation{kind: "visit", by: 3})}},
		{"frozen and reset", true, append([]porcupine.Operation{op(0, 1, "OK", freeze)}, append(began(2, 1, 3), op(4, 5, "OK", renew(1, 7, 3)),
			op(6, 7, "OK", anySession("verify", 0, 7)), op(8, 9, "OLD_PASSWORD_WRONG", anySession("verify", 0, 0)))...)},
		{"reset, and the old password works", false, append(began(0, 1, 1), op(2, 3, "OK", renew(1, 7, 1)), op(4, 5, "OK", anySession("verify", 0, 0)))},
		{"reset, and still frozen", false, append([]porcupine.Operation{op(0, 1, "OK", freeze)}, append(began(2, 1, 3), op(4, 5, "OK", renew(1, 7, 3)),
			op(6, 7, "PASSWORD_FROZEN", anySession("verify", 0, 7)))...)},
		{"reset twice", false, append(began(0, 1, 1), op(2, 9, "OK", renew(1, 7, 1)), op(2, 9, "OK", renew(1, 8, 1)))},
		{"reset, and repeated", true, append(began(0, 1, 1), op(2, 3, "OK", renew(1, 7, 1)), op(4, 5, "OK", renew(1, 7, 1)))},
		{"reset by another session", false, append(began(0, 1, 1), op(2, 3, "OK", renew(1, 7, 2)))},
		{"a freeze cancels a reset", false, append(began(0, 1, 3), op(2, 3, "OK", freeze), op(4, 5, "OK", renew(1, 7, 3)))},
		{"a change outdates a reset", false, append(append(opened(0, 1, 0), began(2, 1, 1)...), op(4, 5, "OK", anySession("confirm", 1, 7)), op(6, 7, "OK", renew(1, 8, 1)))},
		{"a reset cancels a change", false, append(append(opened(0, 1, 0), began(2, 1, 1)...), op(4, 5, "OK", renew(1, 8, 1)), op(6, 7, "open", anySession("look", 1, 0)))},
		{"a reset ends other sessions", false, append(began(0, 1, 1), op(2, 3, "OK", operation{"renew", 1, 7, 1, bit(1) | bit(2)}), op(4, 5, "OK", operation{kind: "visit", by: 2}))},
		{"a change ends other sessions", false, append(opened(0, 1, 0), op(2, 3, "OK", operation{"confirm", 1, 7, 1, bit(1) | bit(2)}), op(4, 5, "OK", operation{kind: "visit", by: 2}))},
		{"a change leaves its own session", false, append(opened(0, 1, 0), op(2, 3, "OK", operation{"confirm", 1, 7, 1, bit(1) | bit(2)}),
			op(4, 5, "SESSION_EXPIRED", operation{kind: "visit", by: 1}))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := porcupine.CheckOperations(passwordModel, tt.ops); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
