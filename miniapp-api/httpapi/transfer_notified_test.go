package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
)

// notifyHolders delivers the notices of requested transfers to the holders.
func (h *env) notifyHolders() {
	h.t.Helper()
	for _, id := range h.untold() {
		must(h.t, h.db.Outbox().Delivered(h.t.Context(), store.Delivery{ID: id, Kind: store.NoticeTransferRequested}))
	}
}

func (h *env) untold() (ids []uuid.UUID) {
	h.t.Helper()
	rows, err := h.raw().Query(`SELECT transfer_id FROM link_transfers WHERE state = 'waiting' AND due_at IS NULL`)
	must(h.t, err)
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		must(h.t, rows.Scan(&id))
		ids = append(ids, id)
	}
	must(h.t, rows.Err())
	return ids
}

// requestTransfer requests the link and returns the path of the transfer.
func (p *client) requestTransfer(c citizen) string {
	p.h.t.Helper()
	waiting, _ := p.post("/v1/link", c.transferBody()).want(p.h.t, "TRANSFER_WAITING").transferOf(p.h.t)
	return "/v1/link-transfers/" + waiting.ID.String()
}

// takeOver requests the link, notifies the holder and confirms; it returns the last code.
func (p *client) takeOver(c citizen) string {
	r := p.post("/v1/link", c.transferBody())
	if r.Code != "TRANSFER_WAITING" {
		return r.Code
	}
	waiting, _ := r.transferOf(p.h.t)
	if err := p.h.db.Outbox().Delivered(p.h.t.Context(), store.Delivery{ID: waiting.ID, Kind: store.NoticeTransferRequested}); err != nil {
		p.h.t.Error(err)
	}
	return p.post("/v1/link-transfers/"+waiting.ID.String()+"/confirm", m{}).Code
}

// abandonAll marks the notices as failed, as the mailer does if Alipay accepts none.
func (h *env) abandonAll() {
	h.t.Helper()
	due, _, err := h.db.Outbox().Due(h.t.Context(), 1000)
	must(h.t, err)
	for _, d := range due {
		must(h.t, h.db.Outbox().Abandon(h.t.Context(), d))
	}
}

// A holder who has not been notified keeps the link, however long the transfer waits.
func TestNoTakeoverWithoutDelivery(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(24*time.Hour))
	r := h.transferring()
	waiting := r.requester.post("/v1/link", r.c.transferBody()).want(t, "TRANSFER_WAITING")
	if told, _ := waiting.transferOf(t); told.DueAt != nil || !strings.Contains(waiting.Message, "正在通知") || waiting.Retry < 24*3600 {
		t.Errorf("before the holder was notified: %s", waiting.Raw)
	}
	h.clock.Advance(48 * time.Hour)
	h.logIn(r.next).post(r.path+"/confirm", m{}).want(t, "TRANSFER_WAITING")
	h.logIn(r.c).get("/v1/link").want(t, "OK")
	r.ripen()
	r.requester.post(r.path+"/confirm", m{}).want(t, "OK")
}

// A holder who accepts no messages makes the transfer undeliverable, and the requester is
// notified.
func TestUndeliverableMeansTheCounter(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(0))
	r := h.transferring()
	h.abandonAll()
	r.requester.sees("undeliverable", "")
	r.requester.post(r.path+"/confirm", m{}).want(t, "TRANSFER_UNDELIVERABLE")
	r.holder.get("/v1/link").want(t, "OK")
	h.wantNotices(r.next, store.NoticeTransferUndeliverable)
	h.issue(r.c, "1234567890")
	body := with(r.c.transferBody(), "reset_code", "1234567890")
	delete(body, "password")
	r.requester.post("/v1/link", body).want(t, "OK")
}

// A holder who withdrew the consent to messages is still notified of transfers, and the events
// show the withdrawal.
func TestConsentDoesNotSilenceTransfers(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(0))
	c := h.citizen()
	holder := h.linkedClient(c)
	holder.post("/v1/consents/withdraw", m{"purpose": "message"}).want(t, "OK")
	if raw := holder.get("/v1/events").want(t, "OK").Raw; !strings.Contains(raw, store.EventMessagesDeclined) {
		t.Errorf("the record: %s", raw)
	}
	change := holder.openChange(c)
	holder.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	c.Password = "Copper-Kettle-77"
	requester := h.logIn(h.newAlipay(c))
	path := requester.requestTransfer(c)
	h.wantNotices(c, store.NoticeLinked, store.NoticeTransferRequested) // none of the holder's own change
	h.notifyHolders()
	requester.post(path+"/confirm", m{}).want(t, "OK")
	h.wantNotices(c, store.NoticeLinked, store.NoticeLinkTransferred)
}

// The former holder sees the transfer and can freeze the password once; the new holder is
// signed out and notified.
func TestFormerHolderFreezesOverHTTP(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(0))
	r := h.transferring()
	stranger := h.logIn(h.citizen())
	stranger.post("/v1/freeze", m{}).want(t, "NOT_LINKED")
	r.notifyHolders()
	r.requester.post(r.path+"/confirm", m{}).want(t, "OK")
	r.holder = h.logIn(r.c)
	if r.holder.get("/v1/link-transfers").want(t, "OK").get(t, "taken") == nil {
		t.Error("the former holder does not see the takeover")
	}
	if r.requester.get("/v1/link-transfers").want(t, "OK").get(t, "taken") != nil {
		t.Error("the new holder sees a transfer against them")
	}
	key := header{"Idempotency-Key", "freeze"}
	first := r.holder.post("/v1/freeze", m{}, key).want(t, "OK")
	if again := r.holder.post("/v1/freeze", m{}, key); again.Raw != first.Raw {
		t.Errorf("the repetition got another answer: %s", again.Raw)
	}
	r.requester.get("/v1/link").want(t, "SESSION_EXPIRED")
	r.requester = h.logIn(r.next)
	if got := r.requester.get("/v1/password").want(t, "OK").get(t, "state"); got != "frozen" {
		t.Errorf("the password is %v", got)
	}
	h.wantNotices(r.next, store.NoticeLinked, store.NoticeFrozenByFormer)
	r.holder = h.logIn(r.c)
	if r.holder.get("/v1/link-transfers").want(t, "OK").get(t, "taken") != nil {
		t.Error("a second freeze is offered")
	}
	r.holder.post("/v1/freeze", m{}).want(t, "NOT_LINKED")
}

// A rejection also applies to another Alipay user of the same person.
func TestSecondAlipayUserIsRefused(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(time.Hour))
	r := h.transferring()
	r.holder.post(r.path+"/reject", m{}).want(t, "OK")
	h.logIn(h.newAlipay(r.c)).post("/v1/link", r.c.transferBody()).want(t, "TRANSFER_REJECTED")
}
