package httpapi_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A password alone does not transfer a link, nor does any proof at a centre that offers no
// transfers. A reset code always does, at once.
func TestTransferNotOffered(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]envOption{
		"off": func(*Config) {},
		"password only": func(c *Config) {
			c.Proof, c.Transfer = selfservice.ProofNone, selfservice.TransferPolicy{Offered: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newEnv(t, option)
			c := h.citizen()
			holder, requester := h.linkedClient(c), h.logIn(h.newAlipay(c))
			for _, body := range []m{c.linkBody(), c.transferBody()} {
				if _, offered := requester.post("/v1/link", body).want(t, "ALREADY_LINKED").transferOf(t); offered {
					t.Error("offered")
				}
			}
			holder.get("/v1/link").want(t, "OK")
			h.issue(c, "1234567890")
			body := c.transferBody()
			delete(body, "password")
			requester.post("/v1/link", with(body, "reset_code", "1234567890")).want(t, "OK")
			holder.get("/v1/link").want(t, "SESSION_EXPIRED")
		})
	}
}

// A stranger gets the same reply for a person with a link, with a waiting transfer and for an
// unknown person.
func TestTransferRefusalsLookAlike(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(0))
	c := h.citizen()
	h.linkedClient(c)
	stranger := h.logIn(h.citizen())
	look := ""
	for name, body := range map[string]m{
		"right":    c.transferBody(),
		"wrong":    withPassword(c.transferBody(), "wrong-password"),
		"unlinked": h.citizen().transferBody(),
		"link":     c.linkBody(),
	} {
		got := requestPart.ReplaceAllString(stranger.post("/v1/link", body).want(t, "LINK_REFUSED").Raw, "")
		if look == "" {
			look = got
		} else if got != look {
			t.Errorf("%s looks different:\n%s\n%s", name, got, look)
		}
	}
}

// Only the requester and the holder can act on a transfer; a third user has to wait.
func TestTransferIsTheirs(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(24*time.Hour))
	r := h.transferring()
	other, third := h.transferring(), h.logIn(h.newAlipay(r.c))
	third.post("/v1/link", r.c.transferBody()).want(t, "ALREADY_LINKED")
	third.sees("", "")
	for name, p := range map[string]*client{"holder": r.holder, "other's holder": other.holder, "other": other.requester, "third": third} {
		for _, step := range []string{"/confirm", "/cancel"} {
			if got := p.post(r.path+step, m{}).Code; got != "TRANSFER_GONE" {
				t.Errorf("%s, %s: %s", name, step, got)
			}
		}
		if got := p.post(r.path+"/reject", m{}).Code; name != "holder" && got != "TRANSFER_GONE" && got != "NOT_LINKED" {
			t.Errorf("%s rejects: %s", name, got)
		}
	}
	r.requester.sees("rejected", "") // only the holder can reject
	other.requester.sees("waiting", "")
	third.post("/v1/link", r.c.transferBody()).want(t, "TRANSFER_REJECTED") // a rejection applies to the person
}

// At most three transfers a day can be requested.
func TestTransferLimit(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(24*time.Hour))
	r := h.transferring()
	for range transfersADay - 1 {
		r.requester.post(r.path+"/cancel", m{}).want(t, "OK")
		waiting, _ := r.requester.post("/v1/link", r.c.transferBody()).want(t, "TRANSFER_WAITING").transferOf(t)
		r.path = "/v1/link-transfers/" + waiting.ID.String()
	}
	r.requester.post(r.path+"/cancel", m{}).want(t, "OK")
	if got := r.requester.post("/v1/link", r.c.transferBody()).want(t, "TRANSFER_LIMIT"); got.Retry <= 0 {
		t.Errorf("no retry_after: %s", got.Raw)
	}
	r.ripen()
	r.requester.post("/v1/link", r.c.transferBody()).want(t, "TRANSFER_WAITING")
}

