package smssim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Faults are what the gateway can do wrong, once for each that is set.
var Faults = []string{
	"slow",        // accepts, but answers after the centre's patience
	"down",        // answers 503 and sends nothing
	"refuse",      // refuses the number
	"duplicate",   // sends the message and its receipt twice
	"lost",        // sends the message and cuts the connection instead of answering
	"html",        // answers 200 with a page
	"huge",        // answers 200 with a megabyte
	"redirect",    // sends the centre elsewhere
	"undelivered", // accepts, and reports that the phone was not reached
}

// slowness is longer than the centre waits.
const slowness = 8 * time.Second

// Fail makes the next count messages meet a fault. It reports whether the fault is known.
func (s *Sim) Fail(fault string, count int) bool {
	if !slices.Contains(Faults, fault) || count < 0 || count > 1000 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.Repeat([]string{fault}, count)
	return true
}

// next takes the fault of this message, or returns "".
func (s *Sim) next() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == 0 {
		return ""
	}
	fault := s.faults[0]
	s.faults = s.faults[1:]
	return fault
}

// answer sends the message and answers, or meets a fault.
func (s *Sim) answer(w http.ResponseWriter, r *http.Request, m Message) {
	fault := s.next()
	switch fault {
	case "slow":
		s.send(m, "delivered", false)
		select {
		case <-time.After(slowness):
		case <-r.Context().Done():
		}
	case "down":
		reply(w, http.StatusServiceUnavailable, "DOWN")
		return
	case "refuse":
		reply(w, http.StatusUnprocessableEntity, "BLACKLISTED")
		return
	case "lost":
		s.send(m, "delivered", false)
		panic(http.ErrAbortHandler)
	case "html":
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>维护中</html>"))
		return
	case "huge":
		_, _ = w.Write([]byte(`{"code":"0","more":"` + strings.Repeat("x", 1<<20) + `"}`))
		return
	case "redirect":
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		return
	case "undelivered":
		s.send(m, "undelivered", false)
	default:
		s.send(m, "delivered", fault == "duplicate")
	}
	reply(w, http.StatusOK, "0")
}

// setFault takes {"next":"down","count":1}.
func (s *Sim) setFault(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Next  string `json:"next"`
		Count *int   `json:"count"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10))
	decoder.DisallowUnknownFields()
	count := 1
	err := decoder.Decode(&in)
	if in.Count != nil {
		count = *in.Count
	}
	if err != nil || !s.Fail(in.Next, count) {
		http.Error(w, `send {"next":"`+strings.Join(Faults, "|")+`","count":1}`, http.StatusBadRequest)
		return
	}
	reply(w, http.StatusOK, "0")
}
