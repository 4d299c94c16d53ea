package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fundpass/signing"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// changed imports an account again and records the effect on its link.
func (w *model) changed(a *modelAccount, what string) {
	w.note("the centre: %s %s", a, what)
	w.file(a)
	u := w.linkedTo(a)
	switch {
	case u == nil:
	case u.link.human != a.owner:
		w.endLink(u, "given to somebody else")
	case a.status == store.StatusMerged:
		w.follow(u)
	case a.ended():
		w.endLink(u, "closed")
	case a.status == store.StatusFrozen:
		w.closeOpen(u.link)
	}
}

// follow records that a link moves to another open account of its person, which the product
// chooses, or ends if there is none.
func (w *model) follow(u *modelUser) {
	if len(filtered(w.ownedBy(u.link.human), func(a *modelAccount) bool { return !a.ended() })) == 0 {
		w.endLink(u, "merged into nothing")
		return
	}
	to := w.linkedNow(u)
	if to == nil || to.ended() || to.owner != u.link.human {
		w.t.Fatalf("after a merger %s is linked to %v", u, to)
	}
	w.closeOpen(u.link)
	u.link = &modelLink{to, u.link.human}
	w.told.count("link moved")
}

func (w *model) changeStatus() {
	a := pick(w, "account", w.accounts)
	a.status = pick(w, "status", []string{store.StatusNormal, store.StatusSealed, store.StatusFrozen, store.StatusMoved, store.StatusClosed, store.StatusUnknown})
	w.changed(a, "is now "+a.status)
}

// openAgain imports the account as open again.
func (w *model) openAgain() {
	a := pick(w, "ended account", filtered(w.accounts, (*modelAccount).ended))
	a.status = store.StatusNormal
	w.changed(a, "is open again")
}

func (w *model) merge() {
	a := pick(w, "account", w.accounts)
	a.status = store.StatusMerged
	w.changed(a, "is merged")
}

func (w *model) giveAway() {
	a := pick(w, "account", w.accounts)
	a.owner = pick(w, "human", w.humans)
	a.name, a.number = a.owner.name, a.owner.number
	w.changed(a, "is now of "+a.owner.who)
}

func (w *model) rename() {
	a := pick(w, "account", w.accounts)
	if a.name == a.owner.name {
		a.name = a.owner.newName
	} else {
		a.name = a.owner.name
	}
	w.changed(a, "has another name of the same holder")
}

func (w *model) renumber() {
	a := pick(w, "account", w.accounts)
	if a.number == a.owner.number {
		a.number = a.owner.short()
	} else {
		a.number = a.owner.number
	}
	w.changed(a, "has the holder's number in "+fmt.Sprint(len(a.number))+" digits")
}

func (w *model) filePhone() {
	a := pick(w, "account", w.accounts)
	from := pick(w, "human", w.humans)
	a.phone = from.phone
	w.changed(a, "has the phone of "+from.who)
}

// issueCode issues a reset code, as an operator does at the counter.
func (w *model) issueCode() {
	a := pick(w, "account", w.accounts)
	kept, err := w.db.AccountByNumber(context.Background(), a.no)
	must(w.t, err)
	a.code, a.tries = fmt.Sprintf("%010d", 7_000_000_000+invented()), map[*modelUser]int{}
	a.codeEnds, err = w.db.Operations().IssueResetCode(context.Background(), kept, a.code, "window-3")
	must(w.t, err)
	w.note("the counter issues a code for %s", a)
}

// exportPerson exports a person's data and checks that it contains only phone numbers that the
// holder of the link has verified.
func (w *model) exportPerson() {
	h := pick(w, "human", w.humans)
	doc, err := w.documents().Parse("01", h.number)
	must(w.t, err)
	data, err := w.db.Operations().Export(context.Background(), store.OperatorRequest{DocumentKey: doc.Key(), Operator: "li", Reason: "asked in writing"})
	if errors.Is(err, store.ErrNotFound) && len(w.ownedBy(h)) == 0 {
		w.rt.Skip("nothing is kept of an account")
	}
	must(w.t, err)
	w.note("the data of %s are handed out", h)
	w.told.count("handed out")
	holder := w.holderOf(h)
	for _, x := range data.Sessions {
		if !slices.ContainsFunc(w.sessions, func(s *modelSession) bool { return s.user == holder && s.number == x.Phone }) {
			w.t.Fatalf("the data of %s, whose link %v holds, have a session that is not of this Alipay user, with a phone: %v", h, holder, x.Phone != "")
		}
	}
}