// A face transfers a link as certdoc does, and a repeat after a lost answer continues.
func TestTransferByFace(t *testing.T) {
	t.Parallel()
	for _, window := range []time.Duration{0, 24 * time.Hour} {
		t.Run(window.String(), func(t *testing.T) {
			t.Parallel()
			h := newEnv(t, withProof(selfservice.ProofFace), withTransfer(window))
			c := h.citizen()
			first := h.logIn(c)
			id, _ := first.awaitFace(c)
			first.confirmLink(id).want(t, "OK")
			requester := h.logIn(h.newAlipay(c))
			id, _ = requester.awaitFace(c)
			if _, offered := requester.confirmLink(id).want(t, "ALREADY_LINKED").transferOf(t); !offered {
				t.Error("not offered")
			}
			pending := requester.post("/v1/link", c.transferBody()).want(t, "LINK_PROOF_REQUIRED").pending(t)
			want := "TRANSFER_WAITING"
			key := header{"Idempotency-Key", "confirm"}
			got := requester.confirmLink(pending.ID.String(), key).want(t, want)
			h.exec(`UPDATE idempotency_records SET status = NULL, sealed_reply = NULL, lease_until = now() - interval '1 minute'`)
			again := requester.confirmLink(pending.ID.String(), key).want(t, want)
			if a, _ := got.transferOf(t); a != nil {
				if b, _ := again.transferOf(t); a.ID != b.ID {
					t.Errorf("continued with another verification: %s", again.Raw)
				}
			}
			requester.confirmLink(pending.ID.String()).want(t, "LINK_GONE")
			if n := h.count(`SELECT coalesce(sum(attempts), 0) FROM lockouts`); n != 0 {
				t.Errorf("%d attempts are still charged", n)
			}
		})
	}
}

// A reset code links and transfers with a frozen password, whoever froze it, with a face if the
// centre requires one. The following reset ends the freeze.
func TestCodeOnFrozenPassword(t *testing.T) {
	t.Parallel()
	for _, proof := range []selfservice.Proof{selfservice.ProofCertdoc, selfservice.ProofFace} {
		t.Run(string(proof), func(t *testing.T) {
			t.Parallel()
			h := newEnv(t, withProof(proof), withTransfer(24*time.Hour))
			c := h.citizen()
			holder := h.logIn(c)
			link := func(p *client, body m) {
				t.Helper()
				r := p.post("/v1/link", body)
				if pending := r.pending(t); pending != nil {
					r = p.confirmLink(pending.ID.String())
				}
				r.want(t, "OK")
			}
			link(holder, c.linkBody())
			holder.post("/v1/freeze", m{}).want(t, "OK")
			requester := h.logIn(h.newAlipay(c))
			h.issue(c, "1234567890")
			body := with(c.transferBody(), "reset_code", "1234567890")
			delete(body, "password")
			link(requester, body)
			h.logIn(c).get("/v1/link").want(t, "NOT_LINKED")
			reset := requester.post("/v1/password/resets", m{"code": "1234567890"}).want(t, "OK").get(t, "id").(string)
			requester.post("/v1/password/resets/"+reset+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
		})
	}
}

// Of fifty new Alipay accounts of one person, over two processes, one gets the link.
func TestTransferRace(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(0))
	urls := []string{h.url, h.listen(h.newServer(withTransfer(0)))}
	c := h.citizen()
	h.linkedClient(c)
	codes := make([]string, 50)
	clients := make([]*client, len(codes))
	for i := range clients {
		clients[i] = h.logIn(h.newAlipay(c))
		clients[i].url = urls[i%2]
	}
	var wg sync.WaitGroup
	for i, p := range clients {
		wg.Go(func() {
			for codes[i] = "BUSY"; codes[i] == "BUSY"; { // nothing done, or only a part
				codes[i] = p.takeOver(c)
			}
		})
	}
	wg.Wait()
	linked := 0
	for _, p := range clients {
		if p.get("/v1/link").Code == "OK" {
			linked++
		}
	}
	if n := h.count(`SELECT count(*) FROM links`); n != 1 || linked != 1 {
		t.Errorf("%d links, %d sessions linked: %v", n, linked, codes)
	}
	taken, done := h.count(`SELECT count(*) FROM events WHERE kind = $1`, store.EventLinkTransferred), h.count(`SELECT count(*) FROM link_transfers WHERE state = 'done'`)
	if made := h.count(`SELECT count(*) FROM events WHERE kind = $1`, store.EventLinked); taken != done || made != taken+1 {
		t.Errorf("%d taken over, %d done, %d links made", taken, done, made)
	}
	if slices.Contains(codes, "INTERNAL") {
		t.Errorf("answers %v: %s", codes, h.logs)
	}
}
