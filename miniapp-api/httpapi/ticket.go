package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/base64"

	"github.com/go-json-experiment/json"

	"fundpass/keys"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// sealAlgorithm is how pages seal passwords: RSA-OAEP with SHA-256 for both its
// hash and MGF1 (RFC 8017), named as in RFC 7518.
const sealAlgorithm = "RSA-OAEP-256"

// sealLabel binds a sealed text to its purpose, its key and its ticket.
func sealLabel(kid, ticket string) []byte { return []byte("gjj-password/1|" + kid + "|" + ticket) }

type ticketReply struct {
	Ticket    string `json:"ticket"`
	KID       string `json:"kid"`
	Alg       string `json:"alg"`
	PublicKey string `json:"public_key"` // SubjectPublicKeyInfo, base64
	ExpiresIn int    `json:"expires_in"` // seconds
}

// makeTicket lets the page seal one form's passwords.
func (s *Server) makeTicket(ctx context.Context, r Request, _ none) (ticketReply, error) {
	transport := s.transport.Load()
	if transport == nil {
		return ticketReply{}, selfservice.ErrNotOffered
	}
	ticket := newTicket()
	if err := s.db.AddTicket(ctx, r.Session, ticket); err != nil {
		return ticketReply{}, err
	}
	kid, public := transport.Current()
	return ticketReply{ticket, kid, sealAlgorithm, public, int(store.TicketLife.Seconds())}, nil
}

// newTicket returns 256 random bits.
func newTicket() string {
	var raw [32]byte
	rand.Read(raw[:])
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// A sealedForm stands for the passwords of a form: Sealed is the base64 of
// the JSON of a passwords value, sealed for the key KID under sealLabel.
type sealedForm struct {
	Ticket string `json:"ticket"`
	KID    string `json:"kid"`
	Alg    string `json:"alg"`
	Sealed string `json:"sealed"`
}

// passwords are what a form can hold. The names are short because RSA-2048
// seals 190 bytes at most.
type passwords struct {
	Present passwd.Secret `json:"o"`
	New     passwd.Secret `json:"n"`
	Again   passwd.Secret `json:"a"` // optional when sealed: the page has compared
}

// unseal returns the passwords of a form, which came readable or sealed. A
// ticket that is unknown, spent, late or somebody else's, a foreign key, label
// or text: everything is ErrDecryptFailed and has cost the same two steps.
func (s *Server) unseal(ctx context.Context, r Request, plain passwords, form *sealedForm) (passwords, error) {
	readable := !plain.Present.Empty() || !plain.New.Empty() || !plain.Again.Empty()
	switch {
	case form == nil && readable && s.sealedOnly:
		return passwords{}, selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Field: "encrypted", Code: "REQUIRED"})
	case form == nil:
		return plain, nil
	case readable:
		return passwords{}, selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Field: "encrypted", Code: "TWICE"})
	}
	transport := s.transport.Load()
	if transport == nil {
		return passwords{}, selfservice.ErrNotOffered
	}
	sealed, _ := base64.StdEncoding.DecodeString(form.Sealed) // what is no base64 does not open
	good, err := s.db.SpendTicket(ctx, r.Session, form.Ticket, sealed, r.IsRetry)
	if err != nil {
		return passwords{}, err
	}
	r.Record.Keep() // the ticket is spent
	opened, ok := openForm(transport, form, sealed)
	if !good || !ok {
		return passwords{}, ErrDecryptFailed
	}
	if refuseControls(&opened) != nil {
		return passwords{}, selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Field: "encrypted", Code: "CONTROL_CHARACTER"})
	}
	if opened.Again.Empty() {
		opened.Again = opened.New
	}
	return opened, nil
}

// openForm decrypts in any case, so that it takes the same time for every reason
// to refuse.
func openForm(transport *keys.Transport, form *sealedForm, sealed []byte) (passwords, bool) {
	plain, err := transport.Open(form.KID, sealLabel(form.KID, form.Ticket), sealed)
	defer clear(plain)
	var p passwords
	if err != nil || form.Alg != sealAlgorithm {
		return p, false
	}
	return p, json.Unmarshal(plain, &p, json.RejectUnknownMembers(true)) == nil
}
