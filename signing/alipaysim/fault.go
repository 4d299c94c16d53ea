package alipaysim

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

// ErrUnknownFault says that there is no fault of that name; Faults lists them.
var ErrUnknownFault = errors.New("alipaysim: unknown fault")

// Faults returns the names Fault takes, each with what it does.
func Faults() map[string]string {
	return map[string]string{
		"timeout":        "the request is done, the answer held for 30 s",
		"slow":           "the request is done, the answer held for 3 s",
		"error":          "20000 aop.unknow-error, the request is not done",
		"gbk_error":      "the same with its text in GBK",
		"call_limited":   "40005 isv.app-call-limited: called too often, the request is not done",
		"html":           "a proxy's error page with status 200",
		"html_502":       "a proxy's error page with status 502",
		"redirect":       "302 to another loopback address",
		"bad_signature":  "a signature of something else",
		"unsigned":       "no signature",
		"null_body":      "null, truly signed, for content",
		"other_app":      "signed with the Alipay key of another application",
		"other_root":     "truly signed, but the content of another method",
		"duplicate_root": "two contents, the second truly signed",
		"huge":           "a truly signed answer of 10 MiB",
		"truncated":      "half an answer, then the connection breaks",
	}
}

// Fault makes the next count calls of /gateway.do go wrong; "" ends a fault. It
// replaces a fault that is on. Fails with ErrUnknownFault.
func (s *Sim) Fault(next string, count int) error {
	if _, known := Faults()[next]; !known && next != "" {
		return ErrUnknownFault
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.faults = next, max(count, 0)
	return nil
}

// delay is how long an answer is held back.
func (s *Sim) delay(fault string) time.Duration {
	switch {
	case fault == "timeout":
		return 30 * time.Second
	case fault != "slow":
		return 0
	case s.cfg.Slow != 0:
		return s.cfg.Slow
	}
	return 3 * time.Second
}

// wait returns false when ctx ends before d is over.
func wait(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// instead are the faults that keep the request from being looked at.
var instead = map[string]func(*Sim, http.ResponseWriter, string){
	"html":     func(_ *Sim, w http.ResponseWriter, _ string) { errorPage(w, http.StatusOK) },
	"html_502": func(_ *Sim, w http.ResponseWriter, _ string) { errorPage(w, http.StatusBadGateway) },
	"redirect": func(s *Sim, w http.ResponseWriter, _ string) {
		w.Header().Set("Location", s.cfg.Redirect)
		w.WriteHeader(http.StatusFound)
	},
	"error": func(s *Sim, w http.ResponseWriter, method string) { s.refuse(w, method, busy("系统繁忙")) },
	"gbk_error": func(s *Sim, w http.ResponseWriter, method string) {
		s.refuse(w, method, busy("\xcf\xb5\xcd\xb3\xb7\xb1\xc3\xa6")) // the same words in GBK
	},
	"call_limited": func(s *Sim, w http.ResponseWriter, method string) {
		s.refuse(w, method, `{"code":"40005","msg":"Call Limited","sub_code":"isv.app-call-limited","sub_msg":"应用调用次数超限"}`)
	},
}

func errorPage(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	w.Write([]byte("<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>\r\n"))
}

// busy says that Alipay is, in a text of any encoding.
func busy(text string) string {
	return `{"code":"20000","msg":"Service Currently Unavailable","sub_code":"aop.unknow-error","sub_msg":"` + text + `"}`
}

// refuse answers with content, signed, whatever was asked.
func (s *Sim) refuse(w http.ResponseWriter, method, content string) {
	rep := reply{root: strings.ReplaceAll(method, ".", "_") + "_response", content: []byte(content)}
	signer := s.signer()
	signature, err := sign(signer.key, rep.content)
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, problem{Error: err.Error()})
		return
	}
	w.Header().Set("Content-Type", "text/html;charset=utf-8")
	w.Write(envelope(rep, signature, signer.sn))
}

// before are the faults of an answer that is signed afterwards.
var before = map[string]func(reply) reply{
	"null_body":  func(rep reply) reply { rep.content = []byte("null"); return rep },
	"other_root": func(rep reply) reply { rep.root = "alipay_trade_query_response"; return rep },
	"huge": func(rep reply) reply {
		rep.content = append(append([]byte("{"), bytes.Repeat([]byte(" "), 10<<20)...), rep.content[1:]...)
		return rep
	},
}

// after are the faults of an answer that has been signed.
var after = map[string]func(reply, []byte) []byte{
	"truncated": func(_ reply, body []byte) []byte { return body[:len(body)/2] },
	"duplicate_root": func(rep reply, body []byte) []byte {
		forged := `{"` + rep.root + `":{"code":"10000","open_id":"forged","access_token":"forged","passed":"T"},`
		return append([]byte(forged), body[1:]...)
	},
}
