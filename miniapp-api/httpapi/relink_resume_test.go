package httpapi_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/selfservice"
)

// A resumed is somebody with two accounts, the first of which is linked to one Alipay user,
// who asks for the link with another one, by face.
type resumed struct {
	*house
	first, second, next citizen
	asker               *phone
}

func resuming(t *testing.T) resumed {
	h := newHouse(t, withProof(selfservice.ProofFace), withRelink(time.Hour))
	c := h.citizen()
	holder, next := h.logIn(c), h.newAlipay(c)
	id, _ := holder.awaitFace(c)
	holder.confirmLink(id).want(t, "OK")
	second := h.second(c, func(d *citizen) { d.AccountNo, d.Password = "66"+c.AccountNo[2:], "Second-Lantern-5" })
	return resumed{h, c, second, next, h.logIn(next)}
}

// asks is the form for an account after a face.
func (r resumed) asks(c citizen, face string) m { return with(c.relinkBody(), "face_id", face) }

// A repeated request whose answer was lost goes on with the wish that it has asked for.
// Another wish of the same Alipay user is none of its business: for another account, or
// where its own face is gone.
func TestRelinkResumesItsOwn(t *testing.T) {
	t.Parallel()
	t.Run("its own", func(t *testing.T) {
		t.Parallel()
		r := resuming(t)
		body := r.asks(r.first, r.asker.showFaceFirst(r.first))
		wish, _ := r.asker.post("/v1/link", body, key("own")).want(t, "RELINK_WAITING").relinkOf(t)
		r.loseReply("own")
		again, _ := r.asker.post("/v1/link", body, key("own")).want(t, "RELINK_WAITING").relinkOf(t)
		if again.ID != wish.ID {
			t.Errorf("resumes %v, has asked for %v", again.ID, wish.ID)
		}
	})
	t.Run("the face of no session of theirs", func(t *testing.T) {
		t.Parallel()
		r := resuming(t)
		face := r.asker.showFaceFirst(r.second)
		r.asker.post("/v1/link", r.asks(r.second, face)).want(t, "RELINK_WAITING")
		other := r.logIn(r.next)
		for k, face := range map[string]string{"another session's": face, "nobody's": uuid.NewString()} {
			body := withPassword(r.asks(r.first, face), "wrong-guess")
			other.post("/v1/link", body, key(k)).want(t, "LINK_GONE")
			r.loseReply(k)
			other.post("/v1/link", body, key(k)).want(t, "LINK_GONE")
		}
	})
	t.Run("another account, face first", func(t *testing.T) {
		t.Parallel()
		r := resuming(t)
		body := r.asks(r.first, r.asker.showFaceFirst(r.first))
		r.asker.post("/v1/link", body, key("first")).want(t, "RELINK_WAITING")
		r.asker.post("/v1/link", r.asks(r.second, r.asker.showFaceFirst(r.second))).want(t, "RELINK_WAITING")
		r.loseReply("first")
		r.asker.post("/v1/link", body, key("first")).want(t, "LINK_GONE")
	})
	t.Run("another account, password first", func(t *testing.T) {
		t.Parallel()
		r := resuming(t)
		id := r.asker.post("/v1/link", r.first.relinkBody()).want(t, "LINK_PROOF_REQUIRED").pending(t).ID.String()
		r.asker.confirmLink(id, key("first")).want(t, "RELINK_WAITING")
		r.asker.post("/v1/link", r.asks(r.second, r.asker.showFaceFirst(r.second))).want(t, "RELINK_WAITING")
		r.loseReply("first")
		r.asker.confirmLink(id, key("first")).want(t, "LINK_GONE")
	})
}
