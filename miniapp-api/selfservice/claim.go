package selfservice

import (
	"bytes"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
)

// A PersonInput is the part of a form that says who somebody is.
type PersonInput struct{ Name, IDType, IDNumber, AccountNo string }

// A LinkInput is the form of a link.
type LinkInput struct {
	PersonInput
	Password  passwd.Secret
	ResetCode passwd.Secret // a clerk's, in place of a forgotten password
	Proof     Proof         // ProofFace or ProofPhone, where there was a choice
	FaceFirst bool          // show the face before the password is checked, which is not sent yet
	FaceID    uuid.UUID     // of what FaceFirst has started, once the face was shown
	TakeOver  bool          // take the link over from another user, where that is offered
}

// A claim is who the caller says they are, well formed, and what is to prove it.
type claim struct {
	name      string
	doc       document.Document
	accountNo string
	password  passwd.Secret
	code      string // a clerk's, in place of password
	faceID    uuid.UUID
	chosen    Proof
	takeOver  bool
}

// readPerson reads the part of a claim that needs no proof.
func readPerson(in PersonInput, known *document.List, now time.Time) (who claim, wrong []FieldError) {
	var err error
	if who.name, err = document.Name(in.Name); err != nil {
		wrong = append(wrong, FieldError{Field: "name", Code: "INVALID"})
	}
	who.doc, err = known.ParseOn(now, in.IDType, in.IDNumber)
	wrong = append(wrong, documentErrors(err)...)
	if t, _ := known.Type(who.doc.Type); t.CounterOnly {
		wrong = append(wrong, counterOnly)
	}
	if who.accountNo = document.AccountNo(in.AccountNo); len(who.accountNo) > 20 {
		wrong = append(wrong, FieldError{Field: "account_no", Code: "INVALID"})
	}
	return who, wrong
}

// readClaim reads the form of a link.
func (s *Service) readClaim(in LinkInput) (claim, error) {
	who, wrong := readPerson(in.PersonInput, s.documents, s.db.Now())
	code, whole := codeDigits(in.ResetCode.Reveal())
	switch {
	case in.FaceFirst:
		if !in.Password.Empty() || !in.ResetCode.Empty() || in.FaceID != uuid.Nil {
			wrong = append(wrong, FieldError{Field: "face_first", Code: "INVALID"})
		}
	case in.Password.Empty() && in.ResetCode.Empty():
		wrong = append(wrong, FieldError{Field: "password", Code: "REQUIRED"})
	case !in.ResetCode.Empty() && (!whole || !in.Password.Empty()):
		wrong = append(wrong, FieldError{Field: "reset_code", Code: "INVALID"})
	}
	if in.Proof != "" && in.Proof != ProofFace && in.Proof != ProofPhone {
		wrong = append(wrong, FieldError{Field: "proof", Code: "UNKNOWN"})
	}
	if len(wrong) > 0 {
		return claim{}, ErrBadRequest.WithFields(wrong...)
	}
	who.password, who.code, who.faceID, who.chosen, who.takeOver = in.Password, code, in.FaceID, in.Proof, in.TakeOver
	return who, nil
}

// claimsLinkedPerson reports whether the claim is to be the linked person. A repeated
// request that claims anybody else is no repetition of what made the link.
func (s *Service) claimsLinkedPerson(c Caller, who claim) bool {
	return bytes.Equal(s.db.PersonDigest(who.doc.Key()), c.Link.PersonDigest)
}

// claimDigest recognises the claim that was verified.
func (s *Service) claimDigest(who claim) []byte {
	return s.db.Digest("claim of a link", who.doc.Key(), []byte(who.name))
}
