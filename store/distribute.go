package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// ErrDistribution reports why a database cannot be distributed over servers.
var ErrDistribution = errors.New("store: cannot distribute the tables")

// Distribute migrates the schema and distributes its tables over the servers of a Citus
// cluster: centers and goose_db_version are copied to all of them, every other table is
// distributed by center_id. New tables are distributed before the migrations that add
// foreign keys to them. Distribute returns what it did. Calling it again does nothing, and
// an interrupted run is continued. A database that is distributed differently or in part is
// refused with ErrDistribution before anything is changed.
func Distribute(ctx context.Context, c MigrateConfig) (applied, distributed []string, err error) {
	db, err := openDirect(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	defer db.Close()
	if _, err := distributeTables(ctx, db, false); err != nil {
		return nil, nil, err
	}
	if applied, err = migrate(ctx, db.DB, c, tablesOnly); err != nil {
		return applied, nil, err
	}
	if distributed, err = distributeTables(ctx, db, true); err != nil {
		return applied, nil, err
	}
	keys, err := migrate(ctx, db.DB, c, keysLater)
	return append(applied, keys...), distributed, err
}

// distributeTables distributes the tables that are not distributed yet, in one transaction.
// Without write it only checks that it could.
func distributeTables(ctx context.Context, db *sqlx.DB, write bool) (done []string, err error) {
	tx, err := db.BeginTxx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, fmt.Errorf("store: distribute: %w", err)
	}
	defer tx.Rollback()
	if write { // the lock serialises processes; sequential mode restores keys over the connection that moved the rows
		if _, err := tx.ExecContext(ctx, `LOCK TABLE goose_db_version IN SHARE ROW EXCLUSIVE MODE;
			SET LOCAL citus.multi_shard_modify_mode = 'sequential'`); err != nil {
			return nil, fmt.Errorf("store: distribute: %w", err)
		}
	}
	tables, err := tableDistributions(ctx, tx)
	tables = slices.DeleteFunc(tables, func(s tableDistribution) bool { return s.Kind != "" })
	if err != nil || !write || len(tables) == 0 {
		return nil, err
	}
	if err := withoutForeignKeys(ctx, tx, func() error { return distributeAll(ctx, tx, tables) }); err != nil {
		return nil, fmt.Errorf("store: distribute: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("store: distribute: %w", err)
	}
	for _, t := range tables {
		done = append(done, t.Name)
	}
	return done, nil
}

// distributeAll distributes tables and truncates the local copies of their rows, which no
// erasure would reach.
func distributeAll(ctx context.Context, tx *sqlx.Tx, tables []tableDistribution) error {
	for _, t := range tables {
		for _, statement := range []string{t.statement(), `SELECT truncate_local_data_after_distributing_table('` + t.Name + `')`} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
		}
	}
	return nil
}

// withoutForeignKeys drops the foreign keys, runs f and adds them again, because tables
// that reference each other cannot be distributed one by one.
func withoutForeignKeys(ctx context.Context, tx *sqlx.Tx, f func() error) error {
	var keys []struct{ Drop, Add string }
	err := tx.SelectContext(ctx, &keys, `
		SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop,
			format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS add
		FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND connamespace = current_schema()::regnamespace ORDER BY oid`)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if _, err := tx.ExecContext(ctx, k.Drop); err != nil {
			return err
		}
	}
	if err := f(); err != nil {
		return err
	}
	for _, k := range keys {
		if _, err := tx.ExecContext(ctx, k.Add); err != nil {
			return err
		}
	}
	return nil
}

const (
	firstTable   = "accounts" // the other tables are co-located with it
	centersTable = "centers"
	versionTable = "goose_db_version" // read on every server
)

// A tableDistribution is how a table is distributed.
type tableDistribution struct {
	Name   string `db:"name"`
	Kind   string `db:"kind"`   // "" if it is not distributed
	Column string `db:"column"` // the distribution column
	Group  int64  `db:"colocation_id"`
}

// isCorrect reports whether the table is distributed as it should be, co-located with the
// first table.
func (s tableDistribution) isCorrect(first tableDistribution) bool {
	if s.isReference() {
		return s.Kind == "reference"
	}
	return s.Kind == "distributed" && s.Column == "center_id" && s.Group == first.Group
}

// isReference reports whether the table is copied to every server.
func (s tableDistribution) isReference() bool {
	return s.Name == centersTable || s.Name == versionTable
}

