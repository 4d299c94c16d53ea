package demo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"fundpass/cmd/internal/serve"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// The counter is what the demo's page asks of the centre: the people as they are now, and what a
// clerk does for them.
type counter struct {
	app       *serve.App
	sim       *alipaysim.Sim
	people    []story
	passwords *passwords
}

// clerk is the operator's number in the record of what the page asks for.
const clerk = "demo"

var errUnknownAct = errors.New(`the body should look like {"person":"ok","act":"reset_code"}; acts are reset_code, freeze, move_out, restore and other_alipay`)

// handler serves the paths of the counter and passes other requests on.
func (c *counter) handler(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /demo/people", c.list)
	mux.HandleFunc("POST /demo/counter", c.serve)
	mux.Handle("/", next)
	return mux
}

// A listedPerson is a person as the page shows them. The page is for whoever runs the demo.
type listedPerson struct {
	Person    string `json:"person"`
	Chinese   string `json:"zh"`
	English   string `json:"en"`
	Name      string `json:"name"`
	IDNumber  string `json:"id_number"`
	AccountNo string `json:"account_no,omitempty"`
	Status    string `json:"status,omitempty"` // GRZHZT
	Password  string `json:"password"`         // the present one, "" if nobody knows it
	Changed   bool   `json:"changed"`          // since the demo was loaded
}

// list answers GET /demo/people.
func (c *counter) list(w http.ResponseWriter, r *http.Request) {
	reply := struct {
		Policy   string         `json:"policy"`
		City     string         `json:"city"`
		Examples []string       `json:"examples"` // passwords that the policy accepts
		People   []listedPerson `json:"people"`
	}{Policy: c.app.Policy.Name, City: c.app.Policy.City, Examples: examples(c.app.Policy)}
	for _, s := range c.people {
		p := s.person()
		listed := listedPerson{
			Person: s.key, Chinese: s.caption, English: s.english, Name: p.Name, IDNumber: p.IDNumber, AccountNo: p.AccountNo,
			Password: p.Password,
		}
		if password, changed := c.passwords.of(p.AccountNo); changed {
			listed.Password, listed.Changed = password, true
		}
		a, err := c.app.DB.AccountByNumber(r.Context(), p.AccountNo)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			http.Error(w, "the accounts cannot be read", http.StatusInternalServerError)
			return
		}
		listed.Status = a.Status
		reply.People = append(reply.People, listed)
	}
	writeJSON(w, http.StatusOK, reply)
}

// examples are passwords to type in that the policy accepts.
func examples(p *passwd.Policy) []string {
	all := append(slices.Clone(p.Examples.Accepted), "Korb-7-Lampe", "Granit-9-Segel", "korb7lampe", "granit9segel")
	return slices.DeleteFunc(all, func(password string) bool { return len(p.Check(passwd.NewSecret(password), passwd.Subject{})) > 0 })
}

// serve answers POST /demo/counter.
func (c *counter) serve(w http.ResponseWriter, r *http.Request) {
	var in struct{ Person, Act string }
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&in) != nil {
		refuse(w, http.StatusBadRequest, errUnknownAct)
		return
	}
	s, known := storyIn(c.people, in.Person)
	if s.again != "" {
		s, known = storyIn(c.people, s.again)
	}
	if !known || s.account == "" {
		refuse(w, http.StatusNotFound, errors.New("no person of this name has an account"))
		return
	}
	act := map[string]func(context.Context, story) (any, error){
		"reset_code":   c.issueCode,
		"freeze":       func(ctx context.Context, s story) (any, error) { return c.setStatus(ctx, s, store.StatusFrozen) },
		"move_out":     func(ctx context.Context, s story) (any, error) { return c.setStatus(ctx, s, store.StatusMoved) },
		"restore":      func(ctx context.Context, s story) (any, error) { return c.setStatus(ctx, s, store.StatusNormal) },
		"other_alipay": c.addAlipay,
	}[in.Act]
	if act == nil {
		refuse(w, http.StatusBadRequest, errUnknownAct)
		return
	}
	reply, err := act(r.Context(), s)
	if err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	writeJSON(w, http.StatusOK, reply)
}

// issueCode is fundpass issue-reset-code.
func (c *counter) issueCode(ctx context.Context, s story) (any, error) {
	a, err := c.app.DB.AccountByNumber(ctx, s.account)
	if err != nil {
		return nil, err
	}
	if a.Ended() || a.Status == store.StatusFrozen {
		return nil, errors.New("a clerk issues no code for an account that is frozen or closed")
	}
	code, err := selfservice.NewResetCode()
	if err != nil {
		return nil, err
	}
	until, err := c.app.DB.Operations().IssueResetCode(ctx, a, code, clerk)
	return struct {
		Code  string    `json:"code"`
		Until time.Time `json:"until"`
	}{code, until}, err
}

// setStatus is what fundpass import does with the status that the core system reports.
func (c *counter) setStatus(ctx context.Context, s story, status string) (any, error) {
	d, err := s.depositor(ctx, c.app.Hasher)
	if err != nil {
		return nil, err
	}
	d.Status = status
	_, err = c.app.DB.Roster().ImportDepositors(ctx, []store.Depositor{d})
	return struct {
		Status string `json:"status"`
	}{status}, err
}

// addAlipay gives the person a second Alipay account, and returns its name in the simulator.
func (c *counter) addAlipay(_ context.Context, s story) (any, error) {
	p := s.person()
	p.Person += "_second"
	p.OpenID = "074demo_" + p.Person
	c.sim.Add(p)
	return struct {
		Person string `json:"person"`
	}{p.Person}, nil
}

func refuse(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, struct {
		Error string `json:"error"`
	}{err.Error()})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
