package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
)

// A pendingAttempt is an attempt of a history without a verdict.
type pendingAttempt struct {
	input   store.AttemptRequest
	attempt store.Attempt
	scope   string
	lease   time.Time // in the model; zero if it was not admitted
	key     []byte    // of its request
	request *store.IdempotencyRecord
}

// clear resets the counter and keeps pending attempts.
func (l *scopeModel) clear() { *l = scopeModel{pending: l.pending} }

// begin reserves an attempt in the database and in the model, and compares the results.
func (h *history) begin() error { return h.beginUnder(uuid.NewString()) }

func (h *history) beginUnder(key string) error {
	w := pendingAttempt{scope: h.scope, key: []byte(key), input: store.AttemptRequest{PersonDigest: h.person, Scope: []byte(h.scope), Policy: modelPolicies[h.policy]}}
	w.request = &store.IdempotencyRecord{Scope: h.person, KeyDigest: w.key, RequestDigest: w.key}
	if _, err := h.db.IdempotencyRecords().Begin(context.Background(), w.request); err != nil {
		return err
	}
	return h.charge(w)
}

func (h *history) charge(w pendingAttempt) error {
	l, b := h.model[w.scope], w.input.Policy
	want := l.reserve(b, *h.now)
	if want {
		w.lease = l.pending[len(l.pending)-1]
	}
	w.input.Record = w.request
	a, err := h.db.ReserveAttempt(context.Background(), w.input)
	if err != nil {
		return err
	}
	if err := compare(a, want, l, b, *h.now); err != nil {
		return err
	}
	if a.Crowded != (!want && !l.until.After(*h.now)) {
		return fmt.Errorf("crowded: %v, with %d pending", a.Crowded, len(l.pending))
	}
	w.attempt = a
	h.waiting = append(h.waiting, w)
	return h.sees(a.Account)
}

func compare(a store.Attempt, admitted bool, l *scopeModel, b store.LockoutPolicy, now time.Time) error {
	if a.Admitted != admitted || a.Remaining != l.left(b, now) {
		return fmt.Errorf("admitted %v with %d left; the model has %v with %d", a.Admitted, a.Remaining, admitted, l.left(b, now))
	}
	if locked := a.LockedUntil != nil; locked != l.until.After(now) || locked && !a.LockedUntil.Equal(l.until) {
		return fmt.Errorf("locked until %v; the model has %v", a.LockedUntil, l.until)
	}
	return nil
}

// take removes the newest or any pending attempt.
func (h *history) take(newest bool) (w pendingAttempt, ok bool) {
	if len(h.waiting) == 0 {
		return pendingAttempt{}, false
	}
	i := len(h.waiting) - 1
	if !newest {
		i = h.rand.IntN(len(h.waiting))
	}
	w = h.waiting[i]
	h.waiting = append(h.waiting[:i:i], h.waiting[i+1:]...)
	return w, true
}

// wrong is a failed attempt from reservation to verdict.
func (h *history) wrong() error {
	if err := h.begin(); err != nil {
		return err
	}
	w, _ := h.take(true)
	return h.settle(w, false)
}

// right is an attempt with the right password, which is not admitted during a lock.
func (h *history) right() error {
	if err := h.begin(); err != nil {
		return err
	}
	w, _ := h.take(true)
	return h.settle(w, w.attempt.Admitted)
}

// verdict settles any pending attempt, perhaps after its lease.
func (h *history) verdict() error {
	w, ok := h.take(false)
	if !ok {
		return nil
	}
	return h.settle(w, w.attempt.Admitted && h.rand.IntN(6) == 0)
}

// settle gives a verdict in the database and in the model, and compares the results.
func (h *history) settle(w pendingAttempt, right bool) error {
	l, b, now := h.model[w.scope], w.input.Policy, *h.now
	counted := !w.lease.IsZero() && l.settle(w.lease, now)
	var err error
	a := w.attempt
	switch {
	case right:
		if counted {
			l.clear()
		}
		err = h.db.PassAttempt(context.Background(), w.input, a)
	default:
		if counted {
			l.fail(b, now)
		}
		a, err = h.db.FailAttempt(context.Background(), w.input, a, false)
	}
	if lapsed := w.attempt.Admitted && !counted; lapsed || err != nil {
		if lapsed && errors.Is(err, store.ErrLapsed) {
			return nil
		}
		return fmt.Errorf("lapsed: %v; the database returned %w", lapsed, err)
	}
	if right {
		return nil
	}
	return compare(a, a.Admitted, l, b, now)
}

// kill ends a process, so that its attempts get no verdict.
func (h *history) kill() error {
	h.take(false)
	return nil
}

// retry repeats a request whose run has died, which takes over its charge. A second retry,
// after the verdict, charges nothing and does not check a wrong password again.
func (h *history) retry() error {
	w, ok := h.take(false)
	if !ok {
		return nil
	}
	l := h.model[w.scope]
	if err := h.rerun(&w); err != nil {
		return err
	}
	for i, end := range l.pending {
		if end.Equal(w.lease) {
			l.pending = append(l.pending[:i:i], l.pending[i+1:]...)
			break
		}
	}
	w.lease = time.Time{}
	if err := h.charge(w); err != nil {
		return err
	}
	w, _ = h.take(true)
	if err := h.settle(w, false); err != nil || !w.attempt.Admitted {
		return err
	}
	if err := h.rerun(&w); err != nil {
		return err
	}
	w.input.Record = w.request
	l.lapse(*h.now)
	a, err := h.db.ReserveAttempt(context.Background(), w.input)
	if err != nil {
		return err
	}
	return compare(a, false, l, w.input.Policy, *h.now)
}

// rerun begins the next run of a request whose process has ended.
func (h *history) rerun(w *pendingAttempt) error {
	if err := h.db.IdempotencyRecords().MarkUnknown(context.Background(), w.request); err != nil {
		return err
	}
	w.request = &store.IdempotencyRecord{Scope: h.person, KeyDigest: w.key, RequestDigest: w.key}
	_, err := h.db.IdempotencyRecords().Begin(context.Background(), w.request)
	return err
}