// erasePerson erases a person; if their accounts are erased, too, the next import restores
// those.
func (w *model) erasePerson() {
	h := pick(w, "human", w.humans)
	too := w.slip(3) && !w.spelledTwice(h)
	doc, err := w.documents().Parse("01", h.number)
	must(w.t, err)
	_, err = w.db.Operations().Erase(context.Background(), store.Erasure{Accounts: too, OperatorRequest: store.OperatorRequest{DocumentKey: doc.Key(), Operator: "li", Reason: "asked in writing"}})
	if errors.Is(err, store.ErrNotFound) && len(w.ownedBy(h)) == 0 {
		w.rt.Skip("nothing is kept of an account")
	}
	must(w.t, err)
	w.note("%s is erased, accounts too: %v", h, too)
	w.told.count("erased")
	if u := w.holderOf(h); u != nil {
		w.endLink(u, "erased")
	}
	w.forget(h)
	for _, a := range w.ownedBy(h) {
		a.code = ""
		if too {
			a.former, a.password, a.frozen, a.version = append(a.former, a.password), inventedPassword(), false, 1
			w.changed(a, "is listed again")
		}
	}
}

// spelledTwice reports whether a human has two accounts whose numbers differ only in leading
// zeros, of which an import adds one.
func (w *model) spelledTwice(h *human) bool {
	bare := map[string]bool{}
	for _, a := range w.ownedBy(h) {
		no := strings.TrimLeft(a.no, "0")
		if bare[no] {
			return true
		}
		bare[no] = true
	}
	return false
}

// forget records what an erasure may delete: data of the link's holder, unless they hold
// another link.
func (w *model) forget(h *human) {
	theirs := func(u *modelUser) bool { return u.proven[h] && (u.link == nil || u.link.human == h) }
	for _, u := range w.users {
		if !theirs(u) {
			continue
		}
		for purpose := range u.consents {
			u.consents[purpose] = "unsure"
		}
		for number, first := range w.payloads {
			if first == u {
				delete(w.payloads, number)
			}
		}
	}
	for _, s := range w.sessions {
		if s.ended == "" && !w.kept("sessions WHERE token_digest = $1", digestOf(s.token)) {
			if !theirs(s.user) {
				w.t.Fatalf("%s ends with the erasure of %s, who is not the holder of its link", s, h)
			}
			s.ended = "erased"
		}
	}
	for _, r := range w.transfers {
		if r.human == h || !w.kept("link_transfers WHERE transfer_id = $1", r.id) {
			r.state = transferErased
		}
	}
	for _, p := range w.pendings {
		p.closed = p.closed || p.human == h
	}
	w.closeOpenOf(h)
}

// kept reports whether a table still has a row.
func (w *model) kept(rows string, key any) (there bool) {
	must(w.t, w.raw().QueryRow(`SELECT EXISTS (SELECT 1 FROM `+rows+`)`, key).Scan(&there))
	return there
}

// cancelAuthorisation cancels the authorisation in Alipay; its notification arrives later.
func (w *model) cancelAuthorisation() {
	u := pick(w, "user", w.users)
	notification, err := w.notifications.Write(alipaysim.Notice{Person: u.Person.Person, Kind: signing.MethodCancelled})
	must(w.t, err)
	w.posts = append(w.posts, &modelNotification{Notification: notification, user: u, at: w.now()})
	w.note("%s cancels the authorisation, notification %d", u, len(w.posts))
	if !w.slip(3) { // late
		w.deliver(w.posts[len(w.posts)-1])
	}
}

// deliverNotification delivers a notification late or again.
func (w *model) deliverNotification() { w.deliver(pick(w, "notification", w.posts)) }

func (w *model) deliver(l *modelNotification) {
	_, answer := w.env.deliver(w.url, l.Notification)
	w.note("a notification of the cancellation of %s → %s", l.user, answer)
	if answer != "success" || l.taken {
		return
	}
	l.taken = true
	w.told.count("authorisation cancelled")
	for _, s := range w.sessions {
		if s.user == l.user && !s.created.After(l.at) && s.ended == "" {
			s.ended = "authorisation cancelled"
		}
	}
	for _, c := range w.changes {
		c.closed = c.closed || c.user == l.user && !c.opened.After(l.at)
	}
	for _, r := range w.transfers {
		if r.user == l.user && r.state == store.TransferWaiting && !r.requested.After(l.at) {
			r.state = store.TransferCancelled
		}
	}
	if u := l.user; u.link != nil && !u.authorised.After(l.at) {
		w.endLink(u, "authorisation cancelled")
	}
}

// passTime advances the clock so that some procedures expire.
func (w *model) passTime() {
	d := []time.Duration{time.Minute, 14 * time.Minute, 16 * time.Minute, 31 * time.Minute, 2 * time.Hour, 24 * time.Hour}[w.evenly(6)]
	w.clock.Advance(d)
	w.note("%v later", d)
}
