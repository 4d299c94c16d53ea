package httpapi_test

import (
	"strings"
	"testing"

	"fundpass/miniapp-api/selfservice"
)

func (c citizen) recoveryBody() m {
	return m{"name": c.Name, "id_type": c.IDType, "id_number": c.IDNumber}
}

// recover opens a recovery and returns its path.
func (p *client) recover(c citizen) string {
	p.h.t.Helper()
	r := p.post("/v1/password/recoveries", c.recoveryBody()).want(p.h.t, "OK")
	return "/v1/password/recoveries/" + r.get(p.h.t, "id").(string)
}

// A citizen who has forgotten the password and is not linked verifies the face, is linked and
// sets a new password, whatever the state of the old one.
func TestRecoverWithoutLink(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	for name, before := range map[string]func(c citizen){
		"forgotten": func(citizen) {},
		"locked": func(c citizen) {
			p := h.logIn(c)
			for range 6 {
				p.post("/v1/link", withPassword(c.linkBody(), "wrong-password"))
			}
		},
		"frozen": func(c citizen) {
			h.linkedClient(c).post("/v1/freeze", m{}).want(t, "OK")
			h.exec(`DELETE FROM links`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := h.citizen()
			before(c)
			p := h.logIn(c)
			path := p.recover(c)
			if got := p.get(path).want(t, "OK").get(t, "state"); got != "passed" {
				t.Fatalf("it is %v", got)
			}
			p.post(path+"/confirm", m{"new_password": "Copper-Kettle-77", "new_password_again": "Copper-Kettle-78"}).want(t, "PASSWORD_MISMATCH")
			p.post(path+"/confirm", twice("123456")).want(t, "PASSWORD_WEAK")
			p.post(path+"/confirm", twice(c.Password)).want(t, "PASSWORD_SAME")
			p.get("/v1/link").want(t, "NOT_LINKED")
			key := header{"Idempotency-Key", "confirm " + name}
			first := p.post(path+"/confirm", twice("Copper-Kettle-77"), key).want(t, "OK")
			if again := p.post(path+"/confirm", twice("Copper-Kettle-77"), key); again.Raw != first.Raw {
				t.Errorf("the repetition got another answer: %s", again.Raw)
			}
			h.exec(`UPDATE idempotency_records SET status = NULL, sealed_reply = NULL, lease_until = now() - interval '1 minute'`)
			p.post(path+"/confirm", twice("Copper-Kettle-77"), key).want(t, "OK") // the key of the lost answer
			p.post(path+"/confirm", twice("Copper-Kettle-79")).want(t, "RESET_GONE")
			if got := p.get("/v1/password").want(t, "OK"); got.get(t, "state") != "set" || got.get(t, "locked_until") != nil {
				t.Errorf("the password: %s", got.Raw)
			}
			if got := p.get(path).want(t, "OK").get(t, "state"); got != "done" {
				t.Errorf("it is %v", got)
			}
			c.Password = "Copper-Kettle-77"
			p.openChange(c)
		})
	}
}

// The answer has the same form for every person, and without that person's face nothing
// follows. Only the person learns that the centre has no account of them.
func TestStrangersLearnNothing(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	victim := h.citizen(withStory("face_fails"))
	unknown := h.citizen(withStory("face_fails"))
	misspelt := victim
	misspelt.Name = "欧阳别人"
	h.exec(`DELETE FROM password_credentials WHERE account_id IN (SELECT account_id FROM accounts WHERE person_digest = $1)`, h.personOf(unknown))
	h.exec(`DELETE FROM accounts WHERE person_digest = $1`, h.personOf(unknown))
	look := ""
	for name, c := range map[string]citizen{"known": victim, "unknown": unknown, "another name": misspelt} {
		p := h.logIn(h.citizen())
		opened := p.post("/v1/password/recoveries", c.recoveryBody()).want(t, "OK")
		path := "/v1/password/recoveries/" + opened.get(t, "id").(string)
		state := p.get(path).want(t, "OK")
		got := strings.Join([]string{state.get(t, "state").(string),
			p.post(path+"/confirm", twice("123456")).Code, p.post(path+"/confirm", twice("Copper-Kettle-77")).Code,
			p.post(strings.Replace(path, "password/recoveries", "link", 1)+"/confirm", m{}).Code, // it is not a pending link
		}, " ")
		if look == "" {
			look = got
		} else if got != look {
			t.Errorf("%s looks different: %s, and %s", name, got, look)
		}
	}
	if look != "started IDENTITY_NOT_PROVEN IDENTITY_NOT_PROVEN LINK_GONE" && look != "failed IDENTITY_NOT_PROVEN IDENTITY_NOT_PROVEN LINK_GONE" {
		t.Error(look)
	}
	nobody := h.citizen()
	h.exec(`DELETE FROM password_credentials WHERE account_id IN (SELECT account_id FROM accounts WHERE person_digest = $1)`, h.personOf(nobody))
	h.exec(`DELETE FROM accounts WHERE person_digest = $1`, h.personOf(nobody))
	p := h.logIn(nobody)
	path := p.recover(nobody)
	p.get(path).want(t, "LINK_REFUSED")
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "LINK_REFUSED")
}

