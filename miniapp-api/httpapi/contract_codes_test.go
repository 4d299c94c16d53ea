package httpapi_test

import (
	"strings"
	"time"

	"fundpass/keys"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// notProvoked maps the codes that no test of this package provokes to the tests that do.
var notProvoked = map[string]string{
	"CENTER_UNKNOWN": "a server of several centres returns it; see TestRouterUnknown",
	"RESULT_UNKNOWN": "a connection must break while COMMIT runs; cmd/e2e cuts it there, through a proxy",
}

// provoked returns a reply with each code, from its own environment.
var provoked = map[string]func(h *env) reply{
	"SESSION_REQUIRED":       func(h *env) reply { return h.client().get("/v1/link") },
	"SESSION_EXPIRED":        func(h *env) reply { return h.stranger().get("/v1/link") },
	"AUTH_CODE_INVALID":      func(h *env) reply { return h.client().post("/v1/sessions", m{"auth_code": "made up"}) },
	"BAD_REQUEST":            func(h *env) reply { return h.client().post("/v1/sessions", m{"auth_code": "x", "more": 1}) },
	"NOT_FOUND":              func(h *env) reply { return h.client().get("/v1/nothing") },
	"METHOD_NOT_ALLOWED":     func(h *env) reply { return h.client().send("DELETE", "/v1/link", nil) },
	"PAYLOAD_TOO_LARGE":      func(h *env) reply { return h.client().send("POST", "/v1/sessions", tooMuch) },
	"UNSUPPORTED_MEDIA_TYPE": func(h *env) reply { return h.client().send("POST", "/v1/sessions", []byte("{}"), asText) },
	"NOT_LINKED":             func(h *env) reply { return h.logIn(h.citizen()).get("/v1/link") },
	"ALREADY_LINKED": func(h *env) reply {
		c := h.citizen()
		return h.linkedClient(c).post("/v1/link", c.linkBody())
	},
	"LINK_REFUSED": func(h *env) reply {
		c := h.citizen()
		return h.logIn(c).post("/v1/link", withPassword(c.linkBody(), "wrong"))
	},
	"LINK_PROOF_REQUIRED": func(h *env) reply {
		h.restart(withProof("certdoc,phone"))
		c := h.citizen(func(c *citizen) { c.Certified = false })
		return h.logIn(c).post("/v1/link", c.linkBody())
	},
	"LINK_PROOF_LIMIT": func(h *env) reply {
		h.restart(withProof(selfservice.ProofFace))
		c := h.citizen()
		p := h.logIn(c)
		for range linkProofsADay {
			p.post("/v1/link", c.linkBody()).want(h.t, "LINK_PROOF_REQUIRED")
		}
		return p.post("/v1/link", c.linkBody())
	},
	"LINK_GONE": func(h *env) reply {
		return h.logIn(h.citizen()).post("/v1/link/3f2b8c1e-5d64-4a7b-9c1d-2e8f6a0b4c5d/confirm", m{})
	},
	"TRANSFER_WAITING": func(h *env) reply {
		h.restart(withTransfer(time.Hour))
		r := h.transferring()
		return r.requester.post(r.path+"/confirm", m{})
	},
	"TRANSFER_REJECTED": func(h *env) reply {
		h.restart(withTransfer(time.Hour))
		r := h.transferring()
		r.holder.post(r.path+"/reject", m{}).want(h.t, "OK")
		return r.requester.post(r.path+"/confirm", m{})
	},
	"TRANSFER_LIMIT": func(h *env) reply {
		h.restart(withTransfer(time.Hour))
		r := h.transferring()
		h.exec(`UPDATE daily_counts SET count = 1000`)
		r.requester.post(r.path+"/cancel", m{}).want(h.t, "OK")
		return r.requester.post("/v1/link", r.c.transferBody())
	},
	"TRANSFER_GONE": func(h *env) reply {
		return h.logIn(h.citizen()).post("/v1/link-transfers/3f2b8c1e-5d64-4a7b-9c1d-2e8f6a0b4c5d/confirm", m{})
	},
	"NO_SUCH_ACCOUNT": func(h *env) reply {
		return h.linkedClient(h.citizen()).post("/v1/accounts/3f2b8c1e-5d64-4a7b-9c1d-2e8f6a0b4c5d/choose", m{})
	},
	"CONSENT_REQUIRED": func(h *env) reply {
		c := h.citizen()
		p := h.logIn(c)
		p.agree(selfservice.PurposeCertdoc)
		p.post("/v1/consents/withdraw", m{"purpose": selfservice.PurposeCertdoc}).want(h.t, "OK")
		return p.post("/v1/link", c.linkBody())
	},
	"CONSENT_OUTDATED": func(h *env) reply {
		return h.logIn(h.citizen()).post("/v1/consents", m{"purpose": selfservice.PurposeLink, "version": "0"})
	},
	"CONSENT_IN_USE": func(h *env) reply {
		return h.linkedClient(h.citizen()).post("/v1/consents/withdraw", m{"purpose": selfservice.PurposeLink})
	},
	"ACCOUNT_CLOSED": func(h *env) reply {
		c := h.citizen(func(c *citizen) { c.Status = store.StatusMoved })
		return h.logIn(c).post("/v1/link", c.linkBody())
	},
	"ACCOUNT_FROZEN": func(h *env) reply {
		return h.opening(h.citizen(func(c *citizen) { c.Status = store.StatusFrozen }), "")
	},
	"PASSWORD_FROZEN": func(h *env) reply {
		return h.opening(h.citizen(), `UPDATE password_credentials SET state = 'frozen'`)
	},
	"TRANSFER_UNDELIVERABLE": func(h *env) reply {
		h.restart(withTransfer(time.Hour))
		r := h.transferring()
		h.abandonAll()
		return r.requester.post(r.path+"/confirm", m{})
	},
	"PHONE_REFUSED": func(h *env) reply {
		c := h.citizen()
		return h.logIn(c).show(h.payload(c, "altered"))
	},
	"OLD_PASSWORD_WRONG": func(h *env) reply {
		c := h.citizen()
		return h.linkedClient(c).post("/v1/link/remove", m{"password": "wrong"})
	},
	"PASSWORD_LOCKED": func(h *env) reply {
		c := h.citizen()
		p := h.linkedClient(c)
		for range 5 {
			p.post("/v1/link/remove", m{"password": "wrong"})
		}
		return p.post("/v1/link/remove", m{"password": c.Password})
	},
	"CHANGE_IN_PROGRESS": func(h *env) reply {
		c := h.citizen()
		p := h.linkedClient(c)
		p.openChange(c)
		h.exec(`UPDATE changes SET identity_digest = decode(repeat('00', 32), 'hex')`) // another person's
		return p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password})
	},
	"RESET_GONE": func(h *env) reply {
		p := h.linkedClient(h.citizen())
		first, _ := p.openReset()
		p.openReset()
		return p.post(first+"/confirm", twice("Copper-Kettle-77"))
	},
	"RESET_UNAVAILABLE": func(h *env) reply {
		c := h.citizen(func(c *citizen) { c.IDType, c.IDNumber = "03", "E99123456" })
		return h.linkedClient(c).post("/v1/password/resets", m{})
	},
	"RESET_LIMIT": func(h *env) reply {
		p := h.linkedClient(h.citizen())
		for range resetsADay {
			p.openReset()
		}
		return p.post("/v1/password/resets", m{})
	},
	"RESET_CODE_WRONG": func(h *env) reply {
		return h.linkedClient(h.citizen()).post("/v1/password/resets", m{"code": testResetCode})
	},
	"SMS_CODE_WRONG": func(h *env) reply {
		p, path := h.resetBySMS(h.citizen())
		return p.post(path+"/code", m{"code": otherCode(h.smsCode())})
	},
	"SMS_CODE_GONE": func(h *env) reply {
		p, path := h.resetBySMS(h.citizen())
		h.clock.Advance(store.SMSCodeLife)
		return p.post(path+"/code", m{"code": "012345"})
	},
	"SMS_CODE_LIMIT": func(h *env) reply {
		p, _ := h.resetBySMS(h.citizen())
		for range store.SMSCodesPerDay - 1 {
			h.clock.Advance(store.SMSCodeInterval)
			p.post("/v1/password/resets", bySMS).want(h.t, "OK")
		}
		h.clock.Advance(store.SMSCodeInterval)
		return p.post("/v1/password/resets", bySMS)
	},
	"NO_PHONE_ON_FILE": func(h *env) reply {
		h.restart(withSMS)
		return h.linkedClient(h.citizen(func(c *citizen) { c.Phone = "" })).post("/v1/password/resets", bySMS)
	},
	"IDENTITY_NOT_PROVEN": func(h *env) reply {
		p := h.linkedClient(h.citizen(withStory("face_fails")))
		path, _ := p.openReset()
		return p.post(path+"/confirm", twice("Copper-Kettle-77"))
	},
	"DECRYPT_FAILED": func(h *env) reply {
		h.offerTickets()
		c := h.citizen()
		p := h.linkedClient(c)
		spent := m{"encrypted": p.ticket().seal(h.t, m{"o": "wrong"})}
		p.post("/v1/link/remove", spent)
		return p.post("/v1/link/remove", spent)
	},
	"NOT_OFFERED":       func(h *env) reply { return h.logIn(h.citizen()).post("/v1/password/tickets", m{}) },
	"CHANGE_GONE":       func(h *env) reply { return h.confirmChange(twice("Copper-Kettle-77"), "cancelled before") },
	"PASSWORD_MISMATCH": func(h *env) reply { return h.confirmChange(m{"new_password": "Copper-Kettle-77"}, "") },
	"PASSWORD_WEAK":     func(h *env) reply { return h.confirmChange(twice("123456"), "") },
	"PASSWORD_SAME":     func(h *env) reply { return h.confirmChange(nil, "") },
	"PASSWORD_REUSED": func(h *env) reply {
		c := h.citizen(func(c *citizen) { c.Password = "Copper-Kettle-76" }) // contains no phone number
		p := h.linkedClient(c)
		p.post(p.openChange(c)+"/confirm", twice("Copper-Kettle-77")).want(h.t, "OK")
		old := c.Password
		c.Password = "Copper-Kettle-77"
		return p.post(p.openChange(c)+"/confirm", twice(old))
	},
	"IDEMPOTENCY_KEY_REUSED": func(h *env) reply {
		p := h.logIn(h.citizen())
		p.post("/v1/sessions/end", m{"x": 1}, header{"Idempotency-Key", "k"}).want(h.t, "BAD_REQUEST")
		return p.post("/v1/sessions/end", m{"x": 2}, header{"Idempotency-Key", "k"})
	},
	"CHANNEL_CLOSED": func(h *env) reply {
		for _, other := range []string{store.ChannelWebsite, store.ChannelHotline} {
			h.setChannel(other, func(e *store.ChannelEntry) { e.IsOn = true })
		}
		h.closeChannel(false)
		return h.client().get("/v1/password")
	},
	"TOO_MANY_REQUESTS": func(h *env) reply {
		p := h.client()
		p.url = h.listen(h.newServer(withRates(httpapi.Rate{PerSecond: 1, Burst: 1}, httpapi.Rate{1e6, 1e6})))
		p.get("/healthz")
		return p.get("/healthz")
	},
	"BUSY": func(h *env) reply {
		c := h.citizen()
		p := h.logIn(c)
		h.crowd()
		p.url = h.url
		defer h.fillHasher()()
		return p.post("/v1/link", c.linkBody())
	},
	"ALIPAY_UNAVAILABLE": func(h *env) reply {
		code, err := h.sim.AuthCode(h.citizen().Person.Person)
		must(h.t, err)
		must(h.t, h.sim.Fault("html", 1))
		return h.client().post("/v1/sessions", m{"auth_code": code})
	},
	"INTERNAL": func(h *env) reply {
		p := h.linkedClient(h.citizen())
		h.exec(`ALTER TABLE events RENAME TO events_gone`)
		return p.get("/v1/events")
	},
}

