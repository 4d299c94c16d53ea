package selfservice

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// A PersonInput is the part of a form that identifies a person, as the citizen typed it.
type PersonInput struct{ Name, IDType, IDNumber, AccountNo string }

// A LinkInput is the form of a link.
type LinkInput struct {
	PersonInput
	Password  passwd.Secret
	ResetCode passwd.Secret // instead of a forgotten password
	Proof     Proof         // ProofFace, ProofPhone or ProofSMS if the citizen chose one; "" = the first that is possible
	FaceFirst bool          // start a face verification; the password is not sent yet
	FaceID    uuid.UUID     // of the verification that FaceFirst started, once it has passed
	TakeOver  bool          // request the link from another user if that is offered
}

// An applicant is a validated link form: the identity that the caller claims and the proofs of
// it.
type applicant struct {
	name      string
	doc       document.Document
	accountNo string
	password  passwd.Secret
	code      string // instead of a forgotten password
	faceID    uuid.UUID
	chosen    Proof
	takeOver  bool
}

// readPerson validates the fields that identify a person. It returns every error at once.
func readPerson(in PersonInput, known *document.List, now time.Time) (who applicant, wrong []FieldError) {
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

// readApplicant validates the form of a link. It returns ErrBadRequest with every error.
func readApplicant(in LinkInput, known *document.List, now time.Time) (applicant, error) {
	who, wrong := readPerson(in.PersonInput, known, now)
	code, complete := codeDigits(in.ResetCode.Reveal())
	switch {
	case in.FaceFirst:
		if !in.Password.Empty() || !in.ResetCode.Empty() || in.FaceID != uuid.Nil {
			wrong = append(wrong, FieldError{Field: "face_first", Code: "INVALID"})
		}
	case in.Password.Empty() && in.ResetCode.Empty():
		wrong = append(wrong, FieldError{Field: "password", Code: "REQUIRED"})
	case !in.ResetCode.Empty() && (!complete || !in.Password.Empty()):
		wrong = append(wrong, FieldError{Field: "reset_code", Code: "INVALID"})
	}
	if !slices.Contains([]Proof{"", ProofFace, ProofPhone, ProofSMS}, in.Proof) {
		wrong = append(wrong, FieldError{Field: "proof", Code: "UNKNOWN"})
	}
	if len(wrong) > 0 {
		return applicant{}, ErrBadRequest.WithFields(wrong...)
	}
	who.password, who.code, who.faceID, who.chosen, who.takeOver = in.Password, code, in.FaceID, in.Proof, in.TakeOver
	return who, nil
}

// personDigest returns the store's digest of the person, by the document.
func (who applicant) personDigest(db *store.DB) []byte { return db.PersonDigest(who.doc.Key()) }

// digest returns a keyed digest of document and name. It ties a face verification to the
// applicant it was started for.
func (who applicant) digest(db *store.DB) []byte {
	return db.Digest("applicant of a link", who.doc.Key(), []byte(who.name))
}
