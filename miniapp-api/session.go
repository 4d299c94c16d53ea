package miniapp

import (
	"context"
	"crypto/sha256"

	"fundpass/store"
)

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

// openUserSession opens the session of a user whom the channel has recognised.
func (s *Server) openUserSession(ctx context.Context, visitor store.Visitor) (sessionReply, error) {
	seed := s.db.NewSeed()
	token, err := s.db.Token(seed)
	if err != nil {
		return sessionReply{}, err
	}
	account, err := s.service.SignIn(ctx, digestOfToken(token), visitor)
	if err != nil {
		return sessionReply{}, err
	}
	reply := sessionReply{Token: token, ExpiresIn: int(store.SessionIdle.Seconds()), Linked: account != nil, seed: seed}
	if account != nil {
		reply.Account = new(viewOf(*account))
	}
	return reply, nil
}

// digestOfToken is what the database keeps of a bearer token.
func digestOfToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// endSession signs out.
func (s *Server) endSession(ctx context.Context, r request, _ none) (none, error) {
	if r.SessionEnded && !r.IsRetry { // an earlier run, whose answer was lost, did what is asked
		return none{}, ErrSessionExpired
	}
	return none{}, s.service.SignOut(ctx, r.Caller)
}
