package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
)

// tellHolders delivers what holders are told of wishes for their links.
func (h *house) tellHolders() {
	h.t.Helper()
	for _, id := range h.untold() {
		must(h.t, h.db.Delivered(h.t.Context(), store.Delivery{ID: id, Kind: store.NoticeRelinkAsked}))
	}
}

func (h *house) untold() (ids []uuid.UUID) {
	h.t.Helper()
	rows, err := h.raw().Query(`SELECT relink_id FROM relinks WHERE state = 'waiting' AND due_at IS NULL`)
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

// askRelink asks for the link and returns the path of the wish.
func (p *phone) askRelink(c citizen) string {
	p.h.t.Helper()
	waiting, _ := p.post("/v1/link", c.relinkBody()).want(p.h.t, "RELINK_WAITING").relinkOf(p.h.t)
	return "/v1/relinks/" + waiting.ID.String()
}

// takeOver asks for the link, lets the holder be told and confirms; it returns the last code.
func (p *phone) takeOver(c citizen) string {
	r := p.post("/v1/link", c.relinkBody())
	if r.Code != "RELINK_WAITING" {
		return r.Code
	}
	waiting, _ := r.relinkOf(p.h.t)
	if err := p.h.db.Delivered(p.h.t.Context(), store.Delivery{ID: waiting.ID, Kind: store.NoticeRelinkAsked}); err != nil {
		p.h.t.Error(err)
	}
	return p.post("/v1/relinks/"+waiting.ID.String()+"/confirm", m{}).Code
}

// abandonAll is what a mailer does where Alipay takes nothing for the addressees.
func (h *house) abandonAll() {
	h.t.Helper()
	due, _, err := h.db.Due(h.t.Context(), 1000)
	must(h.t, err)
	for _, d := range due {
		must(h.t, h.db.Abandon(h.t.Context(), d))
	}
}

// A holder who was not told keeps the link, however long the wish waits.
func TestA4NoTakeoverWithoutDelivery(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(24*time.Hour))
	r := h.relinking()
	waiting := r.asker.post("/v1/link", r.c.relinkBody()).want(t, "RELINK_WAITING")
	if told, _ := waiting.relinkOf(t); told.DueAt != nil || !strings.Contains(waiting.Message, "正在通知") || waiting.Retry < 24*3600 {
		t.Errorf("before the holder was told: %s", waiting.Raw)
	}
	h.clock.Advance(48 * time.Hour)
	h.logIn(r.next).post(r.path+"/confirm", m{}).want(t, "RELINK_WAITING")
	h.logIn(r.c).get("/v1/link").want(t, "OK")
	r.ripen()
	r.asker.post(r.path+"/confirm", m{}).want(t, "OK")
}

// Where the holder takes no messages there is only the counter; who asked is told so.
func TestA4UndeliverableMeansTheCounter(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(0))
	r := h.relinking()
	h.abandonAll()
	r.asker.sees("undeliverable", "")
	r.asker.post(r.path+"/confirm", m{}).want(t, "TRANSFER_UNDELIVERABLE")
	r.holder.get("/v1/link").want(t, "OK")
	h.wantNotices(r.next, store.NoticeTransferUndeliverable)
	h.issue(r.c, "1234567890")
	body := with(r.c.relinkBody(), "reset_code", "1234567890")
	delete(body, "password")
	r.asker.post("/v1/link", body).want(t, "OK")
}

// Who withdrew the consent to messages is told all the same of what another Alipay user does,
// and finds the withdrawal in the record.
func TestA4ConsentDoesNotSilenceTransfers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(0))
	c := h.citizen()
	holder := h.linkedPhone(c)
	holder.post("/v1/consents/withdraw", m{"purpose": "message"}).want(t, "OK")
	if raw := holder.get("/v1/events").want(t, "OK").Raw; !strings.Contains(raw, store.EventMessagesDeclined) {
		t.Errorf("the record: %s", raw)
	}
	change := holder.openChange(c)
	holder.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	c.Password = "Copper-Kettle-77"
	asker := h.logIn(h.newAlipay(c))
	path := asker.askRelink(c)
	h.wantNotices(c, store.NoticeLinked, store.NoticeRelinkAsked) // of the own change none
	h.tellHolders()
	asker.post(path+"/confirm", m{}).want(t, "OK")
	h.wantNotices(c, store.NoticeLinked, store.NoticeRelinked)
}

// The former holder sees the takeover, and freezes once: who took over is signed out and told.
func TestA4FormerHolderFreezesOverHTTP(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(0))
	r := h.relinking()
	stranger := h.logIn(h.citizen())
	stranger.post("/v1/freeze", m{}).want(t, "NOT_LINKED")
	r.tellHolders()
	r.asker.post(r.path+"/confirm", m{}).want(t, "OK")
	r.holder = h.logIn(r.c)
	if r.holder.get("/v1/relinks").want(t, "OK").get(t, "taken") == nil {
		t.Error("the former holder does not see the takeover")
	}
	if r.asker.get("/v1/relinks").want(t, "OK").get(t, "taken") != nil {
		t.Error("who took over sees a takeover against them")
	}
	key := header{"Idempotency-Key", "freeze"}
	first := r.holder.post("/v1/freeze", m{}, key).want(t, "OK")
	if again := r.holder.post("/v1/freeze", m{}, key); again.Raw != first.Raw {
		t.Errorf("the repetition got another answer: %s", again.Raw)
	}
	r.asker.get("/v1/link").want(t, "SESSION_EXPIRED")
	r.asker = h.logIn(r.next)
	if got := r.asker.get("/v1/password").want(t, "OK").get(t, "state"); got != "frozen" {
		t.Errorf("the password is %v", got)
	}
	h.wantNotices(r.next, store.NoticeLinked, store.NoticeFrozenByFormer)
	r.holder = h.logIn(r.c)
	if r.holder.get("/v1/relinks").want(t, "OK").get(t, "taken") != nil {
		t.Error("a second freeze is offered")
	}
	r.holder.post("/v1/freeze", m{}).want(t, "NOT_LINKED")
}

// Another Alipay user of the same person does not get round an objection.
func TestA5SecondAlipayUserIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(time.Hour))
	r := h.relinking()
	r.holder.post(r.path+"/object", m{}).want(t, "OK")
	h.logIn(h.newAlipay(r.c)).post("/v1/link", r.c.relinkBody()).want(t, "RELINK_REFUSED")
}
