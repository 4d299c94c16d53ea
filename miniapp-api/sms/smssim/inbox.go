package smssim

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"fundpass/keys/calendar"
)

//go:embed inbox.html
var inboxPage string

var inboxTemplate = template.Must(template.New("inbox").Parse(inboxPage))

// A row is a message as the page shows it.
type row struct{ To, Text, At, State string }

var stateTexts = map[string]string{"sent": "已发送", "delivered": "已送达", "undelivered": "未送达"}

// showInbox shows the messages, newest first: a page to browsers, JSON to others. to selects a
// phone.
func (s *Sim) showInbox(w http.ResponseWriter, r *http.Request) {
	all := s.Messages()
	slices.Reverse(all)
	if to := r.URL.Query().Get("to"); to != "" {
		all = slices.DeleteFunc(all, func(m Message) bool { return m.To != to })
	}
	w.Header().Set("Cache-Control", "no-store")
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(append([]Message{}, all...)) // a reader that is gone
		return
	}
	rows := make([]row, len(all))
	for i, m := range all {
		rows[i] = row{m.To, m.Text, m.At.In(calendar.Beijing).Format("2006-01-02 15:04:05"), stateTexts[m.State]}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	_ = inboxTemplate.Execute(w, rows)
}
