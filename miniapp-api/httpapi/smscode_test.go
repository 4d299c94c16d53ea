package httpapi_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

var bySMS = m{"proof": "sms"}

// smsCode returns the code of the one SMS that is due, and sends it.
func (h *env) smsCode() string {
	h.t.Helper()
	due := h.dueSMS()
	if len(due) != 1 {
		h.t.Fatalf("%d SMS are due, want one", len(due))
	}
	n, err := h.db.Outbox().Notice(due[0])
	must(h.t, err)
	must(h.t, h.db.Outbox().SentSMS(h.t.Context(), due[0]))
	return n.Code
}

func (h *env) dueSMS() []store.Delivery {
	h.t.Helper()
	due, _, err := h.db.Outbox().DueSMS(h.t.Context(), 100, store.MediumSMS)
	must(h.t, err)
	return due
}

func (r reply) offersSMS(t *testing.T) bool {
	t.Helper()
	var p struct {
		Offered bool `json:"sms_offered"`
	}
	must(t, json.Unmarshal([]byte(r.Raw), &p))
	return p.Offered
}

// otherCode returns a code of six digits that is not the given one.
func otherCode(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

// resetBySMS opens a reset by SMS at a centre that sends them, and returns its path.
func (h *env) resetBySMS(c citizen) (*client, string) {
	h.t.Helper()
	h.restart(withSMS)
	p := h.linkedClient(c)
	return p, "/v1/password/resets/" + p.post("/v1/password/resets", bySMS).want(h.t, "OK").get(h.t, "id").(string)
}

// A linked owner resets a forgotten password without a face: with a code sent to the phone on
// file, of which the reply shows five digits.
func TestResetBySMS(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withSMS)
	c := h.citizen()
	p := h.linkedClient(c)
	if p.get("/v1/password").want(t, "OK").get(t, "sms_reset_offered") != true {
		t.Error("not offered")
	}
	r := p.post("/v1/password/resets", bySMS).want(t, "OK")
	if r.get(t, "phone") != c.Phone[:3]+"******"+c.Phone[9:] || r.get(t, "state") != "started" {
		t.Errorf("got %s", r.Raw)
	}
	path, code := "/v1/password/resets/"+r.get(t, "id").(string), h.smsCode()
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "IDENTITY_NOT_PROVEN")
	if p.get(path).want(t, "OK").get(t, "state") != "started" {
		t.Error("not started")
	}
	wrong := p.post(path+"/code", m{"code": otherCode(code)}).want(t, "SMS_CODE_WRONG")
	if wrong.Message != "验证码不正确，还可以试2次" {
		t.Errorf("got %s", wrong.Raw)
	}
	for range 2 { // a repeated request gets the same answer
		passed := p.post(path+"/code", m{"code": code}).want(t, "OK")
		if passed.get(t, "state") != "passed" {
			t.Errorf("got %s", passed.Raw)
		}
	}
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	c.Password = "Copper-Kettle-77"
	p.openChange(c)
}

// A code is for the reset, in the session that opened it.
func TestResetCodeOfAnotherSession(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withSMS)
	c := h.citizen()
	p, twin := h.linkedClient(c), h.logIn(c)
	path := "/v1/password/resets/" + p.post("/v1/password/resets", bySMS).want(t, "OK").get(t, "id").(string)
	code := h.smsCode()
	twin.post(path+"/code", m{"code": code}).want(t, "RESET_GONE")
	h.linkedClient(h.citizen()).post(path+"/code", m{"code": code}).want(t, "RESET_GONE")
	certify, _ := h.linkedClient(h.citizen()).openReset()
	p.post(certify+"/code", m{"code": code}).want(t, "RESET_GONE")
	p.post(path+"/code", m{"code": code}).want(t, "OK")
}

// A code of a link passes no reset, although it is the same person and session.
func TestCodeOfAnotherPurpose(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withSMS, withProof(selfservice.ProofSMS))
	c := h.citizen()
	p := h.logIn(c)
	pending := p.post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_REQUIRED").pending(t).ID.String()
	link := h.smsCode()
	recovery, reset := "", link
	for reset == link { // one code in a million is the same
		h.clock.Advance(store.SMSCodeInterval)
		recovery = p.post("/v1/password/recoveries", c.recoveryBySMS()).want(t, "OK").get(t, "id").(string)
		reset = h.smsCode()
	}
	p.post("/v1/password/recoveries/"+recovery+"/code", m{"code": link}).want(t, "SMS_CODE_WRONG")
	p.post("/v1/link/"+pending+"/confirm", m{"code": reset}).want(t, "LINK_GONE") // replaced by the recovery
	p.post("/v1/password/recoveries/"+recovery+"/code", m{"code": reset}).want(t, "OK")
}

