package selfservice

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
	"fundpass/store/storetest"
)

// A signInCentre is a service with a clock that the test controls.
type signInCentre struct {
	*Service
	t     testing.TB
	ahead atomic.Int64

	pepper *keys.Pepper
}

// facelessProvider is a provider that verifies no faces.
type facelessProvider struct{ IdentityProvider }

func (facelessProvider) FaceKind(string, string) (string, error) { return "", ErrDocumentUnsupported }
func (facelessProvider) OffersPhone() bool                       { return false }

// newSignInCentre returns a centre that accepts a link with the password alone.
func newSignInCentre(t testing.TB, change ...func(*passwd.Policy)) *signInCentre {
	t.Helper()
	pepper := storetest.NewPepper(t)
	h := &signInCentre{t: t, pepper: pepper}
	hasher := passwd.NewHasher(passwd.HasherConfig{Pepper: pepper, Memory: 64, Time: 1, Threads: 1, Slots: 4, Wait: testenv.Patience})
	t.Cleanup(hasher.Close)
	policy := *passwd.Default()
	for _, f := range change {
		f(&policy)
	}
	var err error
	h.Service, err = New(Config{
		DB: storetest.Open(t, storetest.Shared(t), storetest.WithColumnCipher(storetest.NewColumnCipher(t)), storetest.WithPepper(pepper),
			storetest.WithNow(func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) })),
		Policy: &policy, Hasher: hasher, Provider: facelessProvider{}, Proof: ProofNone, InitialProof: ProofNone, ConsentTexts: []ConsentText{{Purpose: PurposeLink, Version: "1", Text: "同意"}},
		VerdictTime: testenv.Patience, SMS: true,
	})
	must(t, err)
	return h
}

// code returns the code of the latest SMS.
func (h *signInCentre) code() string {
	h.t.Helper()
	due, _, err := h.db.Outbox().DueSMS(h.t.Context(), 10, store.MediumSMS)
	must(h.t, err)
	if len(due) != 1 {
		h.t.Fatalf("%d SMS", len(due))
	}
	n, err := h.db.Outbox().Notice(due[0])
	must(h.t, err)
	return n.Code
}

const rightPassword1 = "Quiet-River-1"

// depositor imports the n-th person with rightPassword1.
func (h *signInCentre) depositor(n int, change ...func(*store.Depositor)) store.Depositor {
	h.t.Helper()
	hash, err := h.hasher.Hash(h.t.Context(), passwd.NewSecret(rightPassword1))
	must(h.t, err)
	d := store.Depositor{Person: store.Person{Name: "欧阳测试", IDType: "01", AccountNo: fmt.Sprintf("88%010d", n), Phone: fmt.Sprintf("142%08d", n)}, Status: store.StatusNormal, Hash: hash}
	d.DocumentKey, d.Person.IDNumber = documentOf(h.t, fmt.Sprintf("99010119560307%03d", n))
	for _, f := range change {
		f(&d)
	}
	_, err = h.db.Roster().ImportDepositors(h.t.Context(), []store.Depositor{d})
	must(h.t, err)
	return d
}

// browser returns a caller without a session.
func browser(binding, network string) Caller {
	return Caller{Channel: "site", Binding: []byte(binding), Network: network}
}

// formOf returns the form of a sign-in by document.
func formOf(d store.Depositor, password string) SignInInput {
	return SignInInput{IDType: "01", IDNumber: d.Person.IDNumber, Password: passwd.NewSecret(password), TokenDigest: []byte(uuid.NewString())}
}

func (h *signInCentre) signIn(c Caller, in SignInInput) (SignedIn, error) {
	return h.SignIn(h.t.Context(), c, in)
}

// want fails the test unless err is want, or nil for nil.
func want(t *testing.T, what string, err error, want *Error) {
	t.Helper()
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// attempts returns the failed attempts of strangers at a person, locks included.
func (h *signInCentre) attempts(d store.Depositor) (n int) {
	h.t.Helper()
	must(h.t, storetest.ProbeOf(h.db).Get(&n, `SELECT coalesce(max(attempts + 5 * tier), 0) FROM lockouts WHERE person_digest = $1 AND scope = 'public'`,
		h.db.PersonDigest(d.DocumentKey)))
	return n
}

func (h *signInCentre) count(query string, args ...any) (n int) {
	h.t.Helper()
	must(h.t, storetest.ProbeOf(h.db).Get(&n, query, args...))
	return n
}

// linkForm returns the form of a link.
func linkForm(d store.Depositor, password string) LinkInput {
	return LinkInput{PersonInput: PersonInput{Name: d.Person.Name, IDType: "01", IDNumber: d.Person.IDNumber}, Password: passwd.NewSecret(password)}
}

// user returns a caller with a session of a provider's user.
func (h *signInCentre) user(name string) Caller {
	h.t.Helper()
	token := []byte(uuid.NewString())
	_, err := h.OpenSession(h.t.Context(), "phone", token, store.Visitor{Identity: store.Identity{Provider: "provider", AppID: "app", Kind: "open_id", Value: name}})
	must(h.t, err)
	return h.caller("phone", token)
}

// caller returns the caller of the session as the next request reads it.
func (h *signInCentre) caller(channel Channel, token []byte) Caller {
	h.t.Helper()
	s, err := h.db.Session(h.t.Context(), token)
	must(h.t, err)
	return Caller{Session: s, Channel: channel, Network: "192.0.2.1"}
}
