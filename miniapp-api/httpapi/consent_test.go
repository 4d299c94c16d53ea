package httpapi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
)

func withConsent(mode selfservice.ConsentMode) envOption {
	return func(c *Config) { c.Consent = mode }
}

// withVersion returns the texts with a new version for one purpose.
func withVersion(t *testing.T, purpose, version string) envOption {
	t.Helper()
	texts := slices.Clone(alipay.DefaultConsents())
	i := slices.IndexFunc(texts, func(c selfservice.ConsentText) bool { return c.Purpose == purpose })
	texts[i].Version, texts[i].Text = version, texts[i].Text+"（修订）"
	return func(c *Config) { c.ConsentTexts = texts }
}

// consents returns the states of the purposes in order.
func (p *client) consents() (required bool, states map[string]string, order []string) {
	p.h.t.Helper()
	var data httpapi.ConsentsReply
	must(p.h.t, json.Unmarshal(p.get("/v1/consents").want(p.h.t, "OK").Data, &data))
	states = map[string]string{}
	for _, c := range data.Consents {
		states[c.Purpose] = c.State
		order = append(order, c.Purpose)
		if c.Text == "" || c.Version == "" {
			p.h.t.Errorf("%s has no text or version", c.Purpose)
		}
	}
	return data.Required, states, order
}

// agree consents to the current texts.
func (p *client) agree(purposes ...string) {
	p.h.t.Helper()
	var data httpapi.ConsentsReply
	must(p.h.t, json.Unmarshal(p.get("/v1/consents").want(p.h.t, "OK").Data, &data))
	for _, c := range data.Consents {
		if slices.Contains(purposes, c.Purpose) {
			p.post("/v1/consents", m{"purpose": c.Purpose, "version": c.Version}).want(p.h.t, "OK")
		}
	}
}

func (p *client) withdraw(purpose string) reply {
	p.h.t.Helper()
	return p.post("/v1/consents/withdraw", m{"purpose": purpose})
}

// Only the purposes that a centre uses are listed.
func TestConsentsOffered(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		proof   selfservice.Proof
		content []byte
		notices bool
		want    string
	}{
		{"certdoc", nil, false, "link,certdoc"},
		{"none", nil, false, "link"},
		{"certdoc", testContentKey, true, "link,certdoc,phone,message"},
		{"face,phone", testContentKey, false, "link,face,phone"},
	} {
		h := newEnv(t, withProof(tt.proof), func(c *Config) { c.ContentKey, c.MessageTemplate = tt.content, templateIf(tt.notices) })
		p := h.logIn(h.citizen())
		required, states, order := p.consents()
		if got := strings.Join(order, ","); got != tt.want || required {
			t.Errorf("%s: %s, required %v", tt.proof, got, required)
		}
		for purpose, state := range states {
			if state != "none" {
				t.Errorf("%s is initially %s", purpose, state)
			}
		}
		for _, purpose := range []string{"", "sms", "none", selfservice.PurposeFace} {
			if !slices.Contains(order, purpose) {
				p.post("/v1/consents", m{"purpose": purpose, "version": "1"}).want(t, "BAD_REQUEST")
				p.withdraw(purpose).want(t, "BAD_REQUEST")
			}
		}
		h.client().get("/v1/consents").want(t, "SESSION_REQUIRED")
	}
}

// In mode recorded a link needs no separate call, and the form's consent is recorded once with
// its version.
func TestConsentByForm(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof("certdoc,face"))
	c := h.citizen()
	p := h.logIn(c)
	p.post("/v1/link", withPassword(c.linkBody(), "wrong-password")).want(t, "LINK_REFUSED")
	p.post("/v1/link", c.linkBody()).want(t, "OK")
	p.show(h.payload(c, "")).want(t, "OK")
	_, states, _ := p.consents()
	for purpose, want := range map[string]string{selfservice.PurposeLink: "given", selfservice.PurposeCertdoc: "given", selfservice.PurposePhone: "given", selfservice.PurposeFace: "none", selfservice.PurposeMessage: "none"} {
		if states[purpose] != want {
			t.Errorf("%s is %s, want %s", purpose, states[purpose], want)
		}
	}
	if n := h.count(`SELECT count(*) FROM consents WHERE how = 'form' AND text_version = '1' AND withdrawn_at IS NULL`); n != 3 {
		t.Errorf("%d consents recorded, want 3", n)
	}
	d := h.citizen(uncertified)
	q := h.logIn(d)
	q.awaitFace(d)
	if _, states, _ := q.consents(); states[selfservice.PurposeFace] != "given" {
		t.Errorf("face is %s", states[selfservice.PurposeFace])
	}
}

