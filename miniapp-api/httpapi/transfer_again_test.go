package httpapi_test

import (
	"testing"
	"time"

	"fundpass/miniapp-api/selfservice"
)

// A repeat after a lost answer does not complete a transfer whose consent was withdrawn.
func TestTransferAgainNeedsConsent(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace), withTransfer(10*time.Minute))
	c := h.citizen()
	first := h.logIn(c)
	id, _ := first.awaitFace(c)
	first.confirmLink(id).want(t, "OK")
	requester := h.logIn(h.newAlipay(c))
	pending := requester.post("/v1/link", c.transferBody()).want(t, "LINK_PROOF_REQUIRED").pending(t)
	key := header{"Idempotency-Key", "confirm"}
	requester.confirmLink(pending.ID.String(), key).want(t, "TRANSFER_WAITING")
	requester.post("/v1/consents/withdraw", m{"purpose": selfservice.PurposeLink}).want(t, "OK")
	h.exec(`UPDATE idempotency_records SET status = NULL, sealed_reply = NULL, lease_until = now() - interval '1 minute'`)
	h.clock.Advance(11 * time.Minute)
	requester.confirmLink(pending.ID.String(), key).want(t, "CONSENT_REQUIRED")
	first.get("/v1/link").want(t, "OK")
}
