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

// sealAlgorithm is the algorithm by which pages encrypt passwords: RSA-OAEP (RFC 8017) with
// SHA-256 for the hash and for MGF1, named as in RFC 7518.
const sealAlgorithm = "RSA-OAEP-256"

// sealLabel returns the OAEP label, which binds a ciphertext to its purpose, key and ticket.
func sealLabel(kid, ticket string) []byte { return []byte("gjj-password/1|" + kid + "|" + ticket) }

// A TicketReply has what a page needs to encrypt one form's passwords.
type TicketReply struct {
	Ticket    string `json:"ticket"`
	KID       string `json:"kid"`
	Alg       string `json:"alg"`
	PublicKey string `json:"public_key"` // SubjectPublicKeyInfo, base64
	ExpiresIn int    `json:"expires_in"` // seconds
}

// makeTicket returns a ticket and the public key to encrypt one form's passwords.
func (s *Server) makeTicket(ctx context.Context, r Request, _ none) (TicketReply, error) {
	return s.ticketFor(ctx, r.Session)
}

// MakeBoundTicket is makeTicket for a caller without a session. Only a caller with the same
// Binding can use the ticket.
func (s *Server) MakeBoundTicket(ctx context.Context, r Request, _ struct{}) (TicketReply, error) {
	return s.ticketFor(ctx, r.bound())
}

// bound returns what a ticket of a caller without a session belongs to. No token has this
// digest, because a Binding is no digest of 256 random bits.
func (r Request) bound() store.Session { return store.Session{TokenDigest: r.Binding} }

func (s *Server) ticketFor(ctx context.Context, session store.Session) (TicketReply, error) {
	transport := s.transport.Load()
	if transport == nil {
		return TicketReply{}, selfservice.ErrNotOffered
	}
	ticket := newTicket()
	if err := s.db.AddTicket(ctx, session, ticket); err != nil {
		return TicketReply{}, err
	}
	kid, public := transport.Current()
	return TicketReply{ticket, kid, sealAlgorithm, public, int(store.TicketLife.Seconds())}, nil
}

// newTicket returns 256 random bits in base64url.
func newTicket() string {
	var raw [32]byte
	rand.Read(raw[:])
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// A SealedForm replaces the passwords of a form. Sealed is the base64 of the JSON of a
// passwords value, encrypted for the key KID with sealLabel. A ticket works once, so that a
// recorded form is worth nothing.
type SealedForm struct {
	Ticket string `json:"ticket"`
	KID    string `json:"kid"`
	Alg    string `json:"alg"`
	Sealed string `json:"sealed"`
}

// A passwords is the passwords of a form. Its JSON names are short because RSA-2048 encrypts at
// most 190 bytes.
type passwords struct {
	Present passwd.Secret `json:"o"`
	New     passwd.Secret `json:"n"`
	Again   passwd.Secret `json:"a"` // optional if encrypted: the page has compared
}

// unseal returns the passwords of a form, plain or encrypted. An unknown, spent, expired or
// foreign ticket and an invalid key, label or ciphertext are all ErrDecryptFailed, after the
// same work.
func (s *Server) unseal(ctx context.Context, r Request, plain passwords, form *SealedForm) (passwords, error) {
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
	sealed, _ := base64.StdEncoding.DecodeString(form.Sealed) // decryption fails on an invalid encoding
	good, err := s.db.SpendTicket(ctx, r.Session, form.Ticket, sealed, r.IsRetry)
	if err != nil {
		return passwords{}, err
	}
	r.Record.Keep() // only a retry of this request may spend the ticket again
	opened, ok := openForm(transport, form, sealed)
	if !good || !ok {
		return passwords{}, ErrDecryptFailed
	}
	if rejectControls(&opened) != nil {
		return passwords{}, selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Field: "encrypted", Code: "CONTROL_CHARACTER"})
	}
	if opened.Again.Empty() {
		opened.Again = opened.New
	}
	return opened, nil
}

// UnsealBound returns the password of a form of a caller without a session, plain or encrypted
// with a ticket of MakeBoundTicket; see unseal.
func (s *Server) UnsealBound(ctx context.Context, r Request, plain passwd.Secret, form *SealedForm) (passwd.Secret, error) {
	r.Session = r.bound()
	sent, err := s.unseal(ctx, r, passwords{Present: plain}, form)
	return sent.Present, err
}

// openForm always decrypts, so that every refusal takes the same time: Manger's attack on OAEP
// needs a difference.
func openForm(transport *keys.Transport, form *SealedForm, sealed []byte) (passwords, bool) {
	plain, err := transport.Open(form.KID, sealLabel(form.KID, form.Ticket), sealed)
	defer clear(plain)
	var p passwords
	if err != nil || form.Alg != sealAlgorithm {
		return p, false
	}
	return p, json.Unmarshal(plain, &p, json.RejectUnknownMembers(true)) == nil
}
