package e2e

// Sizes of one history.
const (
	mostChanges = 64
	mostResets  = 8
)

// A passwordState is the sequential model of one citizen's password. Passwords are
// numbers that are never reused, so that a password identifies its version.
type passwordState struct {
	password   int
	frozen     bool
	open       int              // the open change, or 0
	base       [mostChanges]int // the password with which a change was opened
	end        [mostChanges]int // 0 if not opened or open, endCancelled, or the new password
	reset      int              // the open reset, or 0
	resets     [mostResets]resetState
	ended      uint64 // bits of the sessions that have ended
	maybeEnded uint64 // bits of the sessions that may have ended, because they began while others were ended
}

// A resetState is one reset.
type resetState struct {
	seen  bool // the current password was read when it began
	base  int  // that password
	by    int  // the session that began it; others cannot confirm it
	given int  // the new password, or 0
}

// endCancelled is the end of a change without a new password.
const endCancelled = -1

func (l passwordState) isOpen(change int) bool { return l.open == change && change != 0 }

// endChange returns the state after the end of a change.
func (l passwordState) endChange(change, end int) passwordState {
	l.end[change] = end
	if l.open == change {
		l.open = 0
	}
	return l
}

// cancelOpen returns the state without an open change.
func (l passwordState) cancelOpen() passwordState {
	if l.open != 0 {
		l = l.endChange(l.open, endCancelled)
	}
	return l
}

// endOtherSessions returns the state after d has ended all sessions but its own: those
// that existed when it began, and perhaps those that began meanwhile.
func (l passwordState) endOtherSessions(d operation) passwordState {
	l.ended |= d.seenSessions &^ bit(d.by)
	l.maybeEnded |= ^bit(d.by)
	return l
}

func bit(session int) uint64 { return 1 << session }

// An operation is one call: its kind, the change or reset, the password, the session, and
// the sessions that existed when it began.
type operation struct {
	kind         string
	of           int
	password     int
	by           int
	seenSessions uint64
}

// lost is the output of an operation without a reply, which happened at some time or
// never.
const lost = "lost"

// operations contains the model of every kind of operation: it returns whether the reply
// is possible, and the next state.
var operations = map[string]func(l passwordState, d operation, answer string) (bool, passwordState){
	"login":   applyLogin,
	"visit":   applyVisit,   // the check of the session in every request
	"verify":  applyVerify,  // first half of opening a change: the old password is verified
	"install": applyInstall, // second half: the change is stored
	"confirm": applyConfirm,
	"cancel":  applyCancel,
	"look":    applyLook,
	"claim":   applyClaim, // a stranger's attempt to link the account
	"freeze":  applyFreeze,
	"start":   applyStart, // first half of beginning a reset: the current password is read
	"stand":   applyStand, // second half: the reset is stored
	"renew":   applyRenew, // the confirm of a reset
}

func applyLogin(l passwordState, d operation, answer string) (bool, passwordState) {
	l.maybeEnded &^= bit(d.by)
	return answer == "OK", l
}

// unfrozen is the output of a visit after which a password was verified.
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

// applyInstall has no effect if the password is frozen.
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

// applyLook accepts cancelled for a change that cannot succeed any more, because another
// one was confirmed.
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

// applyClaim reveals that a password is right only while it is usable.
func applyClaim(l passwordState, d operation, answer string) (bool, passwordState) {
	right := l.password == d.password && !l.frozen
	return right == (answer == "ALREADY_LINKED"), l
}

// applyFreeze ends every session, including its own, the open change and the open reset.
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

// applyStand replaces the open reset. A reset without a reply cannot be continued.
func applyStand(l passwordState, d operation, answer string) (bool, passwordState) {
	l.reset = d.of
	return answer == lost || l.resets[d.of].seen, l
}

// applyRenew sets the new password, whatever the state of the old one.
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
