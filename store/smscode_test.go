package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// newSMS returns an outbox with a person who has a phone on file, and an order for a code of
// theirs.
func newSMS(t *testing.T) (*outbox, store.Depositor, store.SMSCodeOrder) {
	t.Helper()
	o := newOutbox(t)
	d := depositor(1)
	importAll(t, o.dbs[0], d)
	a := importedAccount(t, o.dbs[0], d)
	return o, d, store.SMSCodeOrder{
		Purpose: "reset", Channel: store.ChannelAlipay, PersonDigest: a.PersonDigest, AccountID: a.ID,
		Mobile: d.Person.Phone, Binding: []byte("session"), Code: "012345",
	}
}

// issue issues a code a minute after the previous one.
func (o *outbox) issue(order store.SMSCodeOrder) store.SMSCode {
	o.t.Helper()
	o.pass(store.SMSCodeInterval)
	order.ID = uuid.New()
	code, err := o.dbs[0].IssueSMSCode(o.t.Context(), order)
	o.check(err)
	return code
}

// tryOf returns the right try at a code.
func tryOf(c store.SMSCode, order store.SMSCodeOrder) store.SMSTry {
	return store.SMSTry{ID: c.ID, Purpose: order.Purpose, PersonDigest: order.PersonDigest, Binding: order.Binding, Code: order.Code}
}

func (o *outbox) use(try store.SMSTry, left int, want error) {
	o.t.Helper()
	got, err := o.dbs[1].UseSMSCode(o.t.Context(), try)
	if !errors.Is(err, want) || got != left {
		o.t.Errorf("%d left, %v; want %d, %v", got, err, left, want)
	}
}

// Of 100 parallel wrong tries over two processes three are compared, and the right one comes
// too late. Of 100 right ones one succeeds.
func TestSMSCodeRace(t *testing.T) {
	t.Parallel()
	o, _, order := newSMS(t)
	for _, tt := range []struct {
		code string
		want map[string]int
	}{
		{"543210", map[string]int{"2 " + store.ErrCode.Error(): 1, "1 " + store.ErrCode.Error(): 1, "0 " + store.ErrCode.Error(): 1, "0 " + store.ErrGone.Error(): 97}},
		{order.Code, map[string]int{"0 <nil>": 1, "0 " + store.ErrGone.Error(): 99}},
	} {
		try := tryOf(o.issue(order), order)
		try.Code = tt.code
		got := map[string]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				left, err := o.dbs[i%2].UseSMSCode(t.Context(), try)
				mu.Lock()
				defer mu.Unlock()
				got[fmt.Sprint(left, " ", err)]++
			})
		}
		all.Wait()
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s", tt.code, d)
		}
		try.Code = order.Code
		o.use(try, 0, store.ErrGone)
	}
}

