package app

import (
	"errors"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/app/dpop"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// The errors of proofs, in the words of RFC 9449. Front ends treat other codes of status 401 as
// signed out; these two ask for another proof.
var (
	ErrProofInvalid = &selfservice.Error{Code: "INVALID_DPOP_PROOF"}
	ErrProofNonce   = &selfservice.Error{Code: "USE_DPOP_NONCE"}
)

var errSpent = errors.New("app: proof was used before")

// session returns the session of a token for the device whose proof is in the request. A token
// of another device, of another channel or of nobody is ErrSessionExpired: a thief does not
// learn which.
func (a *App) session(c echo.Context, token string) (store.Session, error) {
	proof, err := a.verify(c, token)
	if err != nil {
		return store.Session{}, err
	}
	session, err := a.db.DeviceSession(c.Request().Context(), httpapi.DigestOfToken(token), proof)
	switch {
	case errors.Is(err, store.ErrSpent):
		return store.Session{}, refuse(c, ErrProofInvalid.WithCause(errSpent))
	case errors.Is(err, store.ErrNotFound):
		return store.Session{}, refuse(c, selfservice.ErrSessionExpired)
	}
	return session, err
}

// binding returns the thumbprint of the device whose proof is in a request without a session,
// and spends the proof.
func (a *App) binding(c echo.Context) ([]byte, error) {
	proof, err := a.verify(c, "")
	if err != nil {
		return nil, err
	}
	err = a.db.SpendProof(c.Request().Context(), proof)
	if errors.Is(err, store.ErrSpent) {
		return nil, refuse(c, ErrProofInvalid.WithCause(errSpent))
	}
	return proof.Thumbprint, err
}

// verify verifies the proof of a request, which has a token or not.
func (a *App) verify(c echo.Context, token string) (store.Proof, error) {
	r := c.Request()
	p, err := a.verifier.Verify(r.Header, dpop.Request{Method: r.Method, URL: a.urlOf(c), Token: token}, a.db.Now())
	switch {
	case errors.Is(err, dpop.ErrNonce):
		return store.Proof{}, refuse(c, ErrProofNonce.WithCause(err))
	case errors.Is(err, dpop.ErrInvalid):
		return store.Proof{}, refuse(c, ErrProofInvalid.WithCause(err))
	case err != nil:
		return store.Proof{}, err
	}
	return store.Proof{Thumbprint: p.Thumbprint[:], Digest: p.Digest, ExpiresAt: p.ExpiresAt}, nil
}

// refuse adds the challenge of RFC 9449 to a reply of status 401.
func refuse(c echo.Context, err *selfservice.Error) error {
	c.Response().Header().Set(echo.HeaderWWWAuthenticate, dpop.Challenge(err))
	return err
}
