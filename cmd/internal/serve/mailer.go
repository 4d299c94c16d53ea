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

	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/httpapi"
	"fundpass/signing"
	"fundpass/store"
)

const (
	mailEvery = 2 * time.Second // between looks into an outbox that was empty
	mailBatch = 8               // notices on their way at once
	mailTime  = 8 * time.Second // for one of them, the database included; far below its lease

	// noticeKey is the query parameter of the page that says which notice was
	// tapped. Alipay's message has no field for it: the front end, and whoever
	// counts messages, recognises a repetition by it.
	noticeKey = "notice"
)

// errNewerKind is about a notice that a newer version wrote, for a newer server to send.
var errNewerKind = errors.New("fundpass: kind of notice this version does not know")

// A mailer tells owners what happened to their account, through Alipay. Any
// number of servers have one on the same outbox.
type mailer struct {
	db       *store.DB
	gateway  *signing.Gateway
	log      *slog.Logger
	template string
	page     string

	delivered, failed, due, oldest atomic.Int64 // oldest in nanoseconds
}

// newMailer returns nil where no template is configured: notices are then
// recorded and not sent.
func newMailer(a *App) *mailer {
	if a.Settings.MessageTemplate == "" {
		return nil
	}
	return &mailer{db: a.DB, gateway: a.gateway, log: a.log, template: a.Settings.MessageTemplate, page: a.Settings.MessagePage}
}

// work sends what is due until ctx ends. What is on its way then is finished.
func (m *mailer) work(ctx context.Context, pause time.Duration) {
	for {
		full := m.round(ctx)
		m.refreshGauges(ctx)
		if full && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// round sends one batch, and reports whether there may be more.
func (m *mailer) round(ctx context.Context) (full bool) {
	due, expired, err := m.db.Due(ctx, mailBatch)
	if err != nil {
		if ctx.Err() == nil {
			m.log.Warn("outbox not read", "err", err)
		}
		return false
	}
	if expired > 0 {
		m.failed.Add(int64(expired))
		m.log.Error("notices given up, owners were not told", "count", expired, "tried_for", store.NoticeLife.String())
	}
	var sending sync.WaitGroup
	for _, d := range due {
		sending.Go(func() { m.deliver(ctx, d) })
	}
	sending.Wait()
	return len(due) == mailBatch
}

// deliver sends one notice and says in the database what became of it. Where
// that fails the claim ends by itself and the notice is sent again.
func (m *mailer) deliver(ctx context.Context, d store.Delivery) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), mailTime)
	defer stop()
	log := m.log.With("notice", d.ID, "kind", d.Kind, "attempt", d.Attempts)
	sent := m.send(ctx, d)
	record, count := m.db.Defer, (*atomic.Int64)(nil)
	switch {
	case sent == nil:
		record, count = m.db.Delivered, &m.delivered
	case errors.Is(sent, signing.ErrUndeliverable):
		record, count = m.db.Abandon, &m.failed
		log.Error("notice given up, the owner was not told", "err", sent)
	default:
		log.Warn("notice deferred", "err", sent)
	}
	if err := record(ctx, d); err != nil {
		log.Warn("notice not settled, it may be sent again", "err", err)
	} else if count != nil {
		count.Add(1)
	}
}

func (m *mailer) send(ctx context.Context, d store.Delivery) error {
	n, err := m.db.Notice(d)
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

func (m *mailer) pageOf(d store.Delivery) string {
	mark := "?"
	if strings.Contains(m.page, "?") {
		mark = "&"
	}
	return m.page + mark + noticeKey + "=" + d.ID.String()
}

// refreshGauges updates the values that the metrics report.
func (m *mailer) refreshGauges(ctx context.Context) {
	n, oldest, err := m.db.Undelivered(ctx)
	if err == nil { // the next round complains of a database that is away
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
