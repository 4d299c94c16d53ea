package httpapi

import (
	"context"
	"crypto/sha256"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

type SessionReply struct {
	Token     string       `json:"token"`
	ExpiresIn int          `json:"expires_in"` // seconds without a request
	Linked    bool         `json:"linked"`
	Account   *accountView `json:"account"`

	seed string // of the token
}

func (r SessionReply) withSeed() (any, string) {
	r.Token = r.seed
	return r, r.seed
}

// OpenUserSession opens the session of a user whom the channel has recognised.
func (s *Server) OpenUserSession(ctx context.Context, visitor store.Visitor) (SessionReply, error) {
	seed := s.db.NewSeed()
	token, err := s.db.Token(seed)
	if err != nil {
		return SessionReply{}, err
	}
	account, err := s.service.SignIn(ctx, s.channel, digestOfToken(token), visitor)
	if err != nil {
		return SessionReply{}, err
	}
	reply := SessionReply{Token: token, ExpiresIn: int(store.SessionIdle.Seconds()), Linked: account != nil, seed: seed}
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
func (s *Server) endSession(ctx context.Context, r Request, _ none) (none, error) {
	if r.SessionEnded && !r.IsRetry { // an earlier run, whose answer was lost, did what is asked
		return none{}, selfservice.ErrSessionExpired
	}
	return none{}, s.service.SignOut(ctx, r.Caller)
}