// Once the phone on file has changed, the code proves nothing.
func TestPhoneChangedBeforeUse(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withSMS)
	c := h.citizen()
	p := h.linkedClient(c)
	path := "/v1/password/resets/" + p.post("/v1/password/resets", bySMS).want(t, "OK").get(t, "id").(string)
	code := h.smsCode()
	c.Phone = "19811112222"
	h.deposit(c)
	p.post(path+"/code", m{"code": code}).want(t, "SMS_CODE_GONE")
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "IDENTITY_NOT_PROVEN")
}

// What a citizen cannot do by SMS is refused before anything is sent, and leaves what was open.
func TestResetBySMSRefused(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withSMS)
	c := h.citizen()
	p := h.linkedClient(c)
	for _, body := range []m{{"proof": "phone"}, {"proof": "SMS"}, {"proof": "sms", "code": "3141592653"}} {
		p.post("/v1/password/resets", body).want(t, "BAD_REQUEST")
	}
	path := "/v1/password/resets/" + p.post("/v1/password/resets", bySMS).want(t, "OK").get(t, "id").(string)
	code := h.smsCode()
	soon := p.post("/v1/password/resets", bySMS).want(t, "SMS_CODE_LIMIT")
	if soon.Message == entry(t, "SMS_CODE_LIMIT").Message {
		t.Errorf("got %s", soon.Raw)
	}
	for _, bad := range []string{"", "12345", "abcdef"} {
		p.post(path+"/code", m{"code": bad}).want(t, "BAD_REQUEST")
	}
	p.post(path+"/code", m{"code": code}).want(t, "OK")

	family := h.citizen(func(o *citizen) { o.Phone = c.Phone })
	h.linkedClient(family).post("/v1/password/resets", bySMS).want(t, "NO_PHONE_ON_FILE")
	h.restart() // a centre that sends no SMS
	h.linkedClient(h.citizen()).post("/v1/password/resets", bySMS).want(t, "RESET_UNAVAILABLE")
	if due := h.dueSMS(); len(due) != 0 {
		t.Errorf("%d SMS", len(due))
	}
}

// Where no face can be verified, the reply says that a code is possible.
func TestSMSOfferedInsteadOfFace(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withSMS)
	passport := func(c *citizen) { c.IDType, c.IDNumber = "03", fmt.Sprintf("E%08d", citizens.Load()) }
	r := h.linkedClient(h.citizen(passport)).post("/v1/password/resets", m{}).want(t, "RESET_UNAVAILABLE")
	if !r.offersSMS(t) || r.Message != "暂不支持刷脸重置密码，可改用短信验证码，或到柜台办理" {
		t.Errorf("got %s", r.Raw)
	}
	r = h.linkedClient(h.citizen(passport, func(c *citizen) { c.Phone = "" })).post("/v1/password/resets", m{}).want(t, "RESET_UNAVAILABLE")
	if r.offersSMS(t) || r.Message != entry(t, "RESET_UNAVAILABLE").Message {
		t.Errorf("got %s", r.Raw)
	}
}

func (c citizen) recoveryBySMS() m {
	body := c.recoveryBody()
	body["proof"] = "sms"
	return body
}

// A citizen without a link who forgot the password gets one with a code. Until the code is
// right, the replies are those of a person whom the centre does not know.
func TestRecoveryBySMS(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withSMS)
	c := h.citizen()
	noPhone := h.citizen(func(c *citizen) { c.Phone = "" })
	misnamed := c
	misnamed.Name = "欧阳试测"
	unknown := c
	unknown.IDNumber = idNumber("19900307", 999)
	for name, who := range map[string]citizen{"unknown": unknown, "no phone": noPhone} {
		p := h.logIn(h.citizen())
		r := p.post("/v1/password/recoveries", who.recoveryBySMS()).want(t, "OK")
		if r.get(t, "phone") != nil {
			t.Errorf("%s: a phone in %s", name, r.Raw)
		}
		path := "/v1/password/recoveries/" + r.get(t, "id").(string)
		for left := 2; left >= 0; left-- {
			wrong := p.post(path+"/code", m{"code": fmt.Sprintf("%06d", left)}).want(t, "SMS_CODE_WRONG")
			if wrong.Remaining == nil || *wrong.Remaining != left {
				t.Errorf("%s: %s", name, wrong.Raw)
			}
		}
		p.post(path+"/code", m{"code": "000000"}).want(t, "SMS_CODE_GONE")
		p.post("/v1/password/recoveries", who.recoveryBySMS()).want(t, "SMS_CODE_LIMIT")
	}
	if due := h.dueSMS(); len(due) != 0 {
		t.Errorf("%d SMS", len(due))
	}
	p := h.logIn(c)
	p.post("/v1/password/recoveries", misnamed.recoveryBySMS()).want(t, "OK")
	if due := h.dueSMS(); len(due) != 0 {
		t.Error("sent although the name is wrong")
	}
	h.clock.Advance(store.SMSCodeInterval)
	path := "/v1/password/recoveries/" + p.post("/v1/password/recoveries", c.recoveryBySMS()).want(t, "OK").get(t, "id").(string)
	code := h.smsCode()
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "IDENTITY_NOT_PROVEN")
	p.post(path+"/code", m{"code": otherCode(code)}).want(t, "SMS_CODE_WRONG")
	if r := p.post(path+"/code", m{"code": code}).want(t, "OK"); r.get(t, "state") != "passed" {
		t.Errorf("got %s", r.Raw)
	}
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	c.Password = "Copper-Kettle-77"
	p.openChange(c)
}

