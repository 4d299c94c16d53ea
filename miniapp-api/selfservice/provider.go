package selfservice

import (
	"context"
	"errors"
)

// An IdentityProvider verifies who the user of a channel is. Its errors match one of the three
// below, or are a context's error or an *Error.
type IdentityProvider interface {
	// MatchPerson reports whether the user of an access token is the person.
	MatchPerson(ctx context.Context, accessToken string, p Person) (bool, error)

	// FaceKind returns the kind of face verification that accepts a document, or
	// ErrDocumentUnsupported.
	FaceKind(idType, idNumber string) (string, error)

	// StartFace opens a face verification, which is billed.
	StartFace(ctx context.Context, o FaceOrder) (FacePage, error)

	// FaceResult returns the result of a face verification.
	FaceResult(ctx context.Context, kind, id string) (FaceResult, error)

	// OffersPhone reports whether users can provide a verified phone number.
	OffersPhone() bool
}

// The errors of an IdentityProvider.
var (
	ErrProviderUnavailable = errors.New("selfservice: no answer from the identity provider")
	ErrProviderRefused     = errors.New("selfservice: the identity provider refuses permanently")
	ErrDocumentUnsupported = errors.New("selfservice: the identity provider does not support the document")
)

// A Person identifies the person that a provider verifies.
type Person struct{ Name, IDType, IDNumber string }

// A FaceOrder is the request for one face verification.
type FaceOrder struct {
	Kind    string
	OrderNo string // 32 letters and digits, unique
	Person  Person
}

// A FacePage is an open face verification and the URL of its page.
type FacePage struct{ ID, URL string }

// A FaceResult is the result of a face verification; "" for one that is closed.
type FaceResult string

// The results of a face verification.
const (
	FacePassed  FaceResult = "passed"
	FaceFailed  FaceResult = "failed"
	FacePending FaceResult = "pending"
)
