package httpapi_test

import (
	"strings"
	"testing"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// sharing gives a citizen the phone number of another.
func sharing(with citizen) func(*citizen) {
	return func(c *citizen) { c.Phone = with.Phone }
}

// A number on file for several persons proves none of them; the other accepted proofs still
// work. A second account of the same person does not count as another person.
func TestSharedPhoneProvesNobody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		proof            selfservice.Proof
		certified, shown bool   // by Alipay; the phone in this session
		shared, own      string // the codes with a shared number and with an own number
	}{
		{"phone", false, true, "LINK_REFUSED", "OK"},
		{"phone", false, false, "LINK_REFUSED", "phone"}, // as without a number on file
		{"certdoc,phone", false, false, "LINK_REFUSED", "phone"},
		{"certdoc,phone", false, true, "LINK_REFUSED", "OK"},
		{"certdoc,phone", true, true, "OK", "OK"},
		{"phone,face", false, true, "face", "OK"},
		{"phone,face", false, false, "face", "phone,face"},
		{"face,phone", false, true, "face", "OK"},
	} {
		h := newEnv(t, withProof(tt.proof), withInitialProof("face"))
		certified := func(c *citizen) { c.Certified = tt.certified }
		parent, alone := h.citizen(certified), h.citizen(certified)
		h.citizen(sharing(parent)) // the child
		second := alone
		second.AccountNo += "9"
		h.deposit(second)
		for want, c := range map[*string]citizen{&tt.shared: parent, &tt.own: alone} {
			p := h.logIn(c)
			if tt.shown {
				p.show(h.payload(c, "")).want(t, "OK")
			}
			r := p.post("/v1/link", c.linkBody())
			got := r.Code
			if got == "LINK_PROOF_REQUIRED" {
				got = r.asked()
			}
			if got != *want {
				t.Errorf("%s, phone shown %v, the child's, too: %v: got %s, want %s", tt.proof, tt.shown, c.Phone == parent.Phone, got, *want)
			}
		}
	}
}

// A number on file for one person only proves that person. A number imported before phone
// digests existed proves nobody until the next import.
func TestPhoneIsOnesOwnAgain(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofPhone), withInitialProof(selfservice.ProofPhone))
	parent := h.citizen()
	child := h.citizen(sharing(parent))
	p := h.logIn(parent)
	p.show(h.payload(parent, "")).want(t, "OK")
	p.post("/v1/link", parent.linkBody()).want(t, "LINK_REFUSED")
	moved := child
	moved.Phone = "19887654321"
	h.deposit(moved)
	h.exec(`UPDATE accounts SET phone_digest = NULL WHERE account_no_digest = $1`, h.accountDigest(parent))
	p.post("/v1/link", parent.linkBody()).want(t, "LINK_REFUSED")
	h.exec(`UPDATE accounts SET row_digest = 'before' WHERE account_no_digest = $1`, h.accountDigest(parent))
	h.deposit(parent)
	p.post("/v1/link", parent.linkBody()).want(t, "OK")
}

// If the phone is the only accepted proof, it is requested from everyone before the password is
// checked. The message mentions shared numbers.
func TestSharedPhoneIsAskedForLikeAny(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofPhone), withInitialProof(selfservice.ProofPhone))
	parent, alone := h.citizen(), h.citizen()
	h.citizen(sharing(parent))
	looks := map[string]bool{}
	for _, c := range []citizen{parent, alone} {
		r := h.logIn(c).post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_REQUIRED")
		looks[requestPart.ReplaceAllString(r.Raw, "")] = true
		if !strings.Contains(r.Errors[0].Message, "家人") || !strings.Contains(r.Errors[0].Message, "柜台") {
			t.Errorf("asked: %s", r.Errors[0].Message)
		}
	}
	if len(looks) != 1 {
		t.Errorf("%d different replies", len(looks))
	}
}

