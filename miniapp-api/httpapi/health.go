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

// alive reports that the process serves requests. It does not ask the database: a restart of
// this process does not bring that back.
func (s *Server) alive(context.Context, Request, none) (health, error) {
	return health{"alive"}, nil
}

// readyTime limits the check of the database.
const readyTime = 2 * time.Second

// ready reports that the database is the migrated, writable primary and that its clock agrees
// with this host's.
func (s *Server) ready(ctx context.Context, _ Request, _ none) (health, error) {
	ctx, stop := context.WithTimeout(ctx, readyTime)
	defer stop()
	if err := s.db.Ping(ctx); err != nil {
		return health{}, selfservice.ErrBusy.WithCause(err)
	}
	return health{"ready"}, nil
}
