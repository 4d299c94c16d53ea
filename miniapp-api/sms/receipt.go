package sms

import (
	"context"
	"crypto/hmac"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
)

// ReceiptPath is where the gateway reports deliveries.
const ReceiptPath = "/sms/receipts"

const (
	maxReceipt = 16 << 10

	// receiptAge is how old a signed report may be. A repetition within it changes nothing.
	receiptAge = 5 * time.Minute
)

// A Recorder records what became of a message. It returns store.ErrNotFound for an unknown one.
type Recorder func(ctx context.Context, id uuid.UUID, receipt string) error

// Receipts returns the handler of ReceiptPath, or nil if the gateway reports no deliveries. It
// answers 401 unless the report is signed and fresh, and 503 if it could not be recorded, so
// that the gateway repeats it.
func (g *Gateway) Receipts(record Recorder, log *slog.Logger) http.Handler {
	if g.d.Receipt == nil {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		status := g.receive(r, record)
		log.LogAttrs(r.Context(), slog.LevelInfo, "sms receipt", slog.Int("status", status))
		if status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		reply := g.d.Receipt.Reply
		if reply == "" {
			reply = "{}"
		}
		_, _ = io.WriteString(w, reply) // a gateway that is gone repeats
	})
}

// receive returns the HTTP status of a report.
func (g *Gateway) receive(r *http.Request, record Recorder) int {
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed
	}
	stamp, sent, ok := g.signature(r.Header)
	switch {
	case !ok: // before the body is read
		return http.StatusUnauthorized
	case r.ContentLength > maxReceipt:
		return http.StatusRequestEntityTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxReceipt+1))
	switch {
	case err != nil:
		return http.StatusBadRequest
	case len(body) > maxReceipt:
		return http.StatusRequestEntityTooLarge
	case !hmac.Equal(sent, mac(g.key, render(g.d.Receipt.Sign, map[string]string{"timestamp": stamp, "body": string(body)}, unescaped))):
		return http.StatusUnauthorized
	}
	id, receipt, known := g.d.Receipt.read(body)
	if !known {
		return http.StatusBadRequest
	}
	err = record(r.Context(), id, receipt)
	switch {
	case err == nil, errors.Is(err, store.ErrNotFound): // of another system with the same gateway, or purged
		return http.StatusOK
	default:
		return http.StatusServiceUnavailable
	}
}

// signature returns the timestamp and the MAC of a report, or false unless it has one of each and
// the timestamp is fresh.
func (g *Gateway) signature(h http.Header) (stamp string, sent []byte, ok bool) {
	times, macs := h.Values(g.d.Receipt.TimestampHeader), h.Values(g.d.Receipt.MACHeader)
	if len(times) != 1 || len(macs) != 1 {
		return "", nil, false
	}
	n, err := strconv.ParseInt(times[0], 10, 64)
	if err != nil {
		return "", nil, false
	}
	at := time.Unix(n, 0)
	if g.d.Timestamp == "unix_ms" {
		at = time.UnixMilli(n)
	}
	if age := g.now().Sub(at); age > receiptAge || age < -receiptAge {
		return "", nil, false
	}
	sent, err = g.decode(macs[0])
	return times[0], sent, err == nil
}

// read returns the message that a report is about, and what became of it.
func (r *Receipt) read(body []byte) (id uuid.UUID, receipt string, ok bool) {
	text, found := lookup(body, r.ID)
	status, known := lookup(body, r.Status)
	id, err := uuid.Parse(text)
	switch {
	case !found || !known || err != nil:
		return id, "", false
	case slices.Contains(r.Delivered, status):
		return id, store.ReceiptDelivered, true
	case slices.Contains(r.Undelivered, status):
		return id, store.ReceiptUndelivered, true
	}
	return id, "", false
}
