package httpapi

import (
	"context"
	"crypto/sha256"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A SessionReply is the reply to a sign-in.
type SessionReply struct {
	Token     string       `json:"token"`
	ExpiresIn int          `json:"expires_in"` // idle timeout in seconds
	Linked    bool         `json:"linked"`
	Account   *accountView `json:"account"`
	// InitialHint is what the page says of initial passwords, "" for nothing.
	InitialHint string `json:"initial_hint"`
	// SMS reports whether the centre sends codes to the phone on file.
	SMS bool `json:"sms_offered"`

	seed string // derives Token
}

// OpenUserSession opens a session for a user whom the channel has authenticated.
func (s *Server) OpenUserSession(ctx context.Context, visitor store.Visitor) (SessionReply, error) {
	return s.OpenSession(func(tokenDigest []byte) (*store.Account, error) {
		return s.service.OpenSession(ctx, s.channel, tokenDigest, visitor)
	})
}

// OpenSession makes a token and opens its session by open, which returns the linked account, if
// any. The token is derived from a seed, so that a retry receives the same token although the
// database stores no token.
func (s *Server) OpenSession(open func(tokenDigest []byte) (*store.Account, error)) (SessionReply, error) {
	seed := s.db.NewSeed()
	token, err := s.db.Token(seed)
	if err != nil {
		return SessionReply{}, err
	}
	account, err := open(DigestOfToken(token))
	if err != nil {
		return SessionReply{}, err
	}
	reply := SessionReply{Token: token, ExpiresIn: int(store.SessionIdle.Seconds()), Linked: account != nil, InitialHint: s.service.InitialHint(), SMS: s.service.OffersSMS(), seed: seed}
	if account != nil {
		reply.Account = new(viewOf(*account))
	}
	return reply, nil
}

// secret returns the token of a reply and its seed.
func (r SessionReply) secret() (token, seed string) { return r.Token, r.seed }

// DigestOfToken returns the SHA-256 of a session's token, which the database stores in its place.
func DigestOfToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// endSession signs out. A retry after an earlier run has ended the session succeeds.
func (s *Server) endSession(ctx context.Context, r Request, _ none) (none, error) {
	if r.SessionEnded && !r.IsRetry { // ended by another request
		return none{}, selfservice.ErrSessionExpired
	}
	return none{}, s.service.SignOut(ctx, r.Caller)
}
