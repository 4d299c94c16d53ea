package httpapi_test

import (
	"testing"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// loseReply marks the request under a key as one whose run died before it answered.
func (h *env) loseReply(k string) {
	h.t.Helper()
	h.exec(`UPDATE idempotency_records SET status = NULL, sealed_reply = NULL, lease_until = created_at WHERE key_digest = $1`,
		h.db.Digest("idempotency key", []byte(k)))
}

// countersOf returns the number of counters of a person.
func (h *env) countersOf(c citizen) int {
	h.t.Helper()
	return h.count(`SELECT (SELECT count(*) FROM lockouts WHERE person_digest = $1)
		+ (SELECT count(*) FROM daily_counts WHERE subject_digest = $1)
		+ (SELECT count(*) FROM spraying WHERE substr($1::bytea, 1, 16) = ANY (persons))`, h.personDigest(c))
}

// A linked user who repeats a lost request for another person's document gets ALREADY_LINKED
// before a password is checked or a counter of that person is written.
func TestRetryOfAnothersDocument(t *testing.T) {
	t.Parallel()
	for _, proof := range []selfservice.Proof{selfservice.ProofNone, selfservice.ProofCertdoc, selfservice.ProofFace} {
		t.Run(string(proof), func(t *testing.T) {
			t.Parallel()
			h := newEnv(t, withProof(selfservice.ProofNone))
			thief, victim := h.citizen(), h.citizen()
			p := h.linkedClient(thief)
			h.restart(withProof(proof))
			p.url = h.url
			before := h.server.Hasher.Hashed()
			for k, body := range map[string]m{
				"wrong": withPassword(victim.linkBody(), "wrong-password"), "right": victim.linkBody(),
				"take over": with(victim.linkBody(), "transfer", true),
			} {
				p.post("/v1/link", body, key(k)).want(t, "ALREADY_LINKED")
				for range 7 {
					h.loseReply(k)
					p.post("/v1/link", body, key(k)).want(t, "ALREADY_LINKED")
				}
			}
			if n := h.countersOf(victim); n != 0 {
				t.Errorf("%d rows of the victim's counters are written, want 0", n)
			}
			if n := h.server.Hasher.Hashed() - before; n != 0 {
				t.Errorf("%d passwords were checked, want 0", n)
			}
		})
	}
}

// A repeat of the lost request that made the link returns the link. A wrong password is charged
// to the owner's own scope.
func TestRetryOfOnesOwnDocument(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone))
	c := h.citizen()
	p := h.logIn(c)
	p.post("/v1/link", c.linkBody(), key("own")).want(t, "OK")
	h.loseReply("own")
	p.post("/v1/link", c.linkBody(), key("own")).want(t, "OK")

	wrong := withPassword(c.linkBody(), "wrong-password")
	p.post("/v1/link", wrong, key("wrong")).want(t, "ALREADY_LINKED")
	h.loseReply("wrong")
	p.post("/v1/link", wrong, key("wrong")).want(t, "LINK_REFUSED")
	if n := h.count(`SELECT attempts FROM lockouts WHERE person_digest = $1 AND scope <> $2`, h.personDigest(c), store.PublicScope); n != 1 {
		t.Errorf("%d attempts charged to the owner's scope, want 1", n)
	}
}
