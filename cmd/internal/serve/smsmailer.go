package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/sms"
	"fundpass/store"
)

const (
	smsEvery = time.Second // polling interval of an empty outbox; a citizen waits for the code
	smsBatch = 16          // messages sent concurrently
)

// receiptRate is for the reports from one network: more than a gateway has to say, since servers
// send smsBatch messages at once. Reports do not use up the allowance of the API, nor it theirs.
var receiptRate = httpapi.Rate{PerSecond: 100, Burst: 1000}

// An smsMailer sends the codes and notices of the outbox by SMS. Several servers can share an
// outbox.
type smsMailer struct {
	db      *store.DB
	gateway *sms.Gateway
	log     *slog.Logger
	media   []string // of the outbox

	delivered, failed, due, oldest atomic.Int64 // oldest in nanoseconds
}

// addSMS adds the SMS gateway and the route of its delivery receipts, unless gateway is nil.
func (a *App) addSMS(gateway *sms.Gateway) {
	if gateway == nil {
		return
	}
	a.sms = &smsMailer{db: a.DB, gateway: gateway, log: a.log, media: []string{store.MediumSMS}}
	if a.mailer == nil { // no owner gets other messages
		a.sms.media = append(a.sms.media, store.MediumMessage)
	} else {
		a.mailer.bySMS = true
	}
	a.server.ReportSMS(a.sms.report)
	receipts := gateway.Receipts(a.DB.Outbox().RecordReceipt, a.log)
	if receipts == nil {
		return
	}
	receipts = a.server.Limited(receipts, receiptRate)
	api := a.Handler
	a.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == sms.ReceiptPath {
			receipts.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// sendBatch sends one batch and reports whether there may be more.
func (m *smsMailer) sendBatch(ctx context.Context) (full bool) {
	defer m.refreshGauges(ctx)
	due, expired, err := m.db.Outbox().DueSMS(ctx, smsBatch, m.media...)
	if err != nil {
		if ctx.Err() == nil {
			m.log.Warn("outbox not read", "err", err)
		}
		return false
	}
	if expired > 0 {
		m.failed.Add(int64(expired))
		m.log.Error("SMS abandoned, they expired before the gateway accepted them", "count", expired)
	}
	var sending sync.WaitGroup
	for _, d := range due {
		sending.Go(func() { m.deliver(ctx, d) })
	}
	sending.Wait()
	return len(due) == smsBatch
}

// deliver sends one message and records the result. If recording fails, the lease expires and
// the message is sent again with the same id.
func (m *smsMailer) deliver(ctx context.Context, d store.Delivery) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), mailTime)
	defer stop()
	log := m.log.With("sms", d.ID, "kind", d.Kind, "attempt", d.Attempts)
	sent := m.send(ctx, d)
	record, count := m.db.Outbox().DeferSMS, (*atomic.Int64)(nil)
	switch {
	case sent == nil:
		record, count = m.db.Outbox().SentSMS, &m.delivered
	case errors.Is(sent, sms.ErrRefused), errors.Is(sent, store.ErrNotFound):
		record, count = m.db.Outbox().AbandonSMS, &m.failed
		log.Error("SMS abandoned, the owner was not reached", "err", sent)
	default:
		log.Warn("SMS deferred", "err", sent)
	}
	if err := record(ctx, d); err != nil {
		log.Warn("result of SMS not recorded, it may be sent again", "err", err)
	} else if count != nil {
		count.Add(1)
	}
}

// send opens the message and sends it to the phone on file.
func (m *smsMailer) send(ctx context.Context, d store.Delivery) error {
	n, err := m.db.Outbox().Notice(d)
	if err != nil {
		return fmt.Errorf("fundpass: SMS not readable: %w", err)
	}
	phone, err := m.db.Outbox().SMSRecipient(ctx, d)
	if err != nil {
		return fmt.Errorf("fundpass: no phone of the person's own on file: %w", err)
	}
	return m.gateway.Send(ctx, sms.Message{ID: d.ID.String(), Kind: d.Kind, Phone: phone, At: n.ChangedAt, Code: n.Code})
}

// refreshGauges updates the values that the metrics report.
func (m *smsMailer) refreshGauges(ctx context.Context) {
	n, oldest, err := m.db.Outbox().Undelivered(ctx, store.MediumSMS)
	if err == nil { // sendBatch logs that the database is unavailable
		m.due.Store(int64(n))
		m.oldest.Store(int64(oldest))
	}
}

func (m *smsMailer) report() httpapi.NoticeReport {
	return httpapi.NoticeReport{
		Due: int(m.due.Load()), Oldest: time.Duration(m.oldest.Load()),
		Delivered: uint64(m.delivered.Load()), Failed: uint64(m.failed.Load()),
	}
}
