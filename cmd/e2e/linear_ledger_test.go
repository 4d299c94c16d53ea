package e2e

// How much one history may hold.
const (
	mostChanges = 64
	mostResets  = 8
)

// A ledger is the sequential truth of one citizen's password. Passwords are
// numbers that never come back, so a password stands for its version.
type passwordState struct {
	password   int
	frozen     bool
	open       int              // the open change, 0: none
	base       [mostChanges]int // the password that a change was opened with
	end        [mostChanges]int // 0: never opened or open, cancelled, or the new password
	reset      int              // the open reset, 0: none
	resets     [mostResets]resetState
	ended      uint64 // sessions, by bit, that can do nothing more
	maybeEnded uint64 // sessions that may have been ended: they began while others were being ended
}

// A resetLedger is one reset.
type resetState struct {
	seen  bool // the password was looked at when it began
	base  int  // which it was
	by    int  // the session that began it, and no other may go on
	given int  // the new password, 0: none yet
}

// calledOff is the end of a change without a new password.
const endCancelled = -1

func (l passwordState) isOpen(change int) bool { return l.open == change && change != 0 }

// closed is the ledger after a change came to its end.
func (l passwordState) endChange(change, end int) passwordState {
	l.end[change] = end
	if l.open == change {
		l.open = 0
	}
	return l
}

// cancelled is the ledger without an open change.
func (l passwordState) cancelOpen() passwordState {
	if l.open != 0 {
		l = l.endChange(l.open, endCancelled)
	}
	return l
}

// others is the ledger when d has ended every session but its own: those that it
// met, and perhaps those that began at the same time.
func (l passwordState) endOtherSessions(d operation) passwordState {
	l.ended |= d.seenSessions &^ bit(d.by)
	l.maybeEnded |= ^bit(d.by)
	return l
}

func bit(session int) uint64 { return 1 << session }

// A deed is one operation: what is asked, of which change or reset, with which
// password, by which session, and which sessions there were when it began.
type operation struct {
	kind         string
	of           int
	password     int
	by           int
	seenSessions uint64
}

// lost is the answer that did not come: it happened at some time, or never.
const lost = "lost"

// deeds say for every kind of operation which answers are right, and what is so
// afterwards. More kinds are more lines.
var operations = map[string]func(l passwordState, d operation, answer string) (bool, passwordState){
	"login":   applyLogin,
	"visit":   applyVisit,   // what comes first in every request of a session
	"verify":  applyVerify,  // the first half of opening: the old password is looked at
	"install": applyInstall, // the second half: the change stands
	"confirm": applyConfirm,
	"cancel":  applyCancel,
	"look":    applyLook,
	"claim":   applyClaim, // a stranger's try to link the account
	"freeze":  applyFreeze,
	"start":   applyStart, // the first half of beginning a reset: whose password it replaces
	"stand":   applyStand, // the second half: the reset stands
	"renew":   applyRenew, // its confirm
}

func applyLogin(l passwordState, d operation, answer string) (bool, passwordState) {
	l.maybeEnded &^= bit(d.by)
	return answer == "OK", l
}

// unfrozen is the answer of a visit that went on to look at a password.
const unfrozen = "unfrozen"

func applyVisit(l passwordState, d operation, answer string) (bool, passwordState) {
	switch answer {
	case "OK":
		return l.ended&bit(d.by) == 0, l
	case unfrozen:
		return l.ended&bit(d.by) == 0 && !l.frozen, l
	}
	return (l.ended|l.maybeEnded)&bit(d.by) != 0, l // SESSION_EXPIRED
}

func applyVerify(l passwordState, d operation, answer string) (bool, passwordState) {
	switch answer {
	case "OK":
		return l.password == d.password && !l.frozen, l
	case "OLD_PASSWORD_WRONG":
		return l.password != d.password, l
	case "PASSWORD_FROZEN":
		return l.frozen, l
	}
	return answer == lost, l
}

// installDeed comes to nothing when the password is frozen.
func applyInstall(l passwordState, d operation, answer string) (bool, passwordState) {
	if l.frozen {
		return answer == lost, l
	}
	l = l.cancelOpen() // replaced
	l.open, l.base[d.of] = d.of, d.password
	return answer == "OK" || answer == lost, l
}

func applyConfirm(l passwordState, d operation, answer string) (bool, passwordState) {
	wins := l.isOpen(d.of) && l.base[d.of] == l.password && !l.frozen
	repeats := l.end[d.of] == d.password
	after := l
	if wins {
		after = l.endChange(d.of, d.password).endOtherSessions(d)
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

func applyCancel(l passwordState, d operation, answer string) (bool, passwordState) {
	after := l
	if l.isOpen(d.of) {
		after = l.endChange(d.of, endCancelled)
	}
	switch answer {
	case "OK":
		return after.end[d.of] == endCancelled, after
	case "CHANGE_GONE":
		return l.end[d.of] > 0, l
	}
	return answer == lost, after
}

// lookDeed may find a change cancelled that can never win: its confirm came
// after another one's.
func applyLook(l passwordState, d operation, answer string) (bool, passwordState) {
	switch answer {
	case "open":
		return l.isOpen(d.of), l
	case "done":
		return l.end[d.of] > 0, l
	case "cancelled":
		return l.end[d.of] == endCancelled || l.isOpen(d.of) && l.base[d.of] != l.password, l
	}
	return answer == lost, l
}

// claimDeed tells a right password only while it opens something.
func applyClaim(l passwordState, d operation, answer string) (bool, passwordState) {
	right := l.password == d.password && !l.frozen
	return right == (answer == "ALREADY_LINKED"), l
}

// freezeDeed ends every session, its own too, and what is open.
func applyFreeze(l passwordState, d operation, answer string) (bool, passwordState) {
	l = l.cancelOpen().endOtherSessions(d)
	l.ended |= bit(d.by)
	l.frozen, l.reset = true, 0
	return answer == "OK" || answer == lost, l
}

func applyStart(l passwordState, d operation, answer string) (bool, passwordState) {
	l.resets[d.of] = resetState{seen: true, base: l.password, by: d.by}
	return answer == "OK", l
}

// standDeed replaces the reset that was open. Nobody can go on with a lost one.
func applyStand(l passwordState, d operation, answer string) (bool, passwordState) {
	l.reset = d.of
	return answer == lost || l.resets[d.of].seen, l
}

// renewDeed gives the new password, whatever state the old one is in.
func applyRenew(l passwordState, d operation, answer string) (bool, passwordState) {
	r := l.resets[d.of]
	own := r.seen && r.by == d.by
	wins := own && l.reset == d.of && r.base == l.password
	repeats := own && r.given == d.password && r.given != 0
	after := l
	if wins {
		after = l.cancelOpen().endOtherSessions(d)
		after.resets[d.of].given = d.password
		after.password, after.frozen, after.reset = d.password, false, 0
	}
	switch answer {
	case "OK":
		return wins || repeats, after
	case "RESET_GONE":
		return !wins && !repeats, l
	}
	return answer == lost, after
}
