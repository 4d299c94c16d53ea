package miniapp

import (
	"context"
	"crypto/sha256"
	"errors"
	"regexp"

	"fundpass/signing"
	"fundpass/store"
)

type sessionRequest struct {
	AuthCode string `json:"auth_code"`
}

type sessionReply struct {
	Token     string       `json:"token"`
	ExpiresIn int          `json:"expires_in"` // seconds without a request
	Linked    bool         `json:"linked"`
	Account   *accountView `json:"account"`

	seed string // of the token
}

func (r sessionReply) withSeed() (any, string) {
	r.Token = r.seed
	return r, r.seed
}

// authCode is wider than what Alipay gives: 32 letters and digits, 40 at most by its
// documents. What is none is refused before it costs a row, a signature and a call.
var authCode = regexp.MustCompile(`^[A-Za-z0-9_-]{16,128}$`)

var errAuthCodeShape = errors.New("miniapp: not of an auth code's shape")

// openSession turns an auth code, good once, into a session of our own. The
// code is spent in the database first: whatever happens, no process ever shows
// it to Alipay twice.
func (s *Server) openSession(ctx context.Context, _ visit, in sessionRequest) (sessionReply, error) {
	if in.AuthCode == "" || len(in.AuthCode) > 128 {
		return sessionReply{}, ErrBadRequest.withFields(FieldError{Field: "auth_code", Code: "REQUIRED"})
	}
	if !authCode.MatchString(in.AuthCode) {
		return sessionReply{}, ErrAuthCodeInvalid.because(errAuthCodeShape)
	}
	if err := s.db.SpendAuthCode(ctx, in.AuthCode); errors.Is(err, store.ErrConflict) {
		return sessionReply{}, ErrAuthCodeInvalid
	} else if err != nil {
		return sessionReply{}, err
	}
	grant, err := s.alipay.Exchange(ctx, in.AuthCode)
	if err != nil {
		return sessionReply{}, err
	}
	return s.welcome(ctx, grant)
}

// welcome opens the session of a recognised Alipay user.
func (s *Server) welcome(ctx context.Context, grant signing.Grant) (sessionReply, error) {
	seed := s.db.NewSeed()
	token, err := s.db.Token(seed)
	if err != nil {
		return sessionReply{}, err
	}
	session, err := s.db.OpenSession(ctx, digestOfToken(token), store.Visitor{
		Identity: store.Identity(grant.Identity), AccessToken: grant.AccessToken,
	})
	if err != nil {
		return sessionReply{}, err
	}
	reply := sessionReply{Token: token, ExpiresIn: int(store.SessionIdle.Seconds()), Linked: session.Link != nil, seed: seed}
	if session.Link == nil {
		return reply, nil
	}
	account, err := s.db.LinkedAccount(ctx, session.Link.AccountID)
	if err != nil {
		return sessionReply{}, err
	}
	view := viewOf(account)
	reply.Account = &view
	return reply, nil
}

// digestOfToken is what the database keeps of a bearer token.
func digestOfToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// endSession logs out.
func (s *Server) endSession(ctx context.Context, v visit, _ none) (none, error) {
	if v.Gone && !v.Again { // an earlier run, whose answer was lost, did what is asked
		return none{}, ErrSessionExpired
	}
	return none{}, s.db.EndSession(ctx, v.TokenDigest)
}