// statement returns the statement that distributes the table.
func (s tableDistribution) statement() string {
	switch {
	case s.isReference():
		return `SELECT create_reference_table('` + s.Name + `')`
	case s.Name == firstTable:
		return `SELECT create_distributed_table('` + s.Name + `', 'center_id', colocate_with => 'none')`
	}
	return `SELECT create_distributed_table('` + s.Name + `', 'center_id', colocate_with => '` + firstTable + `')`
}

// tableDistributions returns the schema's tables in the order in which they are
// distributed. It returns ErrDistribution if they cannot be distributed.
func tableDistributions(ctx context.Context, tx *sqlx.Tx) ([]tableDistribution, error) {
	able, err := onCoordinator(ctx, tx)
	if err != nil {
		return nil, err
	}
	if !able {
		return nil, fmt.Errorf("%w: the server has no citus extension; CREATE EXTENSION citus, add its workers, then run this again", ErrDistribution)
	}
	var tables []tableDistribution
	// The view citus_tables is not used: its schema varies, and it queries the workers.
	err = tx.SelectContext(ctx, &tables, `
		SELECT c.relname::text AS name, coalesce(d.colocationid, 0) AS colocation_id,
			coalesce(column_to_column_name(d.logicalrelid, d.partkey), '') AS column,
			CASE WHEN d.logicalrelid IS NULL THEN '' WHEN d.partkey IS NOT NULL THEN 'distributed'
				WHEN d.repmodel = 't' THEN 'reference' ELSE 'other' END AS kind
		FROM pg_class c LEFT JOIN pg_dist_partition d ON d.logicalrelid = c.oid
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
			AND (c.relname = $3 OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'center_id'))
		ORDER BY c.relname <> $1, c.relname <> $2, c.relname`, centersTable, firstTable, versionTable)
	if err != nil {
		return nil, fmt.Errorf("store: distribute: %w", err)
	}
	return tables, checkDistribution(ctx, tx, tables)
}

// onCoordinator reports whether the server distributes tables. It returns ErrDistribution
// on a worker, which would create tables of its own.
func onCoordinator(ctx context.Context, q sqlx.QueryerContext) (able bool, err error) {
	var worker bool
	err = sqlx.GetContext(ctx, q, &able, `SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')`)
	if err == nil && able {
		err = sqlx.GetContext(ctx, q, &worker, `SELECT EXISTS (SELECT 1 FROM pg_dist_local_group WHERE groupid <> 0)`)
	}
	switch {
	case err != nil:
		return false, fmt.Errorf("store: distribute: %w", err)
	case worker:
		return false, fmt.Errorf("%w: this is a worker; connect to the coordinator", ErrDistribution)
	}
	return able, nil
}

// requireUndistributed returns ErrDistribution for a distributed database: a table that a
// migration adds must be distributed before foreign keys refer to it.
func requireUndistributed(ctx context.Context, db *sqlx.DB) error {
	able, err := onCoordinator(ctx, db)
	if err != nil || !able {
		return err
	}
	var distributed bool
	if err := db.GetContext(ctx, &distributed, `
		SELECT EXISTS (SELECT 1 FROM pg_dist_partition WHERE logicalrelid = to_regclass($1))`, firstTable); err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	if distributed {
		return fmt.Errorf("%w: they are distributed, and so must be the tables that a migration adds; run fundpass migrate --distributed", ErrDistribution)
	}
	return nil
}

// checkDistribution accepts tables of which none is distributed, and empty ones beside
// tables that are, as a new version of the schema adds them.
func checkDistribution(ctx context.Context, tx *sqlx.Tx, tables []tableDistribution) error {
	some := slices.ContainsFunc(tables, func(t tableDistribution) bool { return t.Kind != "" })
	at := slices.IndexFunc(tables, func(t tableDistribution) bool { return t.Name == firstTable })
	for _, t := range tables {
		switch {
		case t.Kind != "" && !t.isCorrect(tables[max(at, 0)]):
			return fmt.Errorf("%w: %s is distributed in another way than by center_id beside %s; undistribute it", ErrDistribution, t.Name, firstTable)
		case t.Kind == "" && some && t.Name != versionTable:
			var filled bool
			if err := tx.GetContext(ctx, &filled, `SELECT EXISTS (SELECT 1 FROM `+pq.QuoteIdentifier(t.Name)+`)`); err != nil {
				return fmt.Errorf("store: distribute: %w", err)
			}
			if filled {
				return fmt.Errorf("%w: %s has rows and is not distributed, but other tables are; undistribute those", ErrDistribution, t.Name)
			}
		}
	}
	return nil
}