// In mode required nothing is done, and Alipay is not called, without consent. Consent to any
// one accepted proof suffices.
func TestConsentRequired(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof("certdoc,face"), withConsent(selfservice.ConsentRequired))
	c := h.citizen(uncertified)
	p := h.logIn(c)
	if required, _, _ := p.consents(); !required {
		t.Error("required is false")
	}
	if r := p.post("/v1/link", c.linkBody()).want(t, "CONSENT_REQUIRED"); r.HTTP != 403 || r.asked() != "link,certdoc,face" {
		t.Errorf("asked %s", r.Raw)
	}
	p.agree(selfservice.PurposeCertdoc, selfservice.PurposeFace)
	if r := p.post("/v1/link", c.linkBody()).want(t, "CONSENT_REQUIRED"); r.asked() != "link" {
		t.Errorf("asked %s", r.Raw)
	}
	p.withdraw(selfservice.PurposeCertdoc).want(t, "OK")
	p.withdraw(selfservice.PurposeFace).want(t, "OK")
	p.agree(selfservice.PurposeLink)
	if r := p.post("/v1/link", c.linkBody()).want(t, "CONSENT_REQUIRED"); r.asked() != "certdoc,face" {
		t.Errorf("asked %s", r.Raw)
	}
	if n := h.count(`SELECT count(*) FROM lockouts`) + h.sim.Calls("alipay.user.certdoc.certverify.preconsult"); n != 0 {
		t.Errorf("%d attempts and questions without consent", n)
	}
	p.agree(selfservice.PurposeCertdoc)
	if r := p.post("/v1/link", c.linkBody()).want(t, "CONSENT_REQUIRED"); r.asked() != "face" || h.sim.Calls(initialize) != 0 {
		t.Errorf("asked %s", r.Raw)
	}
	p.agree(selfservice.PurposeFace)
	id, certifyID := p.awaitFace(c)
	yes := true
	must(t, h.sim.Certify(certifyID, &yes))
	p.confirmLink(id).want(t, "OK")
	p.show(h.payload(c, "")).want(t, "CONSENT_REQUIRED")
	p.agree(selfservice.PurposePhone)
	p.show(h.payload(c, "")).want(t, "OK")
	if n := h.count(`SELECT count(*) FROM consents WHERE how = 'form'`); n != 0 {
		t.Errorf("%d consents by form", n)
	}

	e := h.citizen() // certified, but consents to the face only: Alipay compares nothing
	q := h.logIn(e)
	q.agree(selfservice.PurposeLink, selfservice.PurposeFace)
	before := h.sim.Calls("alipay.user.certdoc.certverify.preconsult")
	q.awaitFace(e)
	if n := h.sim.Calls("alipay.user.certdoc.certverify.preconsult") - before; n != 0 {
		t.Errorf("%d comparisons without consent", n)
	}
}