// T7: a stranger with the right password or a reset code does not learn that the number is
// shared: the answer equals that to a wrong password and to an unknown person.
func TestSharedPhoneLooksLikeEveryRefusal(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofPhone), withInitialProof(selfservice.ProofPhone))
	parent := h.citizen()
	child := h.citizen(sharing(parent))
	h.issue(child, "8365017294")
	stranger := h.citizen()
	unknown := child.linkBody()
	unknown["id_number"] = idNumber("19010101", 7)
	byCode := child.linkBody()
	delete(byCode, "password")
	byCode["reset_code"] = "8365017294"
	looks := map[string]string{}
	for who, p := range map[string]*client{"parent": h.logIn(parent), "stranger": h.logIn(stranger)} {
		shown := map[string]citizen{"parent": parent, "stranger": stranger}[who]
		p.show(h.payload(shown, "")).want(t, "OK")
		for what, body := range map[string]m{
			"right": child.linkBody(), "wrong": withPassword(child.linkBody(), "wrong-password"), "unknown": unknown, "by code": byCode,
		} {
			r := p.post("/v1/link", body).want(t, "LINK_REFUSED")
			looks[requestPart.ReplaceAllString(r.Raw, "")] = who + ", " + what
		}
	}
	if len(looks) != 1 {
		t.Errorf("refusals look different: %v", looks)
	}
	if n := h.count(`SELECT attempts FROM lockouts WHERE person_digest = $1 AND scope = $2`, h.personDigest(child), store.PublicScope); n != 4 {
		t.Errorf("%d attempts charged, want 4: the right password is charged like the wrong one", n)
	}
}

// couple returns two Alipay users on one device, each with their own certificate.
func (h *env) couple() (wife, husband citizen, hers, his *client) {
	h.t.Helper()
	wife, husband = h.citizen(), h.citizen()
	return wife, husband, h.logIn(wife), h.logIn(husband)
}

// On one device husband and wife link their own accounts with their own Alipay. Neither can use
// the other's proofs, consents or open procedures.
func TestCoupleOnOneDevice(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof("face,phone"), func(c *Config) { c.Consent = selfservice.ConsentRequired })
	wife, husband, hers, his := h.couple()
	hers.agree(selfservice.PurposeLink, selfservice.PurposeFace, selfservice.PurposePhone)
	his.post("/v1/link", husband.linkBody()).want(t, "CONSENT_REQUIRED")
	his.show(h.payload(husband, "")).want(t, "CONSENT_REQUIRED")
	his.agree(selfservice.PurposeLink, selfservice.PurposeFace, selfservice.PurposePhone)

	hers.show(h.payload(wife, "")).want(t, "OK")
	his.show(h.payload(wife, "")).want(t, "PHONE_REFUSED")
	if got := his.proven(); got != "" {
		t.Errorf("her phone is bound to his session: %q", got)
	}
	id, _ := his.awaitFace(husband)
	his.show(h.payload(husband, "")).want(t, "OK")
	his.post("/v1/link", with(wife.linkBody(), "proof", "phone")).want(t, "LINK_REFUSED")
	hers.confirmLink(id).want(t, "LINK_GONE")
	hers.post("/v1/link", wife.linkBody()).want(t, "OK")
	his.get("/v1/link").want(t, "NOT_LINKED")
	his.confirmLink(id).want(t, "OK")

	his.post("/v1/link", wife.linkBody()).want(t, "ALREADY_LINKED")
	change := hers.openChange(wife)
	his.post(change+"/confirm", twice("Bright-Stone-7")).want(t, "CHANGE_GONE")
	his.withdraw(selfservice.PurposePhone).want(t, "OK")
	hers.show(h.payload(wife, "")).want(t, "OK")
	his.show(h.payload(husband, "")).want(t, "CONSENT_REQUIRED")
	his.post("/v1/sessions/end", m{}).want(t, "OK")
	hers.post(change+"/confirm", twice("Bright-Stone-7")).want(t, "OK")
}

// Each of them has their own lockout scope, which the other cannot lock.
func TestCoupleLocksApart(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	wife, husband, hers, his := h.couple()
	his.post("/v1/link", husband.linkBody()).want(t, "OK")
	wrong := func() reply {
		return his.post("/v1/password/changes", m{"id_number": husband.IDNumber, "old_password": "wrong-password"})
	}
	for range 5 {
		wrong()
	}
	wrong().want(t, "PASSWORD_LOCKED")
	other := h.citizen() // a third user of the device tries passwords for her account
	q := h.logIn(other)
	for range 7 {
		q.post("/v1/link", withPassword(wife.linkBody(), "wrong-password")).want(t, "LINK_REFUSED")
	}
	hers.post("/v1/link", wife.linkBody()).want(t, "OK")
	hers.openChange(wife)
}
