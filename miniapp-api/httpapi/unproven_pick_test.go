package httpapi_test

import (
	"slices"
	"time"

	"fundpass/store"
)

// evenly returns a number below n, 0 without luck.
func (w *model) evenly(n int) int {
	if w.luck == nil {
		return 0
	}
	return w.luck.IntN(n)
}

// slip reports true once in n calls, never without luck.
func (w *model) slip(n int) bool { return w.luck != nil && w.luck.IntN(n) == 0 }

// pick returns one of all; the step is skipped if there is none.
func pick[T any](w *model, what string, all []T) T {
	if len(all) == 0 {
		w.rt.Skip("no " + what)
	}
	return all[w.evenly(len(all))]
}

// filtered returns the elements that satisfy fits.
func filtered[T any](all []T, fits func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(all), func(x T) bool { return !fits(x) })
}

func (w *model) ownedBy(h *human) []*modelAccount {
	return filtered(w.accounts, func(a *modelAccount) bool { return a.owner == h })
}

// anyOf returns an account of the human, sometimes of another, or nil.
func (w *model) anyOf(h *human) *modelAccount {
	own := w.ownedBy(h)
	if w.slip(6) {
		own = w.accounts
	}
	if len(own) == 0 {
		return nil
	}
	return pick(w, "account", own)
}

// anySession returns usually a valid session.
func (w *model) anySession() *modelSession {
	return w.preferred(func(*modelUser) bool { return true })
}

// linkedSession returns usually a valid session of a linked user; unlinkedSession one of an
// unlinked user.
func (w *model) linkedSession() *modelSession {
	return w.preferred(func(u *modelUser) bool { return u.link != nil })
}

func (w *model) unlinkedSession() *modelSession {
	return w.preferred(func(u *modelUser) bool { return u.link == nil })
}

// preferred returns usually a valid session of a user who fits, or a new one, sometimes any.
func (w *model) preferred(fits func(*modelUser) bool) *modelSession {
	if w.slip(8) {
		return pick(w, "session", w.sessions)
	}
	all := filtered(w.sessions, func(s *modelSession) bool { return w.alive(s) && fits(s.user) })
	if len(all) > 0 {
		return pick(w, "session", all)
	}
	return w.open(pick(w, "user", filtered(w.users, fits)))
}

// alive reports whether a session is expected to be valid.
func (w *model) alive(s *modelSession) bool {
	return s.ended == "" && w.now().Sub(s.seen) < store.SessionIdle-time.Minute && w.now().Sub(s.created) < store.SessionLife-time.Minute
}

// pickLate returns usually the last element.
func pickLate[T any](w *model, what string, all []T) T {
	if len(all) > 1 && !w.slip(3) {
		all = all[len(all)-1:]
	}
	return pick(w, what, all)
}

// mostly returns usually this session, sometimes another of its user or any.
func (w *model) mostly(s *modelSession) *modelSession {
	switch {
	case !w.slip(4):
		return s
	case !w.slip(2):
		return w.preferred(func(u *modelUser) bool { return u == s.user })
	}
	return w.anySession()
}
