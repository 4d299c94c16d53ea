// Package smssim is a strict simulator of an SMS gateway, with an inbox that shows what arrived.
// It accepts only signed, fresh and complete requests, and behaves badly on demand.
package smssim

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Paths of the simulator.
const (
	SendPath  = "/v1/messages"
	InboxPath = "/sim/sms"
	FaultPath = "/sim/sms/fault"
)

// Signature is the one that the gateway has approved for the centre.
const Signature = "示例公积金"

// A Config configures a Sim.
type Config struct {
	Key     []byte           // shared with the centre
	Receipt string           // URL to which deliveries are reported; "" = none are
	Client  *http.Client     // for reports; nil = one with a limit of 5 s
	Now     func() time.Time // nil = time.Now
}

// A Sim is a simulated gateway. It is safe for concurrent use.
type Sim struct {
	c  Config
	mu sync.Mutex

	inbox  []Message
	nonces map[string]time.Time
	faults []string
	calls  int

	reports sync.WaitGroup
}

// A Message is an SMS that the gateway has accepted and sent.
type Message struct {
	ID   string    `json:"id"` // of the centre
	To   string    `json:"to"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`

	State string `json:"state"` // sent, delivered or undelivered
}

// New returns a simulator.
func New(c Config) *Sim {
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 5 * time.Second}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Sim{c: c, nonces: map[string]time.Time{}}
}

// NewKey returns a key for Config and for the centre.
func NewKey() []byte { return []byte(rand.Text()) }

// Description returns the description of this gateway at an address, as package sms reads it.
func Description(base string) []byte {
	d := map[string]any{
		"name": "模拟短信网关", "url": base + SendPath, "method": "POST", "signature": Signature,
		"headers": map[string]string{
			"Content-Type": "application/json; charset=utf-8",
			"X-Timestamp":  "{{timestamp}}", "X-Nonce": "{{nonce}}", "X-Signature": "{{mac}}",
		},
		"body": `{"to":"{{phone}}","text":"{{text}}","out_id":"{{id}}"}`,
		"sign": "{{method}}\n{{path}}\n{{timestamp}}\n{{nonce}}\n{{body}}",
		"success": map[string]any{
			"pointer": "/code", "values": []string{"0"},
		},
		"refused": map[string]any{"status": []int{200, 422}, "pointer": "/code", "values": []string{"INVALID_PHONE", "BLACKLISTED", "INVALID_TEXT"}},
		"receipt": map[string]any{
			"mac_header": "X-Signature", "timestamp_header": "X-Timestamp", "sign": "{{timestamp}}\n{{body}}",
			"id": "/out_id", "status": "/status", "delivered": []string{"DELIVRD"}, "undelivered": []string{"UNDELIV", "EXPIRED", "REJECTD"},
		},
	}
	raw, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic("smssim: " + err.Error()) // strings only
	}
	return raw
}

// ServeHTTP implements http.Handler.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST " + SendPath:
		s.accept(w, r)
	case "GET " + InboxPath:
		s.showInbox(w, r)
	case "POST " + FaultPath:
		s.setFault(w, r)
	default:
		http.Error(w, "no such path", http.StatusNotFound)
	}
}

// Messages returns what was sent, oldest first.
func (s *Sim) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.inbox)
}

// Calls returns the number of requests that were signed and fresh.
func (s *Sim) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Close waits until every delivery is reported.
func (s *Sim) Close() { s.reports.Wait() }

var (
	mobile = regexp.MustCompile(`^1\d{10}$`)
	uuidV4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// maxText is five parts of 67 characters.
const maxText = 335

// accept checks a request as strictly as a gateway may, and sends its message once for an id.
func (s *Sim) accept(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 8<<10))
	if err != nil || !s.authentic(r, body) {
		reply(w, http.StatusUnauthorized, "UNAUTHORIZED")
		return
	}
	var in struct {
		To    string `json:"to"`
		Text  string `json:"text"`
		OutID string `json:"out_id"`
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	switch err := decoder.Decode(&in); {
	case err != nil || decoder.More() || !uuidV4.MatchString(in.OutID):
		reply(w, http.StatusBadRequest, "BAD_REQUEST")
	case !mobile.MatchString(in.To):
		reply(w, http.StatusUnprocessableEntity, "INVALID_PHONE")
	case !strings.HasPrefix(in.Text, "【"+Signature+"】") || strings.Count(in.Text, "【") != 1 || utf8.RuneCountInString(in.Text) > maxText:
		reply(w, http.StatusUnprocessableEntity, "INVALID_TEXT")
	default:
		s.answer(w, r, Message{ID: in.OutID, To: in.To, Text: in.Text})
	}
}

// authentic reports whether a request is signed, less than a minute old and new.
func (s *Sim) authentic(r *http.Request, body []byte) bool {
	stamp, nonce := r.Header.Get("X-Timestamp"), r.Header.Get("X-Nonce")
	at, err := strconv.ParseInt(stamp, 10, 64)
	now := s.c.Now()
	if age := now.Sub(time.Unix(at, 0)); err != nil || age > time.Minute || age < -time.Minute || len(nonce) < 16 {
		return false
	}
	given, err := hex.DecodeString(r.Header.Get("X-Signature"))
	if err != nil || !hmac.Equal(given, s.mac(fmt.Sprint(r.Method, "\n", r.URL.RequestURI(), "\n", stamp, "\n", nonce, "\n", string(body)))) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, seen := range s.nonces {
		if now.Sub(seen) > 2*time.Minute {
			delete(s.nonces, old)
		}
	}
	if _, again := s.nonces[nonce]; again {
		return false
	}
	s.nonces[nonce] = now
	s.calls++
	return true
}

func (s *Sim) mac(text string) []byte {
	h := hmac.New(sha256.New, s.c.Key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// send adds a message to the inbox unless its id is there, or twice. It reports the delivery.
func (s *Sim) send(m Message, state string, twice bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.inbox, func(old Message) bool { return old.ID == m.ID }) {
		return
	}
	m.At, m.State = s.c.Now(), "sent"
	if s.inbox = append(s.inbox, m); twice {
		s.inbox = append(s.inbox, m)
	}
	if s.c.Receipt == "" {
		return
	}
	s.reports.Go(func() { s.report(m.ID, state, twice) })
}

// report posts the receipt of a message, and marks the message.
func (s *Sim) report(id, state string, twice bool) {
	status := map[string]string{"delivered": "DELIVRD", "undelivered": "UNDELIV"}[state]
	body := fmt.Sprintf(`{"out_id":%q,"status":%q}`, id, status)
	times := 1
	if twice {
		times = 2
	}
	for range times {
		stamp := strconv.FormatInt(s.c.Now().Unix(), 10)
		req, err := http.NewRequest(http.MethodPost, s.c.Receipt, strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Timestamp", stamp)
		req.Header.Set("X-Signature", hex.EncodeToString(s.mac(stamp+"\n"+body)))
		if answer, err := s.c.Client.Do(req); err == nil { // a centre that is away learns nothing
			_ = answer.Body.Close()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.inbox {
		if s.inbox[i].ID == id {
			s.inbox[i].State = state
		}
	}
}

func reply(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"code":%q}`, code)
}
