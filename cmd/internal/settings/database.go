package settings

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"fundpass/keys"
	"fundpass/store"
)

// OpenDatabase opens the database for a command that needs only the column key.
func (s Settings) OpenDatabase(ctx context.Context) (*store.DB, error) {
	cipher, err := keys.LoadColumnCipher(s.ColumnKeyFile)
	if err != nil {
		return nil, Problem{"FUNDPASS_COLUMN_KEY_FILE", err}
	}
	if err := RefuseDemo(ctx, s.DatabaseURL); err != nil {
		return nil, Problem{"FUNDPASS_DATABASE_URL", err}
	}
	return s.OpenStore(ctx, store.Config{ColumnCipher: cipher})
}

// DatabaseLimit limits connecting and every statement; zero means the defaults of package
// store.
var DatabaseLimit time.Duration

// OpenStore opens the database of the settings with the keys of c. Its errors name the
// setting that they are about.
func (s Settings) OpenStore(ctx context.Context, c store.Config) (*store.DB, error) {
	c.DSN, c.Center, c.AppID = s.DatabaseURL, s.Center, s.AppID
	c.ConnectLimit, c.CallLimit = DatabaseLimit, DatabaseLimit
	db, err := store.Open(ctx, c)
	return db, storeProblem(err)
}

// Connect connects to the database of the settings, for several centres.
func (s Settings) Connect(ctx context.Context, log *slog.Logger) (*store.Server, error) {
	server, err := store.Connect(ctx, store.ServerConfig{DSN: s.DatabaseURL, ConnectLimit: DatabaseLimit, CallLimit: DatabaseLimit, Log: log})
	return server, storeProblem(err)
}

// OpenCenter opens the centre of the settings on a server, with the keys of c.
func (s Settings) OpenCenter(ctx context.Context, server *store.Server, c store.CenterConfig) (*store.DB, error) {
	c.Center, c.AppID = s.Center, s.AppID
	db, err := server.OpenCenter(ctx, c)
	return db, storeProblem(err)
}

// storeProblem returns an error of the store under the setting that it is about.
func storeProblem(err error) error {
	switch {
	case errors.Is(err, store.ErrOtherColumnKey):
		return Problem{"FUNDPASS_COLUMN_KEY_FILE", err}
	case errors.Is(err, store.ErrOtherPepper):
		return Problem{"FUNDPASS_PEPPER_FILE", err}
	case err != nil:
		return Problem{"FUNDPASS_DATABASE_URL", err}
	}
	return nil
}

// ErrDemoDatabase refuses a database of fundpass demo, whose passwords are public.
var ErrDemoDatabase = errors.New("this is a database of fundpass demo; give serve one of its own")

// RefuseDemo returns ErrDemoDatabase for a database of fundpass demo. Call it before
// store.Open, which writes.
func RefuseDemo(ctx context.Context, dsn string) error {
	state, err := store.Inspect(ctx, dsn)
	if _, demo := state.Centers[DemoCenter]; demo {
		return ErrDemoDatabase
	}
	return err
}

// DemoCenter is the centre of fundpass demo. A database that has it contains invented
// depositors whose passwords are public.
const DemoCenter = "demo"
