package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// dueSMS claims SMS through one of the processes.
func (o *outbox) dueSMS(process int) []store.Delivery {
	o.t.Helper()
	due, _, err := o.dbs[process].Outbox().DueSMS(o.t.Context(), 10, store.MediumSMS)
	o.check(err)
	return due
}

// row returns what the outbox says about one SMS, and whether the row still has its code.
func (o *outbox) row(d store.Delivery) (state string, hasCode bool) {
	o.t.Helper()
	var row struct {
		Sealed []byte `db:"sealed"`
		State  string `db:"state"`
	}
	o.check(storetest.ProbeOf(o.dbs[0]).Get(&row, `
		SELECT sealed, CASE WHEN done_at IS NOT NULL THEN 'done' WHEN failed_at IS NOT NULL THEN 'failed' ELSE 'due' END
			|| ' ' || coalesce(receipt, 'none') AS state FROM outbox WHERE outbox_id = $1`, d.ID))
	n, err := o.dbs[0].Outbox().Notice(store.Delivery{ID: d.ID, Sealed: row.Sealed})
	o.check(err)
	return row.State, n.Code != ""
}

func (o *outbox) expect(d store.Delivery, state string, hasCode bool) {
	o.t.Helper()
	if s, c := o.row(d); s != state || c != hasCode {
		o.t.Errorf("%s, code %v; want %s, %v", s, c, state, hasCode)
	}
}

// A code goes to the phone on file, and is in its row until it is sent, given up or expired.
func TestSMSIsSentOnce(t *testing.T) {
	t.Parallel()
	o, d, order := newSMS(t)
	db, ctx := o.dbs[0], t.Context()
	o.issue(order)
	if len(o.due(0, 10)) != 0 {
		t.Error("a code among the provider's messages")
	}
	sms := o.dueSMS(0)[0]
	if len(o.dueSMS(1)) != 0 {
		t.Error("claimed twice")
	}
	n, err := db.Outbox().Notice(sms)
	o.check(err)
	mobile, err := db.Outbox().SMSRecipient(ctx, sms)
	o.check(err)
	if purpose, code := sms.CodePurpose(); n.Code != order.Code || mobile != d.Person.Phone || purpose != "reset" || !code {
		t.Errorf("%+v to %s for %s", n, mobile, purpose)
	}
	o.check(db.Outbox().DeferSMS(ctx, sms))
	o.expect(sms, "due none", true)
	o.pass(10 * time.Second)
	sms = o.dueSMS(1)[0]
	o.check(o.dbs[1].Outbox().SentSMS(ctx, sms))
	o.expect(sms, "done none", false)

	o.issue(order)
	sms = o.dueSMS(0)[0]
	o.check(db.Outbox().AbandonSMS(ctx, sms))
	o.expect(sms, "failed none", false)

	o.issue(order)
	sms = o.dueSMS(0)[0]
	o.pass(store.SMSCodeLife) // the process that claimed it died
	if due := o.dueSMS(1); len(due) != 0 {
		t.Error("an expired code is sent")
	}
	o.expect(sms, "failed none", false)
}

// An SMS is not sent to a phone that is not the person's own, and a code not to another phone
// than it was requested for.
func TestSMSRecipient(t *testing.T) {
	t.Parallel()
	o, d, order := newSMS(t)
	ctx, db := t.Context(), o.dbs[0]
	s := o.logIn(d.DocumentKey)
	o.issue(order)
	code, notice := o.dueSMS(0)[0], o.due(0, 1)[0]
	for _, tt := range []struct {
		name             string
		people           []store.Depositor
		toCode, toNotice string
	}{
		{"on file", nil, d.Person.Phone, d.Person.Phone},
		{"changed", []store.Depositor{depositor(1, func(d *store.Depositor) { d.Person.Phone = "14200000099" })}, "", "14200000099"},
		{"removed", []store.Depositor{depositor(1, func(d *store.Depositor) { d.Person.Phone = "" })}, "", ""},
		{"shared", []store.Depositor{d, depositor(2, func(s *store.Depositor) { s.Person.Phone = d.Person.Phone })}, "", ""},
		{"another holder", []store.Depositor{depositor(2), depositor(1, moved)}, "", ""},
	} {
		importAll(t, db, tt.people...)
		for sms, want := range map[*store.Delivery]string{&code: tt.toCode, &notice: tt.toNotice} {
			got, err := db.Outbox().SMSRecipient(ctx, *sms)
			if got != want && !(want == "" && err != nil) || (want == "") != errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %s to %q, %v; want %q", tt.name, sms.Kind, got, err, want)
			}
		}
	}
	if s.Link == nil {
		t.Error("not linked")
	}
}

