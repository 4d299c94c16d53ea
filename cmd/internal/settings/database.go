package settings

import (
	"context"
	"errors"
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
	switch {
	case errors.Is(err, store.ErrOtherColumnKey):
		return nil, Problem{"FUNDPASS_COLUMN_KEY_FILE", err}
	case errors.Is(err, store.ErrOtherPepper):
		return nil, Problem{"FUNDPASS_PEPPER_FILE", err}
	case err != nil:
		return nil, Problem{"FUNDPASS_DATABASE_URL", err}
	}
	return db, nil
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
