package httpapi_test

import (
	"slices"
	"time"

	"fundpass/store"
)

// evenly is one of n numbers; without luck it is 0.
func (w *model) evenly(n int) int {
	if w.luck == nil {
		return 0
	}
	return w.luck.IntN(n)
}

// slip says whether something unlikely happens, once in n times; without luck it does not.
func (w *model) slip(n int) bool { return w.luck != nil && w.luck.IntN(n) == 0 }

// pick is one of all; a step that needs one where there is none does not happen.
func pick[T any](w *model, what string, all []T) T {
	if len(all) == 0 {
		w.rt.Skip("no " + what)
	}
	return all[w.evenly(len(all))]
}

// filtered are those of all that fit.
func filtered[T any](all []T, fits func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(all), func(x T) bool { return !fits(x) })
}

func (w *model) ownedBy(h *human) []*modelAccount {
	return filtered(w.accounts, func(a *modelAccount) bool { return a.owner == h })
}

// anyOf is an account of the human, now and then of anybody, nil where there is none.
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

// anySession is mostly a live one.
func (w *model) anySession() *modelSession {
	return w.preferred(func(*modelUser) bool { return true })
}

// linkedSession is mostly a live one of a user with a link, unlinkedSession of one without.
func (w *model) linkedSession() *modelSession {
	return w.preferred(func(u *modelUser) bool { return u.link != nil })
}

func (w *model) unlinkedSession() *modelSession {
	return w.preferred(func(u *modelUser) bool { return u.link == nil })
}

// preferred is mostly a live session of a user who fits, a new one where there is none,
// now and then any.
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

// alive says whether a session should be alive, as far as one can tell.
func (w *model) alive(s *modelSession) bool {
	return s.ended == "" && w.now().Sub(s.seen) < store.SessionIdle-time.Minute && w.now().Sub(s.created) < store.SessionLife-time.Minute
}

// pickLate is mostly the last of all.
func pickLate[T any](w *model, what string, all []T) T {
	if len(all) > 1 && !w.slip(3) {
		all = all[len(all)-1:]
	}
	return pick(w, what, all)
}

// mostly is this session, now and then another one of its user, or any.
func (w *model) mostly(s *modelSession) *modelSession {
	switch {
	case !w.slip(4):
		return s
	case !w.slip(2):
		return w.preferred(func(u *modelUser) bool { return u == s.user })
	}
	return w.anySession()
}