// A notice that the provider does not deliver is sent by SMS, and one to a user of the centre
// itself at once.
func TestNoticesBySMS(t *testing.T) {
	t.Parallel()
	o := newOutbox(t)
	o.link(2)
	first := o.due(0, 1)[0]
	o.check(o.dbs[0].Outbox().SendBySMS(t.Context(), first))
	sms := o.dueSMS(1)
	if len(sms) != 1 || sms[0].ID != first.ID || sms[0].Attempts != 1 {
		t.Fatalf("got %v", sms)
	}
	o.check(o.dbs[0].Outbox().SendBySMS(t.Context(), first)) // without the claim
	if len(o.dueSMS(1)) != 0 {
		t.Error("claimed twice")
	}
	all, _, err := o.dbs[0].Outbox().DueSMS(t.Context(), 10, store.MediumSMS, store.MediumMessage)
	o.check(err)
	if len(all) != 1 || len(o.due(0, 10)) != 0 {
		t.Errorf("%d taken over", len(all))
	}
}

// A receipt is recorded once; that of a delivery is final and ends the attempts.
func TestReceipts(t *testing.T) {
	t.Parallel()
	o, _, order := newSMS(t)
	db, ctx := o.dbs[0], t.Context()
	code := o.issue(order)
	sms := o.dueSMS(0)[0]
	o.check(db.Outbox().RecordReceipt(ctx, code.ID, store.ReceiptUndelivered))
	o.expect(sms, "due undelivered", true)
	o.check(db.Outbox().RecordReceipt(ctx, code.ID, store.ReceiptDelivered)) // the answer to the request was lost
	o.expect(sms, "done delivered", false)
	first := column(t, db, `SELECT done_at FROM outbox`)
	o.pass(time.Minute)
	for _, again := range []string{store.ReceiptDelivered, store.ReceiptUndelivered} {
		o.check(db.Outbox().RecordReceipt(ctx, code.ID, again))
		o.expect(sms, "done delivered", false)
	}
	if d := cmp.Diff(first, column(t, db, `SELECT done_at FROM outbox`)); d != "" {
		t.Errorf("when it was delivered: %s", d)
	}
	o.link(1)
	for _, unknown := range []store.Delivery{{}, o.due(0, 1)[0]} {
		if err := db.Outbox().RecordReceipt(ctx, unknown.ID, store.ReceiptDelivered); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("no SMS: %v", err)
		}
	}
}

// Who has withdrawn the consent to notices by SMS gets none, also none that was queued before or
// that the provider does not deliver, but codes and security notices.
func TestSMSOfAWithdrawnConsent(t *testing.T) {
	t.Parallel()
	o, d, order := newSMS(t)
	ctx, db := t.Context(), o.dbs[0]
	o.logIn(d.DocumentKey)
	o.issue(order)
	code, notice := o.dueSMS(0)[0], o.due(0, 1)[0]
	token := []byte(uuid.NewString())
	o.check(db.SignIn(ctx, store.SignIn{Channel: store.ChannelWebsite, TokenDigest: token, Account: importedAccount(t, db, d)}))
	s, err := db.Session(ctx, token)
	o.check(err)
	security := notice
	security.Kind = store.NoticeLinkTransferred
	recipients := func() (got []bool) {
		for _, sms := range []store.Delivery{code, security, notice} {
			mobile, err := db.Outbox().SMSRecipient(ctx, sms)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
			got = append(got, mobile == d.Person.Phone)
		}
		return got
	}
	o.check(db.WithdrawConsent(ctx, s, "message", "1"))
	if got := recipients(); !slices.Equal(got, []bool{true, true, false}) {
		t.Errorf("code, security notice, notice: %v", got)
	}
	o.pass(time.Second)
	o.check(db.GiveConsents(ctx, s, []store.Consent{{Purpose: "message", Version: "1", How: store.ConsentAsked}}))
	if got := recipients(); !slices.Equal(got, []bool{true, true, true}) {
		t.Errorf("after the consent: %v", got)
	}
}
