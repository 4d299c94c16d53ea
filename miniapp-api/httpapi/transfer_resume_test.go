package httpapi_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/selfservice"
)

// A resumed is a citizen with two accounts, of which the first is linked to one Alipay user.
// The citizen requests the link with another Alipay user, by face.
type resumed struct {
	*env
	first, second, next citizen
	requester           *client
}

func resuming(t *testing.T) resumed {
	h := newEnv(t, withProof(selfservice.ProofFace), withTransfer(time.Hour))
	c := h.citizen()
	holder, next := h.logIn(c), h.newAlipay(c)
	id, _ := holder.awaitFace(c)
	holder.confirmLink(id).want(t, "OK")
	second := h.second(c, func(d *citizen) { d.AccountNo, d.Password = "66"+c.AccountNo[2:], "Second-Lantern-5" })
	return resumed{h, c, second, next, h.logIn(next)}
}

// request returns the form for an account after a face verification.
func (r resumed) request(c citizen, face string) m { return with(c.transferBody(), "face_id", face) }

// A repeated request whose answer was lost continues with the transfer that it requested.
// It ignores another transfer of the same Alipay user: of another account, or if its own
// face proof is gone.
func TestTransferResumesItsOwn(t *testing.T) {
	t.Parallel()
	t.Run("its own", func(t *testing.T) {
		t.Parallel()
		r := resuming(t)
		body := r.request(r.first, r.requester.showFaceFirst(r.first))
		transfer, _ := r.requester.post("/v1/link", body, key("own")).want(t, "TRANSFER_WAITING").transferOf(t)
		r.loseReply("own")
		again, _ := r.requester.post("/v1/link", body, key("own")).want(t, "TRANSFER_WAITING").transferOf(t)
		if again.ID != transfer.ID {
			t.Errorf("resumes %v, has requested %v", again.ID, transfer.ID)
		}
	})
	t.Run("the face of no session of theirs", func(t *testing.T) {
		t.Parallel()
		r := resuming(t)
		face := r.requester.showFaceFirst(r.second)
		r.requester.post("/v1/link", r.request(r.second, face)).want(t, "TRANSFER_WAITING")
		other := r.logIn(r.next)
		for k, face := range map[string]string{"another session's": face, "nobody's": uuid.NewString()} {
			body := withPassword(r.request(r.first, face), "wrong-password")
			other.post("/v1/link", body, key(k)).want(t, "LINK_GONE")
			r.loseReply(k)
			other.post("/v1/link", body, key(k)).want(t, "LINK_GONE")
		}
	})
	t.Run("another account, face first", func(t *testing.T) {
		t.Parallel()
		r := resuming(t)
		body := r.request(r.first, r.requester.showFaceFirst(r.first))
		r.requester.post("/v1/link", body, key("first")).want(t, "TRANSFER_WAITING")
		r.requester.post("/v1/link", r.request(r.second, r.requester.showFaceFirst(r.second))).want(t, "TRANSFER_WAITING")
		r.loseReply("first")
		r.requester.post("/v1/link", body, key("first")).want(t, "LINK_GONE")
	})
	t.Run("another account, password first", func(t *testing.T) {
		t.Parallel()
		r := resuming(t)
		id := r.requester.post("/v1/link", r.first.transferBody()).want(t, "LINK_PROOF_REQUIRED").pending(t).ID.String()
		r.requester.confirmLink(id, key("first")).want(t, "TRANSFER_WAITING")
		r.requester.post("/v1/link", r.request(r.second, r.requester.showFaceFirst(r.second))).want(t, "TRANSFER_WAITING")
		r.loseReply("first")
		r.requester.confirmLink(id, key("first")).want(t, "LINK_GONE")
	})
}
