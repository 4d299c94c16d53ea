package httpapi_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// issue issues a reset code as a clerk does.
func (h *env) issue(c citizen, code string) {
	h.t.Helper()
	a, err := h.db.AccountByNumber(h.t.Context(), c.AccountNo)
	must(h.t, err)
	_, err = h.db.Operations().IssueResetCode(h.t.Context(), a, code, "window-3")
	must(h.t, err)
}

// A reset code proves identity once, without Alipay. Unused, it changes nothing.
func TestResetByClerk(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withReset(selfservice.ResetOff))
	c := h.citizen()
	p := h.linkedClient(c)
	h.issue(c, "1111122222")
	h.issue(c, "3141592653") // only the newest is valid
	p.knows(c, c.Password)   // the password works until the code is used
	p.post("/v1/password/resets", m{"code": "12345"}).want(t, "BAD_REQUEST")
	p.post("/v1/password/resets", m{"code": "31415x2653"}).want(t, "BAD_REQUEST")
	p.post("/v1/password/resets", m{"code": "1111122222"}).want(t, "RESET_CODE_WRONG")
	r := p.post("/v1/password/resets", m{"code": "31415-９26 53"}).want(t, "OK")
	if r.get(t, "state") != "passed" || r.get(t, "certify_id") != nil || r.get(t, "certify_url") != nil {
		t.Errorf("opened: %s", r.Raw)
	}
	p.post("/v1/password/resets", m{"code": "3141592653"}).want(t, "RESET_CODE_WRONG") // used
	path := "/v1/password/resets/" + r.get(t, "id").(string)
	h.logIn(c).post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	p.knows(c, "Copper-Kettle-77")
	events := p.get("/v1/events").Raw
	if !strings.Contains(events, "reset_code_issued") || !strings.Contains(events, store.ChannelCounter) || h.sim.Calls(initialize) != 0 {
		t.Errorf("events %s", events)
	}
}

// A code has five tries, half an hour, one account and one use, with concurrent requests, too.
func TestResetCodeLimits(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c, d := h.citizen(), h.citizen()
	p := h.linkedClient(c)
	right := m{"code": "3141592653"}
	h.issue(c, "3141592653")
	h.linkedClient(d).post("/v1/password/resets", right).want(t, "RESET_CODE_WRONG")
	for i := range store.ResetCodeTries {
		p.post("/v1/password/resets", m{"code": fmt.Sprintf("000000000%d", i)}).want(t, "RESET_CODE_WRONG")
	}
	p.post("/v1/password/resets", right).want(t, "RESET_CODE_WRONG")
	h.issue(c, "3141592653")
	h.exec(`UPDATE reset_codes SET expires_at = now() - interval '1 second' WHERE closed_at IS NULL`)
	p.post("/v1/password/resets", right).want(t, "RESET_CODE_WRONG")
	h.issue(c, "3141592653")
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			r := p.post("/v1/password/resets", right)
			mu.Lock()
			defer mu.Unlock()
			got[r.Code]++
		})
	}
	wg.Wait()
	if got["OK"] != 1 || got["RESET_CODE_WRONG"] != 19 {
		t.Errorf("got %v", got)
	}
}

// A citizen who forgot the password before the first visit links with the reset code, and the
// reset then uses it up.
func TestLinkByCode(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c, thief := h.citizen(), h.citizen()
	body := func(code string) m {
		b := with(c.linkBody(), "reset_code", code)
		delete(b, "password")
		return b
	}
	p := h.logIn(c)
	h.lockOut(c, store.PublicScope)
	p.post("/v1/link", body("3141592653")).want(t, "LINK_REFUSED") // none was issued
	h.issue(c, "3141592653")
	for range 2 * store.ResetCodeTries { // a stranger takes no tries
		h.logIn(thief).post("/v1/link", body("3141592653")).want(t, "LINK_REFUSED")
	}
	for i := range store.ResetCodeTries - 1 {
		p.post("/v1/link", body(fmt.Sprintf("000000000%d", i))).want(t, "LINK_REFUSED")
	}
	p.post("/v1/link", with(body("3141592653"), "name", "欧阳别人")).want(t, "LINK_REFUSED")
	p.post("/v1/link", with(body("3141592653"), "password", c.Password)).want(t, "BAD_REQUEST")
	p.post("/v1/link", body("314159265")).want(t, "BAD_REQUEST")
	p.post("/v1/link", body("31415 92653")).want(t, "OK")
	r := p.post("/v1/password/resets", m{"code": "3141592653"}).want(t, "OK")
	p.post("/v1/password/resets/"+r.get(t, "id").(string)+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	p.knows(c, "Copper-Kettle-77")
	p.post("/v1/link/remove", m{"password": "Copper-Kettle-77"}).want(t, "OK")
	h.logIn(c).post("/v1/link", body("3141592653")).want(t, "LINK_REFUSED") // used up
}

// Without certdoc the name must match the record. A code does not link an account that has
// ended.
func TestLinkByCodeAlone(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone))
	c := h.citizen()
	h.issue(c, "3141592653")
	b := with(c.linkBody(), "reset_code", "3141592653")
	delete(b, "password")
	h.logIn(c).post("/v1/link", with(b, "name", "欧阳别人")).want(t, "LINK_REFUSED")
	h.logIn(c).post("/v1/link", with(b, "account_no", "123")).want(t, "LINK_REFUSED")
	b = with(with(b, "name", c.Name), "account_no", c.AccountNo)
	h.exec(`UPDATE accounts SET status = '04'`)
	h.logIn(c).post("/v1/link", b).want(t, "ACCOUNT_CLOSED")
}
