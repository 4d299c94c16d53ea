package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/sms"
	"fundpass/signing"
	"fundpass/store"
)

const (
	mailEvery = 2 * time.Second // polling interval of an empty outbox
	mailBatch = 8               // notices sent concurrently
	mailTime  = 8 * time.Second // for one notice and its record; far below the lease

	// noticeKey is the query parameter of the page that identifies the notice. Alipay's
	// message has no field for it; a repeated message has the same value.
	noticeKey = "notice"
)

// errNewerKind is returned for a kind of notice that only a newer version can send.
var errNewerKind = errors.New("fundpass: kind of notice this version does not know")

// A mailer sends the notices of the outbox to owners through Alipay. Several servers can
// share an outbox.
type mailer struct {
	db       *store.DB
	gateway  *signing.Gateway
	log      *slog.Logger
	tracer   trace.Tracer // nil: nothing is traced
	template string
	page     string
	bySMS    bool // what Alipay does not deliver is sent by SMS

	delivered, failed, due, oldest atomic.Int64 // oldest in nanoseconds
}

// newMailer returns nil if no template is configured. Notices are then recorded but not
// sent.
func newMailer(a *App) *mailer {
	if a.Settings.MessageTemplate == "" {
		return nil
	}
	return &mailer{db: a.DB, gateway: a.gateway, log: a.log, tracer: a.tracer, template: a.Settings.MessageTemplate, page: a.Settings.MessagePage}
}

// drainOutbox sends batches until ctx ends, and pauses after one that was not full. The batch
// under way when ctx ends is finished.
func drainOutbox(ctx context.Context, pause time.Duration, sendBatch func(context.Context) (full bool)) {
	for {
		if sendBatch(ctx) && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// sendBatch sends one batch and reports whether there may be more.
func (m *mailer) sendBatch(ctx context.Context) (full bool) {
	defer m.refreshGauges(ctx)
	due, expired, err := m.db.Outbox().Due(ctx, mailBatch)
	if err != nil {
		if ctx.Err() == nil {
			m.log.Warn("outbox not read", "err", err)
		}
		return false
	}
	if expired > 0 {
		m.failed.Add(int64(expired))
		m.log.Error("notices abandoned, owners were not notified", "count", expired, "tried_for", store.NoticeLife.String())
	}
	var sending sync.WaitGroup
	for _, d := range due {
		sending.Go(func() { m.deliver(ctx, d) })
	}
	sending.Wait()
	return len(due) == mailBatch
}

// deliver sends one notice and records the result. If recording fails, the lease expires
// and the notice is sent again.
func (m *mailer) deliver(ctx context.Context, d store.Delivery) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), mailTime)
	defer stop()
	if m.tracer != nil {
		var span trace.Span
		ctx, span = m.tracer.Start(ctx, "notice", trace.WithNewRoot())
		defer span.End()
	}
	log := m.log.With("notice", d.ID, "kind", d.Kind, "attempt", d.Attempts)
	sent := m.send(ctx, d)
	record, count := m.db.Outbox().Defer, (*atomic.Int64)(nil)
	switch {
	case sent == nil:
		record, count = m.db.Outbox().Delivered, &m.delivered
	case errors.Is(sent, signing.ErrUndeliverable) && m.bySMS && sms.Sends(d.Kind):
		record = m.db.Outbox().SendBySMS
		log.Info("notice is sent by SMS instead", "err", sent)
	case errors.Is(sent, signing.ErrUndeliverable):
		record, count = m.db.Outbox().Abandon, &m.failed
		log.Error("notice abandoned, the owner was not notified", "err", sent)
	default:
		log.Warn("notice deferred", "err", sent)
	}
	if err := record(ctx, d); err != nil {
		log.Warn("result of notice not recorded, it may be sent again", "err", err)
	} else if count != nil {
		count.Add(1)
	}
}

// send decrypts the notice and sends it in the words of its kind.
func (m *mailer) send(ctx context.Context, d store.Delivery) error {
	n, err := m.db.Outbox().Notice(d)
	if err != nil {
		return fmt.Errorf("fundpass: notice not readable: %w", err)
	}
	if n.Identity.Provider != store.ProviderAlipay { // no message reaches them
		return signing.ErrUndeliverable
	}
	words, known := alipay.NoticeText(d.Kind, n.ChangedAt)
	if !known {
		return errNewerKind
	}
	return m.gateway.SendTemplateMessage(ctx, signing.TemplateMessage{
		To: alipay.User(n.Identity), TemplateID: m.template, Page: m.pageOf(d), Keywords: words,
	})
}

// pageOf returns the page with the id of the notice appended to its query.
func (m *mailer) pageOf(d store.Delivery) string {
	mark := "?"
	if strings.Contains(m.page, "?") {
		mark = "&"
	}
	return m.page + mark + noticeKey + "=" + d.ID.String()
}

// refreshGauges updates the values that the metrics report.
func (m *mailer) refreshGauges(ctx context.Context) {
	n, oldest, err := m.db.Outbox().Undelivered(ctx, store.MediumMessage)
	if err == nil { // sendBatch logs that the database is unavailable
		m.due.Store(int64(n))
		m.oldest.Store(int64(oldest))
	}
}

func (m *mailer) report() httpapi.NoticeReport {
	return httpapi.NoticeReport{
		Due: int(m.due.Load()), Oldest: time.Duration(m.oldest.Load()),
		Delivered: uint64(m.delivered.Load()), Failed: uint64(m.failed.Load()),
	}
}
