package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// ErrDistribution says why a database cannot be spread over servers as it stands.
var ErrDistribution = errors.New("store: cannot distribute the tables")

// Distribute brings the schema up to date without its foreign keys and spreads its
// tables over the servers of a Citus cluster: centers stands on all of them, everything
// else where its centre does. It returns what it did; calling it again does nothing. A
// database that is spread in another way, or half of it, is refused with ErrDistribution
// before anything is changed.
func Distribute(ctx context.Context, c MigrateConfig) (applied, distributed []string, err error) {
	cfg, err := parseDSN(c.DSN)
	if err != nil {
		return nil, nil, err
	}
	if err := refusePooler(ctx, cfg); err != nil {
		return nil, nil, err
	}
	cfg.BinaryParameters = false
	direct, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, nil, err
	}
	db := sqlx.NewDb(sql.OpenDB(direct), "postgres")
	defer db.Close()
	if _, err := spreadTables(ctx, db, false); err != nil {
		return nil, nil, err
	}
	c.Distributed = true
	if applied, err = Migrate(ctx, c); err != nil {
		return nil, nil, err
	}
	distributed, err = spreadTables(ctx, db, true)
	return applied, distributed, err
}

// spreadTables distributes what is not yet, or only looks whether it could, in one
// transaction.
func spreadTables(ctx context.Context, db *sqlx.DB, write bool) (done []string, err error) {
	tx, err := db.BeginTxx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, fmt.Errorf("store: distribute: %w", err)
	}
	defer tx.Rollback()
	if write { // several processes take turns
		if _, err := tx.ExecContext(ctx, `LOCK TABLE goose_db_version IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return nil, fmt.Errorf("store: distribute: %w", err)
		}
	}
	tables, err := tableSpreads(ctx, tx)
	if err != nil || !write {
		return nil, err
	}
	for _, t := range tables {
		if t.Kind != "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, t.statement()); err != nil {
			return nil, fmt.Errorf("store: distribute %s: %w", t.Name, err)
		}
		done = append(done, t.Name)
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("store: distribute: %w", err)
	}
	return done, nil
}

const (
	referenceTable = "centers"  // every server has all of it
	firstTable     = "accounts" // with whose rows the other tables' stand
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
	if s.Name == referenceTable {
		return s.Kind == "reference"
	}
	return s.Kind == "distributed" && s.Column == "center_id" && s.Group == first.Group
}

func (s spread) statement() string {
	switch s.Name {
	case referenceTable:
		return `SELECT create_reference_table('` + s.Name + `')`
	case firstTable:
		return `SELECT create_distributed_table('` + s.Name + `', 'center_id', colocate_with => 'none')`
	}
	return `SELECT create_distributed_table('` + s.Name + `', 'center_id', colocate_with => '` + firstTable + `')`
}

// tableSpreads are the schema's tables in the order in which they are distributed. It
// returns ErrDistribution for what it would not go on from.
func tableSpreads(ctx context.Context, tx *sqlx.Tx) ([]spread, error) {
	var able bool
	if err := tx.GetContext(ctx, &able, isDistributed); err != nil {
		return nil, fmt.Errorf("store: distribute: %w", err)
	}
	if !able {
		return nil, fmt.Errorf("%w: the server has no citus extension; CREATE EXTENSION citus, add its workers, then run this again", ErrDistribution)
	}
	var tables []spread
	err := tx.SelectContext(ctx, &tables, `
		SELECT c.relname::text AS name, coalesce(t.citus_table_type, '') AS kind,
			coalesce(t.distribution_column, '') AS column, coalesce(t.colocation_id, 0) AS colocation_id
		FROM pg_class c LEFT JOIN citus_tables t ON t.table_name = c.oid::regclass
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
			AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'center_id')
		ORDER BY c.relname <> $1, c.relname <> $2, c.relname`, referenceTable, firstTable)
	if err != nil {
		return nil, fmt.Errorf("store: distribute: %w", err)
	}
	return tables, refuseSpread(ctx, tx, tables)
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
		case t.Kind == "" && some:
			var filled bool
			if err := tx.GetContext(ctx, &filled, `SELECT EXISTS (SELECT 1 FROM `+pq.QuoteIdentifier(t.Name)+`)`); err != nil {
				return fmt.Errorf("store: distribute: %w", err)
			}
			if filled {
				return fmt.Errorf("%w: %s holds rows and is not distributed, and other tables are: half of the database is; undistribute those", ErrDistribution, t.Name)
			}
		}
	}
	return refuseKeys(ctx, tx, some)
}

// refuseKeys: tables that reference each other cannot be distributed one by one.
func refuseKeys(ctx context.Context, tx *sqlx.Tx, some bool) error {
	var names []string
	if some {
		return nil
	}
	err := tx.SelectContext(ctx, &names, `
		SELECT conrelid::regclass::text FROM pg_constraint
		WHERE contype = 'f' AND connamespace = current_schema()::regnamespace GROUP BY 1 ORDER BY 1`)
	if err != nil {
		return fmt.Errorf("store: distribute: %w", err)
	}
	if len(names) > 0 {
		return fmt.Errorf("%w: it was migrated with foreign keys (%s); drop them first", ErrDistribution, strings.Join(names, ", "))
	}
	return nil
}
