package sms

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/sms/smssim"
	"fundpass/store"
)

// A recorder keeps the receipts.
type recorder struct {
	mu  sync.Mutex
	got map[uuid.UUID][]string
	err error
}

func (r *recorder) record(_ context.Context, id uuid.UUID, receipt string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[id] = append(r.got[id], receipt)
	return r.err
}

// The simulator's reports reach the recorder, signed as the description says.
func TestReceiptsOfTheGateway(t *testing.T) {
	t.Parallel()
	r := &recorder{got: map[uuid.UUID][]string{}}
	key := smssim.NewKey()
	mux := http.NewServeMux()
	centre := httptest.NewServer(mux)
	t.Cleanup(centre.Close)
	sim := smssim.New(smssim.Config{Key: key, Receipt: centre.URL + ReceiptPath})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	g, err := New(smssim.Description(server.URL), key)
	must(t, err)
	mux.Handle(ReceiptPath, g.Receipts(r.record, slog.New(slog.DiscardHandler)))
	for fault, want := range map[string]string{"": "delivered", "undelivered": "undelivered", "duplicate": "delivered,delivered"} {
		m := codeMessage()
		if fault != "" {
			sim.Fail(fault, 1)
		}
		must(t, g.Send(t.Context(), m))
		sim.Close()
		if got := strings.Join(r.got[uuid.MustParse(m.ID)], ","); got != want {
			t.Errorf("%q: got %q, want %q", fault, got, want)
		}
	}
}

// A watched body notes whether it was read.
type watched struct{ read bool }

func (w *watched) Read([]byte) (int, error) { w.read = true; return 0, io.EOF }

// A report that is not signed, stale, changed or unreadable records nothing.
func TestForgedReceipts(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	key := smssim.NewKey()
	g, err := New(smssim.Description("https://sms.example"), key)
	must(t, err)
	g.now = func() time.Time { return now }
	id := uuid.New()
	good := `{"out_id":"` + id.String() + `","status":"DELIVRD"}`
	sign := func(key []byte, stamp, body string) string { return g.encode(mac(key, stamp+"\n"+body)) }
	at := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	for name, tt := range map[string]struct {
		method, stamp, mac, body string
		record                   error
		status                   int
	}{
		"good":           {"POST", at(0), sign(key, at(0), good), good, nil, 200},
		"old enough":     {"POST", at(-receiptAge), sign(key, at(-receiptAge), good), good, nil, 200},
		"of nobody":      {"POST", at(0), sign(key, at(0), good), good, store.ErrNotFound, 200},
		"not recorded":   {"POST", at(0), sign(key, at(0), good), good, store.ErrUnavailable, 503},
		"stale":          {"POST", at(-receiptAge - time.Second), sign(key, at(-receiptAge-time.Second), good), good, nil, 401},
		"of the future":  {"POST", at(receiptAge + time.Second), sign(key, at(receiptAge+time.Second), good), good, nil, 401},
		"other key":      {"POST", at(0), sign(smssim.NewKey(), at(0), good), good, nil, 401},
		"other body":     {"POST", at(0), sign(key, at(0), good), strings.Replace(good, "DELIVRD", "UNDELIV", 1), nil, 401},
		"other time":     {"POST", at(1), sign(key, at(-time.Minute), good), good, nil, 401},
		"no MAC":         {"POST", at(0), "", good, nil, 401},
		"no time":        {"POST", "", sign(key, "", good), good, nil, 401},
		"GET":            {"GET", at(0), sign(key, at(0), good), good, nil, 405},
		"too long":       {"POST", at(0), sign(key, at(0), good), good + strings.Repeat(" ", maxReceipt), nil, 413},
		"no JSON":        {"POST", at(0), sign(key, at(0), "x"), "x", nil, 400},
		"no id":          {"POST", at(0), sign(key, at(0), `{"status":"DELIVRD"}`), `{"status":"DELIVRD"}`, nil, 400},
		"unknown status": {"POST", at(0), sign(key, at(0), strings.Replace(good, "DELIVRD", "ENROUTE", 1)), strings.Replace(good, "DELIVRD", "ENROUTE", 1), nil, 400},
	} {
		r := &recorder{got: map[uuid.UUID][]string{}, err: tt.record}
		req := httptest.NewRequest(tt.method, ReceiptPath, strings.NewReader(tt.body))
		req.Header.Set("X-Timestamp", tt.stamp)
		req.Header.Set("X-Signature", tt.mac)
		w := httptest.NewRecorder()
		g.Receipts(r.record, slog.New(slog.DiscardHandler)).ServeHTTP(w, req)
		if recorded := len(r.got) > 0; w.Code != tt.status || recorded != (tt.status == 200 || tt.status == 503) {
			t.Errorf("%s: %d, recorded %v", name, w.Code, recorded)
		}
	}
	twice := httptest.NewRequest("POST", ReceiptPath, strings.NewReader(good))
	twice.Header["X-Timestamp"] = []string{at(0), at(0)}
	twice.Header.Set("X-Signature", sign(key, at(0), good))
	w := httptest.NewRecorder()
	g.Receipts(func(context.Context, uuid.UUID, string) error { return errors.New("recorded") }, slog.New(slog.DiscardHandler)).ServeHTTP(w, twice)
	if w.Code != 401 {
		t.Errorf("two timestamps: %d", w.Code)
	}
	unread := func(stamp, mac string) (read bool) {
		body := &watched{}
		req := httptest.NewRequest("POST", ReceiptPath, body)
		req.Header.Set("X-Timestamp", stamp)
		req.Header.Set("X-Signature", mac)
		g.Receipts((&recorder{}).record, slog.New(slog.DiscardHandler)).ServeHTTP(httptest.NewRecorder(), req)
		return body.read
	}
	if unread("", "") || unread(at(-receiptAge-time.Second), "00") || unread(at(0), "no hex") || !unread(at(0), "00") {
		t.Error("the body is read before the signature can be right, or never")
	}
	g.d.Receipt = nil
	if g.Receipts(nil, nil) != nil {
		t.Error("a gateway without receipts has a route")
	}
}
