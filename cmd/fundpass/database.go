package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"fundpass/store" // brings the driver
)

// lookTime bounds a look at the database.
const lookTime = 5 * time.Second

// A databaseState is what check and serve want to know of a database before
// store.Open registers a centre in it.
type databaseState struct {
	version  string
	tls      bool
	readOnly bool
	migrated bool              // the tables are there; store.Open judges how new they are
	centers  map[string]string // centre to application
	ahead    time.Duration     // how far the database's clock is ahead of ours
}

// inspectDatabase looks at a database without writing to it. Errors are
// store.ErrUnavailable and never contain the connection string.
func inspectDatabase(ctx context.Context, dsn string) (databaseState, error) {
	ctx, stop := context.WithTimeout(ctx, lookTime)
	defer stop()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return databaseState{}, fmt.Errorf("%w: connection string cannot be read", store.ErrUnavailable)
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // one connection, which a pooler keeps
	if err != nil {
		return databaseState{}, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	defer tx.Rollback()
	var s databaseState
	if err := s.look(ctx, tx); err != nil {
		return databaseState{}, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return s, nil
}

func (s *databaseState) look(ctx context.Context, tx *sql.Tx) error {
	var theirs time.Time
	before := time.Now()
	err := tx.QueryRowContext(ctx, `
		SELECT clock_timestamp(), current_setting('server_version'),
			pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on',
			coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
			to_regclass('centers') IS NOT NULL`).Scan(&theirs, &s.version, &s.readOnly, &s.tls, &s.migrated)
	if err != nil {
		return err
	}
	after := time.Now()
	s.ahead = theirs.Sub(before.Add(after.Sub(before) / 2))
	if !s.migrated {
		return nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT center_id, app_id FROM centers`)
	if err != nil {
		return err
	}
	defer rows.Close()
	s.centers = make(map[string]string)
	for rows.Next() {
		var center, app string
		if err := rows.Scan(&center, &app); err != nil {
			return err
		}
		s.centers[center] = app
	}
	return rows.Err()
}
