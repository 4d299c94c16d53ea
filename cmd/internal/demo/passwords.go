package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"

	"fundpass/cmd/internal/apiclient"
)

// passwords are those that differ from the first ones, by account number, so that the page can
// list the present ones; "" is one that nobody saw, because it was sent encrypted.
type passwords struct {
	people []story
	file   string // "" in a temporary directory

	mu  sync.Mutex
	now map[string]string
}

// openPasswords reads what an earlier demo on the data directory kept.
func openPasswords(dir *dataDir, people []story) (*passwords, error) {
	p := &passwords{people: people, now: make(map[string]string)}
	if dir.temporary {
		return p, nil
	}
	p.file = dir.path("passwords.json")
	kept, err := os.ReadFile(p.file)
	if errors.Is(err, os.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(kept, &p.now)
	}
	return p, err
}

func (p *passwords) of(account string) (password string, changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	password, changed = p.now[account]
	return password, changed
}

func (p *passwords) set(account, password string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now[account] = password
	if p.file == "" {
		return nil
	}
	kept, err := json.Marshal(maps.Clone(p.now))
	if err != nil {
		return err
	}
	return os.WriteFile(p.file, kept, 0o600)
}

// setsPassword matches the requests that set a password.
var setsPassword = regexp.MustCompile(`^/v1/password/(changes|resets|recoveries)/[0-9a-f-]+/confirm$`)

// watch notes the passwords that citizens set through next.
func (p *passwords) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || !setsPassword.MatchString(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		sent, _ := io.ReadAll(io.LimitReader(r.Body, 64<<10)) // the API reports what cannot be read
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(sent), r.Body), r.Body}
		reply, _ := apiclient.InProcess{Handler: next}.RoundTrip(r) // never fails
		body, _ := io.ReadAll(reply.Body)                           // in memory
		p.note(next, r, sent, body)                                 // before the page hears of it
		maps.Copy(w.Header(), reply.Header)
		w.WriteHeader(reply.StatusCode)
		w.Write(body)
	})
}

// note keeps a password that was set. Which account it belongs to is asked of the API.
func (p *passwords) note(api http.Handler, r *http.Request, sent, replied []byte) {
	var in struct {
		Password string `json:"new_password"`
	}
	var out struct {
		Data struct{ State string }
	}
	if json.Unmarshal(replied, &out) != nil || out.Data.State != "done" {
		return
	}
	_ = json.Unmarshal(sent, &in) // without the password it is not known
	client := apiclient.Client{
		Base: "http://demo", HTTP: &http.Client{Transport: apiclient.InProcess{Handler: api}},
		Token: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "),
	}
	a, err := client.Get(r.Context(), "/v1/link")
	account, _ := a.Object()["account"].(map[string]any)
	masked, _ := account["account_no"].(string)
	if shown := strings.TrimLeft(masked, "*"); err == nil && shown != "" {
		for _, s := range p.people {
			if s.account != "" && strings.HasSuffix(s.account, shown) {
				_ = p.set(s.account, in.Password) // what cannot be kept is only missing after a restart
			}
		}
	}
}