var (
	tooMuch = []byte(strings.Repeat(" ", httpapi.MaxBody+1))
	asText  = header{"Content-Type", "text/plain"}
)

// offerTickets gives the server keys for encrypted passwords.
func (h *env) offerTickets() {
	h.t.Helper()
	transport, err := keys.NewTransport(transportKeys()...)
	must(h.t, err)
	h.server.ReplaceTransport(transport)
}

func (h *env) stranger() *client {
	p := h.client()
	p.token = "made up"
	return p
}

// opening opens a change of a linked citizen after an event.
func (h *env) opening(c citizen, sql string) reply {
	p := h.linkedClient(c)
	if sql != "" {
		h.exec(sql)
	}
	return p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password})
}

// confirmChange confirms a change with body, or with the old password.
func (h *env) confirmChange(body m, cancelled string) reply {
	c := h.citizen()
	p := h.linkedClient(c)
	change := p.openChange(c)
	if cancelled != "" {
		p.post(change+"/cancel", m{})
	}
	if body == nil {
		body = twice(c.Password)
	}
	return p.post(change+"/confirm", body)
}

// crowd replaces the server with one that has a single hashing slot and no queue.
func (h *env) crowd(opts ...envOption) *product {
	h.t.Helper()
	hasher := passwd.NewHasher(passwd.HasherConfig{Pepper: h.pepper, Memory: 64, Time: 1, Threads: 1, Slots: 1, Wait: time.Nanosecond})
	h.t.Cleanup(hasher.Close)
	h.server = h.newServer(append(opts, func(c *Config) { c.Hasher = hasher })...)
	h.url = h.listen(h.server)
	return h.server
}

// fillHasher occupies the slot of a crowd until the returned function is called.
func (h *env) fillHasher() (free func()) {
	h.t.Helper()
	slot, err := h.server.Hasher.Reserve(h.t.Context(), passwd.Caller{})
	must(h.t, err)
	return slot.Release
}
