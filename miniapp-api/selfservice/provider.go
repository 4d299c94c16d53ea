package selfservice

import (
	"context"
	"errors"
)

// An IdentityProvider proves who the user of a channel is. Its errors match one of the
// three below, or are those of a context, or an Error.
type IdentityProvider interface {
	// MatchPerson reports whether the user of an access token is the person.
	MatchPerson(ctx context.Context, accessToken string, p Person) (bool, error)

	// FaceKind returns which face verification takes a document, or ErrDocumentUnsupported.
	FaceKind(idType, idNumber string) (string, error)

	// StartFace opens a face verification, which is billed.
	StartFace(ctx context.Context, o FaceOrder) (FacePage, error)

	// FaceResult returns how a face verification stands.
	FaceResult(ctx context.Context, kind, id string) (FaceResult, error)

	// OffersPhone reports whether a user can show a phone number.
	OffersPhone() bool
}

// What an IdentityProvider can fail with.
var (
	ErrProviderUnavailable = errors.New("selfservice: no answer of the identity provider")
	ErrProviderRefused     = errors.New("selfservice: the identity provider refuses, and will again")
	ErrDocumentUnsupported = errors.New("selfservice: the identity provider takes no such document")
)

// A Person is whom a provider is asked about.
type Person struct{ Name, IDType, IDNumber string }

// A FaceOrder asks for one face verification.
type FaceOrder struct {
	Kind    string
	OrderNo string // 32 letters and digits, never used before
	Person  Person
}

// A FacePage is a face verification that is open, and the page where the citizen passes it.
type FacePage struct{ ID, URL string }

// A FaceResult is what the provider says of a face verification. "" is of one that is
// closed.
type FaceResult string

// Results. Only FacePassed is a yes.
const (
	FacePassed  FaceResult = "passed"
	FaceFailed  FaceResult = "failed"
	FacePending FaceResult = "pending"
)
