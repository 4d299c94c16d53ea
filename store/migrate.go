package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"fundpass/store/pgconn"
)

//go:embed migrations/*.sql
var migrations embed.FS

// foreignKeys is the suffix of migrations that add foreign keys. Distribute applies them
// last, because tables that reference each other cannot be distributed one by one.
const foreignKeys = "_foreign_keys.sql"

// MigrateConfig says which database to migrate.
type MigrateConfig struct {
	// DSN must reach the server itself, not a transaction pooler.
	DSN string
	// ConnectLimit bounds the set-up of a connection to one host; 0 means 2 s.
	ConnectLimit time.Duration
	// Log receives a record of each migration; nil discards it.
	Log *slog.Logger
}

// Migrate migrates the schema and returns the files it applied, in order. Each file is one
// transaction. Calling it again applies nothing; concurrent calls wait for each other. It
// returns ErrDistribution for a distributed database.
func Migrate(ctx context.Context, c MigrateConfig) (applied []string, err error) {
	db, err := openDirect(ctx, c)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if err := requireUndistributed(ctx, db); err != nil {
		return nil, err
	}
	return migrate(ctx, db.DB, c, inOrder)
}

// A selection says which migrations are applied.
type selection int

const (
	inOrder    selection = iota
	tablesOnly           // without foreign keys
	keysLater            // all, foreign keys also after tables of later versions
)

// migrate applies the selected migrations and returns their files.
func migrate(ctx context.Context, db *sql.DB, c MigrateConfig, which selection) (applied []string, err error) {
	p, err := provider(db, c, which)
	if err != nil {
		return nil, fmt.Errorf("store: migrate: %w", err)
	}
	done, err := p.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: migrate: %w", err)
	}
	for _, m := range done {
		applied = append(applied, path.Base(m.Source.Path))
	}
	return applied, nil
}

// openDirect connects without a pooler, because the migration lock belongs to a session.
func openDirect(ctx context.Context, c MigrateConfig) (*sqlx.DB, error) {
	return pgconn.ConnectDirect(ctx, pgconn.Config{DSN: c.DSN, ConnectTimeout: c.ConnectLimit})
}

// provider returns the migrations of a database. Concurrent processes wait for the session
// lock, for at most five minutes.
func provider(db *sql.DB, c MigrateConfig, which selection) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, err
	}
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	options := []goose.ProviderOption{
		goose.WithSessionLocker(locker), goose.WithSlog(log), goose.WithVerbose(true), goose.WithDisableGlobalRegistry(true),
		goose.WithAllowOutofOrder(which == keysLater),
	}
	if which == tablesOnly {
		keys, err := fs.Glob(files, "*"+foreignKeys)
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithExcludeNames(keys))
	}
	return goose.NewProvider(goose.DialectPostgres, db, files, options...)
}

// migrated returns ErrNotMigrated if a migration that this program needs is not applied. A
// newer schema is accepted.
func (s *Server) migrated(ctx context.Context) error {
	need, err := neededVersions()
	if err != nil {
		return err
	}
	var have int
	err = s.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &have, `
			SELECT count(DISTINCT version_id) FROM goose_db_version
			WHERE is_applied AND version_id = ANY($1)`, pq.Array(need))
	})
	if pgconn.SQLState(err) == "42P01" || err == nil && have < len(need) {
		return ErrNotMigrated
	}
	return err
}

// neededVersions returns the versions of all migrations except foreign keys.
func neededVersions() ([]int64, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var need []int64
	for _, name := range names {
		name = path.Base(name)
		number, _, _ := strings.Cut(name, "_")
		v, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("store: migration %s has no number", name)
		}
		if !strings.HasSuffix(name, foreignKeys) {
			need = append(need, v)
		}
	}
	return need, nil
}
