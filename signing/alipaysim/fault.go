package alipaysim

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

// ErrUnknownFault means that there is no fault of that name; see Faults, NoticeFaults and
// PhoneFaults.
var ErrUnknownFault = errors.New("alipaysim: unknown fault")

// Faults returns the faults of the gateway by name, with a description of each.
func Faults() map[string]string {
	return map[string]string{
		"timeout":        "the request is carried out, the response is delayed by 30 s",
		"slow":           "the request is carried out, the response is delayed by 3 s",
		"error":          "20000 aop.unknow-error, the request is not carried out",
		"gbk_error":      "like error, with its text in GBK",
		"call_limited":   "40005 isv.app-call-limited: called too often, the request is not carried out",
		"html":           "a proxy's error page with status 200",
		"html_502":       "a proxy's error page with status 502",
		"redirect":       "302 to another loopback address",
		"bad_signature":  "a signature over another text",
		"unsigned":       "no signature",
		"null_body":      "a signed response whose content is null",
		"other_app":      "signed with the Alipay key of another application",
		"other_root":     "a signed response with the content of another method",
		"duplicate_root": "two contents, the second of them signed",
		"huge":           "a signed response of 10 MiB",
		"truncated":      "half of the response, then the connection is closed",
	}
}

// Fault applies the fault next to the next count calls of /gateway.do; "" ends the current
// fault. It replaces the current fault. It returns ErrUnknownFault.
func (s *Sim) Fault(next string, count int) error {
	if _, known := Faults()[next]; !known && next != "" {
		return ErrUnknownFault
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.faults = next, max(count, 0)
	return nil
}

// delay returns the delay of a response under fault.
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

// wait waits for d. It returns false if ctx ends first.
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

// requestFaults write the response without processing the request.
var requestFaults = map[string]func(*Sim, http.ResponseWriter, string){
	"html":     func(_ *Sim, w http.ResponseWriter, _ string) { errorPage(w, http.StatusOK) },
	"html_502": func(_ *Sim, w http.ResponseWriter, _ string) { errorPage(w, http.StatusBadGateway) },
	"redirect": func(s *Sim, w http.ResponseWriter, _ string) {
		w.Header().Set("Location", s.cfg.Redirect)
		w.WriteHeader(http.StatusFound)
	},
	"error": func(s *Sim, w http.ResponseWriter, method string) { s.refuse(w, method, unavailable("系统繁忙")) },
	"gbk_error": func(s *Sim, w http.ResponseWriter, method string) {
		s.refuse(w, method, unavailable("\xcf\xb5\xcd\xb3\xb7\xb1\xc3\xa6")) // 系统繁忙 in GBK
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

// unavailable returns the content of an error 20000 with sub_msg text, in any encoding.
func unavailable(text string) string {
	return `{"code":"20000","msg":"Service Currently Unavailable","sub_code":"aop.unknow-error","sub_msg":"` + text + `"}`
}

// refuse writes a signed response with content.
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

// contentFaults change the content before it is signed.
var contentFaults = map[string]func(reply) reply{
	"null_body":  func(rep reply) reply { rep.content = []byte("null"); return rep },
	"other_root": func(rep reply) reply { rep.root = "alipay_trade_query_response"; return rep },
	"huge": func(rep reply) reply {
		rep.content = append(append([]byte("{"), bytes.Repeat([]byte(" "), 10<<20)...), rep.content[1:]...)
		return rep
	},
}

// bodyFaults change the response after it is signed.
var bodyFaults = map[string]func(reply, []byte) []byte{
	"truncated": func(_ reply, body []byte) []byte { return body[:len(body)/2] },
	"duplicate_root": func(rep reply, body []byte) []byte {
		forged := `{"` + rep.root + `":{"code":"10000","open_id":"forged","access_token":"forged","passed":"T"},`
		return append([]byte(forged), body[1:]...)
	},
}