// In both modes a withdrawn consent remains withdrawn until it is given again, whatever forms
// are submitted.
func TestConsentWithdrawn(t *testing.T) {
	t.Parallel()
	for _, mode := range []selfservice.ConsentMode{selfservice.ConsentRecorded, selfservice.ConsentRequired} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			h := newEnv(t, withProof("face,phone"), withConsent(mode))
			c := h.citizen()
			p := h.logIn(c)
			p.agree(selfservice.PurposeLink, selfservice.PurposeFace, selfservice.PurposePhone)
			p.show(h.payload(c, "")).want(t, "OK")
			if p.proven() == "" {
				t.Error("no phone is bound")
			}
			p.withdraw(selfservice.PurposePhone).want(t, "OK")
			if p.proven() != "" {
				t.Error("the phone is kept after its consent was withdrawn")
			}
			if r := p.show(h.payload(c, "")).want(t, "CONSENT_REQUIRED"); r.asked() != selfservice.PurposePhone {
				t.Errorf("asked %s", r.Raw)
			}
			id, _ := p.awaitFace(c)
			first := p.withdraw(selfservice.PurposeFace).want(t, "OK")
			if first.get(t, "state") != "withdrawn" || first.get(t, "withdrawn_at") == nil || first.get(t, "given_at") == nil {
				t.Errorf("withdrawn: %s", first.Raw)
			}
			if again := p.withdraw(selfservice.PurposeFace).want(t, "OK"); string(again.Data) != string(first.Data) {
				t.Errorf("again %s, first %s", again.Data, first.Data)
			}
			if r := p.confirmLink(id).want(t, "CONSENT_REQUIRED"); r.asked() != selfservice.PurposeFace {
				t.Errorf("asked %s", r.Raw)
			}
			p.post("/v1/link", c.linkBody()).want(t, "CONSENT_REQUIRED")
			h.logIn(c).post("/v1/link", c.linkBody()).want(t, "CONSENT_REQUIRED") // in every session
			p.agree(selfservice.PurposeFace)
			p.confirmLink(id).want(t, "OK")
			p.withdraw(selfservice.PurposeLink).want(t, "CONSENT_IN_USE")
			p.post("/v1/link/remove", m{"password": c.Password}).want(t, "OK")
			p.withdraw(selfservice.PurposeLink).want(t, "OK")
			p.post("/v1/link", c.linkBody()).want(t, "CONSENT_REQUIRED")
			if n := h.count(`SELECT count(*) FROM consents WHERE purpose = 'face'`); n != 2 {
				t.Errorf("%d consents to the face are on record, want the withdrawn one and the new one", n)
			}
		})
	}
}

// A new version of a text requires a new consent, and the old version can no longer be given.
func TestConsentOutdated(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withConsent(selfservice.ConsentRequired))
	c := h.citizen()
	p := h.logIn(c)
	p.agree(selfservice.PurposeLink, selfservice.PurposeCertdoc)
	newer := withVersion(t, selfservice.PurposeCertdoc, "2026-03")
	h.restart(withConsent(selfservice.ConsentRequired), newer)
	p.url = h.url
	if _, states, _ := p.consents(); states[selfservice.PurposeCertdoc] != "outdated" || states[selfservice.PurposeLink] != "given" {
		t.Errorf("states %v", states)
	}
	if r := p.post("/v1/link", c.linkBody()).want(t, "CONSENT_REQUIRED"); r.asked() != selfservice.PurposeCertdoc {
		t.Errorf("asked %s", r.Raw)
	}
	p.post("/v1/consents", m{"purpose": selfservice.PurposeCertdoc, "version": "1"}).want(t, "CONSENT_OUTDATED")
	p.agree(selfservice.PurposeCertdoc)
	p.agree(selfservice.PurposeCertdoc)
	p.post("/v1/link", c.linkBody()).want(t, "OK")
	if n := h.count(`SELECT count(*) FROM consents WHERE purpose = 'certdoc' AND how = 'asked'`); n != 2 {
		t.Errorf("%d consents on record, want one of each version", n)
	}

	forms := newEnv(t) // in mode recorded the next form consents to the new text
	d := forms.citizen()
	q := forms.logIn(d)
	q.post("/v1/link", withPassword(d.linkBody(), "wrong-password")).want(t, "LINK_REFUSED")
	forms.restart(newer)
	q.url = forms.url
	q.post("/v1/link", d.linkBody()).want(t, "OK")
	if _, states, _ := q.consents(); states[selfservice.PurposeCertdoc] != "given" {
		t.Errorf("states %v", states)
	}
}