// Strangers who name a person use up three of the codes of the day and leave two for the owner.
func TestStrangersLeaveCodes(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withSMS)
	c := h.citizen()
	owner := h.linkedClient(c)
	for i := range 5 {
		want := "OK"
		if i >= 3 {
			want = "SMS_CODE_LIMIT"
		}
		h.logIn(h.citizen()).post("/v1/password/recoveries", c.recoveryBySMS()).want(t, want)
		h.clock.Advance(store.SMSCodeInterval)
	}
	owner.post("/v1/password/resets", bySMS).want(t, "OK")
}

// A link is proven by a code, even with an initial password, by the user who has the phone.
func TestLinkBySMS(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withSMS, withProof(selfservice.ProofSMS))
	for name, change := range map[string]func(*citizen){
		"set":     func(*citizen) {},
		"initial": func(c *citizen) { c.InitialRule, c.Password = "id-last6", c.IDNumber[12:] },
	} {
		c := h.citizen(change)
		p := h.logIn(c)
		r := p.post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_REQUIRED")
		pending := r.pending(t)
		if pending.Phone != c.Phone[:3]+"******"+c.Phone[9:] || pending.CertifyURL != "" {
			t.Errorf("%s: %s", name, r.Raw)
		}
		path, code := "/v1/link/"+pending.ID.String()+"/confirm", h.smsCode()
		p.post(path, m{}).want(t, "BAD_REQUEST")
		p.post(path, m{"code": otherCode(code)}).want(t, "SMS_CODE_WRONG")
		h.logIn(c).post(path, m{"code": code}).want(t, "LINK_GONE")
		p.post(path, m{"code": code}).want(t, "OK")
		p.get("/v1/link").want(t, "OK")
	}
	family := h.citizen()
	shared := h.citizen(func(c *citizen) { c.Phone = family.Phone })
	h.logIn(shared).post("/v1/link", shared.linkBody()).want(t, "LINK_REFUSED") // as a wrong password
	h.logIn(family).post("/v1/link", withPassword(family.linkBody(), "wrong")).want(t, "LINK_REFUSED")
	if due := h.dueSMS(); len(due) != 0 {
		t.Errorf("%d SMS", len(due))
	}
}

// Beside a face, a code is sent only if the citizen chooses it, and if its limit is reached the
// others are offered.
func TestLinkProofChosen(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withSMS, withProof("face,sms"))
	c := h.citizen()
	p := h.logIn(c)
	r := p.post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_REQUIRED")
	if r.asked() != "face,sms" || len(h.dueSMS()) != 0 {
		t.Errorf("got %s", r.Raw)
	}
	body := c.linkBody()
	body["proof"] = "sms"
	r = p.post("/v1/link", body).want(t, "LINK_PROOF_REQUIRED")
	p.post("/v1/link", body).want(t, "SMS_CODE_LIMIT")
	p.post("/v1/link/"+r.pending(t).ID.String()+"/confirm", m{"code": h.smsCode()}).want(t, "OK")

	h.restart(withSMS, withProof("sms,face"))
	d := h.citizen()
	q := h.logIn(d)
	q.post("/v1/link", d.linkBody()).want(t, "LINK_PROOF_REQUIRED")
	r = q.post("/v1/link", d.linkBody()).want(t, "LINK_PROOF_REQUIRED")
	if r.asked() != "face" {
		t.Errorf("got %s", r.Raw)
	}
}

// A transfer is proven by a code as by a face.
func TestTransferBySMS(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withSMS, withProof(selfservice.ProofSMS), withTransfer(time.Hour))
	c := h.citizen()
	link := func(p *client, body m) reply {
		r := p.post("/v1/link", body).want(t, "LINK_PROOF_REQUIRED")
		code := h.smsCode()
		h.clock.Advance(store.SMSCodeInterval)
		return p.post("/v1/link/"+r.pending(t).ID.String()+"/confirm", m{"code": code})
	}
	link(h.logIn(c), c.linkBody()).want(t, "OK")
	next := h.logIn(h.newAlipay(c))
	link(next, c.linkBody()).want(t, "ALREADY_LINKED")
	link(next, c.transferBody()).want(t, "TRANSFER_WAITING")
}