func (h *env) personOf(c citizen) []byte {
	h.t.Helper()
	doc, err := h.documents().Parse(c.IDType, c.IDNumber)
	must(h.t, err)
	return h.db.PersonDigest(doc.Key())
}

// A recovery belongs to one session, is limited to three a day per Alipay user, and is refused
// to linked users. Strangers' starts do not reduce the person's.
func TestRecoveryIsGuarded(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	stranger := h.logIn(h.citizen())
	var path string
	for range linkProofsADay {
		path = stranger.recover(c)
	}
	if got := stranger.post("/v1/password/recoveries", c.recoveryBody()).want(t, "LINK_PROOF_LIMIT"); got.Retry <= 0 {
		t.Errorf("no retry_after: %s", got.Raw)
	}
	owner := h.logIn(c)
	owner.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
	if got := owner.get(path).want(t, "OK").get(t, "state"); got != "unknown" {
		t.Errorf("another session's is %v", got)
	}
	mine := owner.recover(c)
	holder := h.linkedClient(c)
	holder.post("/v1/password/recoveries", c.recoveryBody()).want(t, "ALREADY_LINKED")
	owner.post(mine+"/confirm", twice("Copper-Kettle-77")).want(t, "ALREADY_LINKED")
	again := h.newAlipay(c)
	other := h.logIn(again)
	taken := other.recover(c)
	other.post(taken+"/confirm", twice("Copper-Kettle-77")).want(t, "ALREADY_LINKED") // a transfer has its own procedure
	holder.get("/v1/link").want(t, "OK")

	passport := h.citizen(func(c *citizen) { c.IDType, c.IDNumber = "03", "E99123456" })
	h.logIn(passport).post("/v1/password/recoveries", passport.recoveryBody()).want(t, "RESET_UNAVAILABLE")
	off := h.listen(h.newServer(func(c *Config) { c.Reset = selfservice.ResetOff }))
	stranger.url = off
	stranger.post("/v1/password/recoveries", c.recoveryBody()).want(t, "RESET_UNAVAILABLE")
}

// A user whom Alipay has verified as the person gets PASSWORD_LOCKED, when the lock begins and
// later; a stranger gets LINK_REFUSED.
func TestProvenOwnerIsToldOfTheLock(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p, stranger := h.logIn(c), h.logIn(h.citizen())
	allowed := h.server.Policy.Lock.Attempts()[0]
	for n := range allowed {
		want := "LINK_REFUSED"
		if n == allowed-1 {
			want = "PASSWORD_LOCKED"
		}
		p.post("/v1/link", withPassword(c.linkBody(), "wrong-password")).want(t, want)
	}
	if got := p.post("/v1/link", c.linkBody()).want(t, "PASSWORD_LOCKED"); got.Retry <= 0 || !strings.Contains(got.Raw, "locked_until") {
		t.Errorf("the lock: %s", got.Raw)
	}
	looks := map[string]bool{}
	for range allowed + 1 {
		got := stranger.post("/v1/link", c.linkBody()).want(t, "LINK_REFUSED")
		looks[requestPart.ReplaceAllString(got.Raw, "")] = true
	}
	if len(looks) != 1 {
		t.Errorf("a stranger sees %d answers", len(looks))
	}
	nobody := h.citizen(func(c *citizen) { c.InitialRule = "id-last6" })
	h.exec(`DELETE FROM password_credentials WHERE account_id IN (SELECT account_id FROM accounts WHERE person_digest = $1)`, h.personOf(nobody))
	h.exec(`DELETE FROM accounts WHERE person_digest = $1`, h.personOf(nobody))
	unknown := h.logIn(nobody)
	for range allowed + 1 {
		unknown.post("/v1/link", nobody.linkBody()).want(t, "LINK_REFUSED") // whom the centre does not know is locked out of nothing
	}
}
