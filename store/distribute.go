package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// ErrDistribution says why a database cannot be spread over servers as it stands.
var ErrDistribution = errors.New("store: cannot distribute the tables")

// Distribute brings the schema up to date and spreads its tables over the servers of a
// Citus cluster: centers and the versions stand on all of them, everything else where its centre does.
// New tables are distributed before the migrations that have keys refer to them. It
// returns what it did; calling it again does nothing, and one that was broken off is
// gone on with. A database that is spread in another way, or half of it, is refused with
// ErrDistribution before anything is changed.
func Distribute(ctx context.Context, c MigrateConfig) (applied, distributed []string, err error) {
	db, err := openDirect(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	defer db.Close()
	if _, err := spreadTables(ctx, db, false); err != nil {
		return nil, nil, err
	}
	if applied, err = migrate(ctx, db.DB, c, tablesOnly); err != nil {
		return applied, nil, err
	}
	if distributed, err = spreadTables(ctx, db, true); err != nil {
		return applied, nil, err
	}
	keys, err := migrate(ctx, db.DB, c, keysLater)
	return append(applied, keys...), distributed, err
}

// spreadTables distributes what is not yet, or only looks whether it could, in one
// transaction.
func spreadTables(ctx context.Context, db *sqlx.DB, write bool) (done []string, err error) {
	tx, err := db.BeginTxx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, fmt.Errorf("store: distribute: %w", err)
	}
	defer tx.Rollback()
	if write { // several processes take turns; keys come back over the one connection that moved the rows
		if _, err := tx.ExecContext(ctx, `LOCK TABLE goose_db_version IN SHARE ROW EXCLUSIVE MODE;
			SET LOCAL citus.multi_shard_modify_mode = 'sequential'`); err != nil {
			return nil, fmt.Errorf("store: distribute: %w", err)
		}
	}
	tables, err := tableSpreads(ctx, tx)
	tables = slices.DeleteFunc(tables, func(s spread) bool { return s.Kind != "" })
	if err != nil || !write || len(tables) == 0 {
		return nil, err
	}
	if err := withoutKeys(ctx, tx, func() error { return distributeAll(ctx, tx, tables) }); err != nil {
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

// distributeAll leaves no hidden copy of the rows behind: nothing would erase it.
func distributeAll(ctx context.Context, tx *sqlx.Tx, tables []spread) error {
	for _, t := range tables {
		for _, statement := range []string{t.statement(), `SELECT truncate_local_data_after_distributing_table('` + t.Name + `')`} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
		}
	}
	return nil
}

// withoutKeys takes the foreign keys away meanwhile, if there are any: tables that
// reference each other cannot be distributed one by one.
func withoutKeys(ctx context.Context, tx *sqlx.Tx, f func() error) error {
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
	firstTable   = "accounts" // with whose rows the other tables' stand
	centersTable = "centers"
	versionTable = "goose_db_version" // asked for on every server
)

// A spread is a table and how it is distributed.
type spread struct {
	Name   string `db:"name"`
	Kind   string `db:"kind"`   // "" of one that is not
	Column string `db:"column"` // the distribution column
	Group  int64  `db:"colocation_id"`
}

// right says that it is distributed as it should be, together with the first table.
func (s spread) right(first spread) bool {
	if s.everywhere() {
		return s.Kind == "reference"
	}
	return s.Kind == "distributed" && s.Column == "center_id" && s.Group == first.Group
}

// everywhere says that every server has all of it.
func (s spread) everywhere() bool { return s.Name == centersTable || s.Name == versionTable }

func (s spread) statement() string {
	switch {
	case s.everywhere():
		return `SELECT create_reference_table('` + s.Name + `')`
	case s.Name == firstTable:
		return `SELECT create_distributed_table('` + s.Name + `', 'center_id', colocate_with => 'none')`
	}
	return `SELECT create_distributed_table('` + s.Name + `', 'center_id', colocate_with => '` + firstTable + `')`
}

// tableSpreads are the schema's tables in the order in which they are distributed. It
// returns ErrDistribution for what it would not go on from.
func tableSpreads(ctx context.Context, tx *sqlx.Tx) ([]spread, error) {
	able, err := onCoordinator(ctx, tx)
	if err != nil {
		return nil, err
	}
	if !able {
		return nil, fmt.Errorf("%w: the server has no citus extension; CREATE EXTENSION citus, add its workers, then run this again", ErrDistribution)
	}
	var tables []spread
	// The view citus_tables is in whatever schema was there first, and asks the workers.
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
	return tables, refuseSpread(ctx, tx, tables)
}

// onCoordinator says whether the server distributes tables. A worker of a cluster, which
// would make tables of its own, is refused.
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

// refuseSpreadTables: what a migration adds to a distributed database is distributed,
// too, before keys refer to it.
func refuseSpreadTables(ctx context.Context, db *sqlx.DB) error {
	able, err := onCoordinator(ctx, db)
	if err != nil || !able {
		return err
	}
	var spread bool
	if err := db.GetContext(ctx, &spread, `
		SELECT EXISTS (SELECT 1 FROM pg_dist_partition WHERE logicalrelid = to_regclass($1))`, firstTable); err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	if spread {
		return fmt.Errorf("%w: they are distributed already, and what a migration adds must be, too; run fundpass migrate --distributed", ErrDistribution)
	}
	return nil
}

// refuseSpread goes on from tables none of which is distributed, and from empty ones
// beside others that are, as a new version of the schema adds them.
func refuseSpread(ctx context.Context, tx *sqlx.Tx, tables []spread) error {
	some := slices.ContainsFunc(tables, func(t spread) bool { return t.Kind != "" })
	at := slices.IndexFunc(tables, func(t spread) bool { return t.Name == firstTable })
	for _, t := range tables {
		switch {
		case t.Kind != "" && !t.right(tables[max(at, 0)]):
			return fmt.Errorf("%w: %s is distributed in another way than by center_id beside %s; undistribute it", ErrDistribution, t.Name, firstTable)
		case t.Kind == "" && some && t.Name != versionTable:
			var filled bool
			if err := tx.GetContext(ctx, &filled, `SELECT EXISTS (SELECT 1 FROM `+pq.QuoteIdentifier(t.Name)+`)`); err != nil {
				return fmt.Errorf("store: distribute: %w", err)
			}
			if filled {
				return fmt.Errorf("%w: %s holds rows and is not distributed, and other tables are: half of the database is; undistribute those", ErrDistribution, t.Name)
			}
		}
	}
	return nil
}
