package httpapi

import (
	"context"
	"time"

	"fundpass/miniapp-api/selfservice"
)

type none struct{}

type health struct {
	State string `json:"state"`
}

// alive says that the process answers, nothing more.
func (s *Server) alive(context.Context, Request, none) (health, error) {
	return health{"alive"}, nil
}

// readyTime is how long the database may take to say that it can be written to.
const readyTime = 2 * time.Second

// ready says that requests can be served: the database is the migrated,
// writable primary and its clock is ours.
func (s *Server) ready(ctx context.Context, _ Request, _ none) (health, error) {
	ctx, stop := context.WithTimeout(ctx, readyTime)
	defer stop()
	if err := s.db.Ping(ctx); err != nil {
		return health{}, selfservice.ErrBusy.Because(err)
	}
	return health{"ready"}, nil
}