// A citizen who has withdrawn the consent to messages gets none, and replies say so, until they
// give it again. Other citizens get theirs.
func TestMessagesWithdrawn(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c, other := h.citizen(), h.citizen()
	p := h.linkedClient(c)
	if r := p.withdraw(selfservice.PurposeMessage).want(t, "OK"); r.get(t, "state") != "withdrawn" || r.get(t, "given_at") != nil { // declined before it was given
		t.Errorf("refused: %s", r.Raw)
	}
	p.subscribe()
	h.exec(`DELETE FROM outbox`)
	h.linkedClient(other)
	for i, want := range []bool{false, true} {
		c.Password = []string{c.Password, "Copper-Kettle-77"}[i]
		r := p.post(p.openChange(c)+"/confirm", twice([]string{"Copper-Kettle-77", "Copper-Kettle-78"}[i])).want(t, "OK")
		if r.get(t, "notified") != want {
			t.Errorf("notified %v, want %v", r.get(t, "notified"), want)
		}
		if n := h.count(`SELECT count(*) FROM outbox`); n != i+1 { // the other's link, then this citizen's change
			t.Errorf("%d notices, want %d", n, i+1)
		}
		p.agree(selfservice.PurposeMessage)
	}
}

// Consents belong to one Alipay user, and fifty concurrent requests record one consent.
func TestConsentIsOnes(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withConsent(selfservice.ConsentRequired))
	p, q := h.logIn(h.citizen()), h.logIn(h.citizen())
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { p.post("/v1/consents", m{"purpose": selfservice.PurposeLink, "version": "1"}).want(t, "OK") })
	}
	wg.Wait()
	if _, states, _ := p.consents(); states[selfservice.PurposeLink] != "given" {
		t.Errorf("states %v", states)
	}
	if _, states, _ := q.consents(); states[selfservice.PurposeLink] != "none" {
		t.Errorf("another user's states %v", states)
	}
	q.withdraw(selfservice.PurposeLink).want(t, "OK")
	if _, states, _ := p.consents(); states[selfservice.PurposeLink] != "given" {
		t.Errorf("withdrawn by another user: %v", states)
	}
}

// Texts are accepted or rejected as a whole.
func TestParseConsents(t *testing.T) {
	t.Parallel()
	texts := slices.Clone(alipay.DefaultConsents())
	good, err := json.Marshal(texts)
	must(t, err)
	for _, tt := range []struct{ name, raw string }{
		{"not JSON", "{"}, {"an object", "{}"}, {"empty", "[]"},
		{"unknown purpose", strings.Replace(string(good), `"face"`, `"sms"`, 1)},
		{"twice", strings.Replace(string(good), `"face"`, `"phone"`, 1)},
		{"no version", strings.Replace(string(good), `"version":"1"`, `"version":""`, 1)},
		{"long version", strings.Replace(string(good), `"version":"1"`, `"version":"`+strings.Repeat("1", 33)+`"`, 1)},
		{"unknown provider", strings.Replace(string(good), `"purpose":"face"`, `"provider":"wechat","purpose":"face"`, 1)},
		{"no purpose of the centre's users", strings.Replace(string(good), `[`, `[{"provider":"centre","purpose":"face","version":"1","text":"a"},`, 1)},
		{"unknown key", strings.Replace(string(good), `"version"`, `"versions"`, 1)},
	} {
		if _, err := selfservice.ParseConsents([]byte(tt.raw)); err == nil {
			t.Errorf("%s was accepted", tt.name)
		}
	}
	own := strings.Replace(string(good), `[`, `[{"provider":"centre","purpose":"message","version":"1","text":"a"},`, 1)
	for _, raw := range []string{string(good), own} {
		if _, err := selfservice.ParseConsents([]byte(raw)); err != nil {
			t.Error(err)
		}
	}
	h := newEnv(t)
	if _, err := New(Config{DB: h.db, Alipay: h.server.Alipay, Policy: h.server.Policy, Hasher: h.server.Hasher, Proof: selfservice.ProofNone, Consent: "asked"}); err == nil {
		t.Error("an unknown mode was accepted")
	}
}
