package httpapi_test

import (
	"strings"
	"testing"

	"fundpass/store"
)

// A citizen gets their own data, masked, and none of anyone else's.
func TestOwnData(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c, other := h.citizen(), h.citizen()
	p, q := h.logIn(c), h.linkedClient(other)
	p.get("/v1/me/data").want(t, "NOT_LINKED")
	h.client().get("/v1/me/data").want(t, "SESSION_REQUIRED")
	p.post("/v1/link", c.linkBody()).want(t, "OK")
	p.post(p.openChange(c)+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	payload, err := h.sim.Phone(c.Person.Person, "")
	must(t, err)
	p.send("POST", "/v1/phone", []byte(payload)).want(t, "OK")
	p = &client{h: h, url: h.url, token: h.logIn(c).token} // signs in again

	r := p.get("/v1/me/data").want(t, "OK")
	account := r.get(t, "account").(m)
	for field, want := range map[string]string{
		"name": "***试", "id_number": "9****************" + c.IDNumber[17:], "id_type": "01", "status": "01",
		"account_no": strings.Repeat("*", 10) + c.AccountNo[10:], "phone": "199******" + c.Phone[9:], "employer_no": "",
	} {
		if account[field] != want {
			t.Errorf("%s %q, want %q", field, account[field], want)
		}
	}
	link, password := r.get(t, "link").(m), r.get(t, "password").(m)
	if link["kind"] != "open_id" || link["linked_at"] == nil || link["authorised_at"] == nil || strings.Contains(r.Raw, c.OpenID+`"`) {
		t.Errorf("link %v", link)
	}
	if password["state"] != store.PasswordSet || password["changed_at"] == nil || password["earlier"] != 1.0 {
		t.Errorf("password %v", password)
	}
	events := r.get(t, "events").([]any)
	if kind := events[0].(m)["kind"]; len(events) != 3 || kind != store.EventPasswordChanged {
		t.Errorf("events %v", events)
	}
	if s, n := r.get(t, "sessions").([]any), r.get(t, "notices").([]any); len(s) != 2 || len(n) != 2 || s[0].(m)["phone"] != account["phone"] {
		t.Errorf("sessions %v, notices %v", s, n)
	}
	theirs := q.get("/v1/me/data").want(t, "OK")
	if a := theirs.get(t, "account").(m); a["account_no"] != strings.Repeat("*", 10)+other.AccountNo[10:] || len(theirs.get(t, "events").([]any)) != 1 {
		t.Errorf("the other sees %s", theirs.Raw)
	}

	// After an erasure nothing is returned.
	_, err = h.db.Operations().Erase(t.Context(), store.Erasure{OperatorRequest: store.OperatorRequest{AccountNo: c.AccountNo, Operator: "li", Reason: "asked in writing"}})
	must(t, err)
	p.get("/v1/me/data").want(t, "SESSION_EXPIRED")
	h.logIn(c).get("/v1/me/data").want(t, "NOT_LINKED")
}
