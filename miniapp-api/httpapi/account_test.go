package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"fundpass/miniapp-api/httpapi"
	"fundpass/store"
)

// second adds another account of a citizen, with its own password.
func (h *env) second(c citizen, change ...func(*citizen)) citizen {
	h.t.Helper()
	c.AccountNo, c.Password, c.Status = "77"+c.AccountNo[2:], "Amber-Lantern-5", store.StatusSealed
	for _, f := range change {
		f(&c)
	}
	h.deposit(c)
	return c
}

// accounts returns the client's accounts, the chosen one first.
func (p *client) accounts() (chosen string, others []httpapi.AccountChoice) {
	p.h.t.Helper()
	var data httpapi.AccountsReply
	must(p.h.t, json.Unmarshal(p.get("/v1/accounts").want(p.h.t, "OK").Data, &data))
	for _, a := range data.Accounts {
		if a.Chosen {
			chosen = a.ID.String()
		} else {
			others = append(others, a)
		}
	}
	return chosen, others
}

// A citizen with two accounts chooses the one they act on; each keeps its password.
func TestChooseAccount(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	other := h.second(c)
	h.second(c, func(c *citizen) { c.AccountNo, c.Status = "66"+c.AccountNo[2:], store.StatusClosed })
	h.citizen() // another person's
	p := h.linkedClient(c)
	parallel, change := h.logIn(c), p.openChange(c)
	first, others := p.accounts()
	if len(others) != 1 || others[0].Status != store.StatusSealed || strings.Contains(p.get("/v1/accounts").Raw, other.AccountNo) {
		t.Fatalf("to choose from: %+v", others)
	}
	choose := "/v1/accounts/" + others[0].ID.String() + "/choose"
	for range 2 {
		account := p.post(choose, m{}).want(t, "OK").get(t, "account").(m)
		if account["status"] != store.StatusSealed {
			t.Errorf("chosen: %v", account)
		}
	}
	parallel.get("/v1/link").want(t, "SESSION_EXPIRED")
	if got := p.get(change).get(t, "state"); got != "cancelled" {
		t.Errorf("the change of the other account is %v", got)
	}
	p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password}).want(t, "OLD_PASSWORD_WRONG")
	p.post(p.openChange(other)+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	if raw := p.get("/v1/events").want(t, "OK").Raw; strings.Count(raw, "切换到另一个公积金账户") != 1 {
		t.Errorf("the record: %s", raw)
	}
	p.post("/v1/accounts/"+first+"/choose", m{}).want(t, "OK")
	p.openChange(c) // its password is unchanged
}

// Only the citizen's own open accounts can be chosen, and none while the password is frozen.
func TestChooseAccountRefused(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c, stranger := h.citizen(), h.citizen()
	ended := h.second(c, func(c *citizen) { c.Status = store.StatusNormal })
	p, q := h.linkedClient(c), h.linkedClient(stranger)
	_, others := p.accounts()
	theirs, _ := q.accounts()
	mine := "/v1/accounts/" + others[0].ID.String() + "/choose"
	p.post("/v1/accounts/"+theirs+"/choose", m{}).want(t, "NO_SUCH_ACCOUNT")
	p.post("/v1/accounts/nonsense/choose", m{}).want(t, "NO_SUCH_ACCOUNT")
	q.post(mine, m{}).want(t, "NO_SUCH_ACCOUNT")
	h.logIn(h.citizen()).post(mine, m{}).want(t, "NOT_LINKED")
	h.becomes(ended, func(c *citizen) { c.Status = store.StatusClosed })
	p.post(mine, m{}).want(t, "ACCOUNT_CLOSED")
	h.becomes(ended, func(c *citizen) { c.Status = store.StatusNormal })
	p.post("/v1/freeze", m{}).want(t, "OK")
	p = h.logIn(c)
	p.post(mine, m{}).want(t, "PASSWORD_FROZEN")
	chosen, _ := p.accounts()
	p.post("/v1/accounts/"+chosen+"/choose", m{}).want(t, "OK")
	h.exec(`UPDATE password_credentials SET state = 'set'`)
	p.post(mine, m{}).want(t, "OK")
}
