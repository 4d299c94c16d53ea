package oidcsim

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxForm bounds a posted form.
const maxForm = 16 << 10

// authorize shows the page on which a person is chosen, and sends the browser back with a code
// once one is. An error about the client or the redirect is shown and never redirected.
func (s *Sim) authorize(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err == nil {
		err = s.checkClient(q)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if code := checkAuthorize(q); code != "" {
		s.redirect(w, r, q, url.Values{"error": {code}})
		return
	}
	login := r.PostFormValue("login")
	at := slices.IndexFunc(s.cfg.People, func(p Person) bool { return p.Login == login })
	switch {
	case r.Method == http.MethodGet:
		s.page(w, r)
	case login == "":
		s.redirect(w, r, q, url.Values{"error": {"access_denied"}, "error_description": {"用户取消"}})
	case at < 0:
		http.Error(w, "no such person", http.StatusBadRequest)
	default:
		s.redirect(w, r, q, url.Values{"code": {s.addGrant(s.cfg.People[at], q)}})
	}
}

// checkClient checks what must be right before anything is sent to the redirect URL.
func (s *Sim) checkClient(q url.Values) error {
	for name, values := range q {
		if len(values) != 1 {
			return errors.New(name + " is repeated")
		}
	}
	switch {
	case q.Get("client_id") != s.cfg.ClientID:
		return errors.New("unknown client")
	case q.Get("redirect_uri") != s.cfg.RedirectURL:
		return errors.New("redirect_uri is not the registered one")
	}
	return nil
}

// checkAuthorize returns the error code of an authorization request, or "".
func checkAuthorize(q url.Values) string {
	challenge, err := base64.RawURLEncoding.Strict().DecodeString(q.Get("code_challenge"))
	switch {
	case q.Get("response_type") != "code":
		return "unsupported_response_type"
	case !slices.Contains(strings.Split(q.Get("scope"), " "), "openid"):
		return "invalid_scope"
	case q.Get("code_challenge_method") != "S256" || err != nil || len(challenge) != 32,
		len(q.Get("state")) < 22, len(q.Get("nonce")) < 22:
		return "invalid_request"
	}
	return ""
}

func (s *Sim) addGrant(p Person, q url.Values) (code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	code = rand.Text()
	s.grants[code] = &grant{person: p, redirectURL: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), nonce: q.Get("nonce"), at: s.cfg.Now()}
	return code
}

// redirect sends the browser back with an answer.
func (s *Sim) redirect(w http.ResponseWriter, r *http.Request, q, answer url.Values) {
	_, _, f := s.state()
	answer.Set("state", q.Get("state"))
	answer.Set("iss", s.cfg.Issuer)
	spoilAnswer(answer, f)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+answer.Encode(), http.StatusSeeOther)
}

var pageTemplate = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Name}}</title>
<style>
body { font: 18px/1.6 sans-serif; max-width: 32rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
button { display: block; width: 100%; min-height: 48px; margin: .5rem 0; font: inherit; text-align: left; padding: .5rem 1rem; border: 1px solid #595959; border-radius: 6px; background: #f5f7fa; color: inherit; cursor: pointer }
button:focus-visible { outline: 3px solid #0b57d0; outline-offset: 2px }
</style>
</head>
<body>
<main>
<h1>{{.Name}}</h1>
<p>这是演示用的模拟页面。真实的页面会在这里要求口令或刷脸。请选择登录的人：</p>
<form method="post">
{{range .People}}<button name="login" value="{{.Login}}">{{.Name}}</button>
{{end}}<button name="login" value="">取消登录</button>
</form>
</main>
</body>
</html>
`))

// page shows the people.
func (s *Sim) page(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	if err := pageTemplate.Execute(w, s.cfg); err != nil {
		panic(http.ErrAbortHandler)
	}
}