// A code of another purpose, person or session, a used, replaced or expired one is gone, and
// such a try costs the code nothing.
func TestSMSCodeIsBound(t *testing.T) {
	t.Parallel()
	o, _, order := newSMS(t)
	code := o.issue(order)
	right := tryOf(code, order)
	for name, change := range map[string]func(*store.SMSTry){
		"purpose": func(s *store.SMSTry) { s.Purpose = "link" },
		"person":  func(s *store.SMSTry) { s.PersonDigest = []byte("another") },
		"session": func(s *store.SMSTry) { s.Binding = []byte("another") },
		"id":      func(s *store.SMSTry) { s.ID = uuid.New() },
	} {
		try := right
		change(&try)
		for range store.SMSCodeTries {
			if _, err := o.dbs[0].UseSMSCode(t.Context(), try); !errors.Is(err, store.ErrGone) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	wrong := right
	wrong.Code = "012346"
	o.use(wrong, 2, store.ErrCode)
	o.use(right, 0, nil)
	o.use(right, 0, store.ErrGone)

	code = o.issue(order)
	other := order
	other.Purpose = "sign_in"
	kept := o.issue(other)
	next := o.issue(order)
	o.use(tryOf(code, order), 0, store.ErrGone)
	o.use(tryOf(kept, other), 0, nil)
	o.pass(store.SMSCodeLife)
	o.use(tryOf(next, order), 0, store.ErrGone)
}

// A person gets five codes on a day in Beijing over all purposes, and one a minute. What is
// refused costs nothing.
func TestSMSCodeLimits(t *testing.T) {
	t.Parallel()
	o, _, order := newSMS(t)
	purposes := []string{"reset", "link", "sign_in", "device", "reset"}
	for i, p := range purposes {
		order.Purpose = p
		code := o.issue(order)
		if i == len(purposes)-1 {
			break
		}
		o.pass(store.SMSCodeInterval - time.Second)
		next, err := o.dbs[1].IssueSMSCode(t.Context(), order)
		if !errors.Is(err, store.ErrTooSoon) || !next.NextAt.Equal(code.NextAt) {
			t.Errorf("after 59 s: %v at %v, want ErrTooSoon at %v", err, next.NextAt, code.NextAt)
		}
	}
	o.pass(store.SMSCodeInterval)
	if _, err := o.dbs[0].IssueSMSCode(t.Context(), order); !errors.Is(err, store.ErrLimit) {
		t.Errorf("sixth: %v", err)
	}
	o.pass(16*time.Hour - o.clock().Sub(o.clock().Truncate(24*time.Hour))) // midnight in Beijing
	o.issue(order)
}

// A network has three codes of a person, whoever asks there, and another network the others.
func TestSMSCodesOfNetworkAndPerson(t *testing.T) {
	t.Parallel()
	o, _, order := newSMS(t)
	for _, network := range []string{"192.0.2.1", "192.0.2.2"} {
		order.Network = network
		for range 2 {
			o.issue(order)
		}
	}
	order.Network = "192.0.2.1"
	o.issue(order)
	o.pass(store.SMSCodeInterval)
	order.ID = uuid.New()
	if _, err := o.dbs[0].IssueSMSCode(t.Context(), order); !errors.Is(err, store.ErrLimit) {
		t.Errorf("the sixth: %v", err)
	}
	o.pass(24 * time.Hour)
	for range store.SMSCodesPerNetworkAndPerson {
		o.issue(order)
	}
	o.pass(store.SMSCodeInterval)
	order.ID = uuid.New()
	if _, err := o.dbs[0].IssueSMSCode(t.Context(), order); !errors.Is(err, store.ErrLimit) {
		t.Errorf("the fourth of a network: %v", err)
	}
	order.Network = ""
	o.issue(order) // who is proven
}

// An order with an event tells the owner that a code was sent, and only then.
func TestSMSCodeIsRecorded(t *testing.T) {
	t.Parallel()
	o, _, order := newSMS(t)
	o.issue(order)
	order.Event = store.EventResetCodeSent
	o.issue(order)
	order.Silent, order.Mobile = true, "14200000099" // not on file: nothing is sent
	o.issue(order)
	events := column(t, o.dbs[0], `SELECT concat(kind, ' ', channel) FROM events WHERE kind LIKE '%code_sent'`)
	if d := cmp.Diff([]string{"reset_code_sent alipay"}, events); d != "" {
		t.Error(d)
	}
}

// A network that names many persons is limited; proven callers have none.
func TestSMSCodesOfNetwork(t *testing.T) {
	t.Parallel()
	o, _, order := newSMS(t)
	order.Silent, order.Network = true, "192.0.2.1"
	storetest.ProbeOf(o.dbs[0]).MustExec(`
		INSERT INTO daily_counts (center_id, purpose, subject_digest, day, count) VALUES (current_user, 'SMS codes of a network', $1, '2026-03-01', $2)`,
		o.dbs[0].Digest("network of a code", []byte(order.Network)), store.SMSCodesPerNetwork-1)
	o.issue(order)
	o.pass(store.SMSCodeInterval)
	order.PersonDigest, order.AccountID = []byte("another"), uuid.Nil
	if _, err := o.dbs[0].IssueSMSCode(t.Context(), order); !errors.Is(err, store.ErrLimit) {
		t.Errorf("one too many: %v", err)
	}
	order.Network = "192.0.2.2"
	o.issue(order)
}

// A phone proves nothing if it is another person's, too, or not on file any more, at the
// request or at the use of a code.
func TestSMSCodeProvesOwnPhone(t *testing.T) {
	t.Parallel()
	o, d, order := newSMS(t)
	none := func(d *store.Depositor) { d.Person.Phone = "" }
	number := func(phone string) func(*store.Depositor) { return func(d *store.Depositor) { d.Person.Phone = phone } }
	for name, change := range map[string][]store.Depositor{
		"changed": {depositor(1, number("14200000099"))},
		"removed": {depositor(1, none)},
		"shared":  {depositor(2, number(d.Person.Phone))},
	} {
		importAll(t, o.dbs[0], d, depositor(2))
		o.pass(24 * time.Hour)
		code := o.issue(order)
		importAll(t, o.dbs[0], change...)
		o.use(tryOf(code, order), 0, store.ErrGone)
		o.pass(store.SMSCodeInterval)
		for range store.SMSCodesPerDay { // which is not counted
			if _, err := o.dbs[0].IssueSMSCode(t.Context(), order); !errors.Is(err, store.ErrNoPhone) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// A caller who is not proven gets the same answers for a person who cannot be reached as for
// one who can. Nothing is sent, and no try is right.
func TestSilentSMSCodes(t *testing.T) {
	t.Parallel()
	o, d, order := newSMS(t)
	order.Silent = true
	shared := depositor(2, func(s *store.Depositor) { s.Person.Phone = d.Person.Phone })
	importAll(t, o.dbs[0], shared)
	unknown := order
	unknown.PersonDigest, unknown.AccountID, unknown.Mobile = []byte("nobody"), uuid.Nil, ""
	for _, order := range []store.SMSCodeOrder{order, unknown} {
		code := o.issue(order)
		if _, err := o.dbs[0].IssueSMSCode(t.Context(), order); !errors.Is(err, store.ErrTooSoon) {
			t.Errorf("again: %v", err)
		}
		for left := 2; left >= 0; left-- {
			o.use(tryOf(code, order), left, store.ErrCode)
		}
		o.use(tryOf(code, order), 0, store.ErrGone)
	}
	if due, _, err := o.dbs[0].Outbox().DueSMS(t.Context(), 10, store.MediumSMS); err != nil || len(due) != 0 {
		t.Errorf("%d sent, %v", len(due), err)
	}
}
