package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/lib/pq"

	"fundpass/store/pgconn"
)

// compareLimit bounds the comparison of one file: tens of millions of lines.
const compareLimit = 2 * time.Hour

// A Listed is a line of a file as it is compared with the database: digests only.
type Listed struct {
	line         int64
	row          importRow // of a restriction only id and status
	number       []byte    // see numberDigest
	Passwordless bool      // the line has no password, so it cannot be a new account
}

// List makes the digests of a depositor, which cost a fraction of its
// encryption. It may run on all cores at once. It returns ErrDepositor.
func (db Roster) List(line int64, d Depositor) (Listed, error) {
	r, _, err := db.digestDepositor(d)
	return Listed{line: line, row: r, number: db.numberDigest(r.sibling)}, err
}

// ListRestriction is List for a line of which only the status counts, see
// Restriction.
func (db Roster) ListRestriction(r Restriction) Listed {
	return Listed{line: r.Line, row: importRow{accountID: importedID(db.accountNoDigest(r.AccountNo)), status: r.Status}}
}

// numberDigest returns the digest of a sibling's number, which the database compares.
func (db Roster) numberDigest(s sibling) []byte {
	return db.Digest("account number without zeros", []byte(s.number))
}

// A Difference is a line that differs from what the database holds, or whose link has
// yet to follow its account.
type Difference struct {
	Line  int64  `db:"line"`
	Later *int64 `db:"superseded_by"` // a later line of the same account, which counts
	IsNew bool   `db:"is_new"`
	Same  bool   `db:"same"` // only the link is behind

	Restriction  bool `db:"restriction"`  // only the status differs, see Restriction
	Passwordless bool `db:"passwordless"` // see Listed
	Shortened    bool `db:"shortened"`    // a new account beside a sibling, not to be taken
}

// A Plan is what taking in a file would do to links, and what it lacks.
type Plan struct {
	Links            int64 `db:"links"` // of the centre
	LinksMoved       int64 `db:"links_moved"`
	LinksEnded       int64 `db:"links_ended"`
	ChangesCancelled int64 `db:"changes_cancelled"`
	Missing          int64 `db:"missing"`        // accounts that are not in the file
	MissingLinked    int64 `db:"missing_linked"` // those with a link
}

// A Comparison is a file on its way through Compare.
type Comparison struct {
	Lines   func(put func(Listed) error) error // calls put for every line, in the file's order
	Changed func(Difference) error             // called for every difference, in the file's order
	Kinds   func([]ChangeKind)                 // called with the kinds of the differences; may be nil
}

// errCompared undoes the comparison's transaction.
var errCompared = errors.New("store: compared")

// Compare returns what taking in a file would change, and writes nothing. The lines
// stream into a temporary table, what the centre holds is copied beside it, and one
// join finds the lines whose digest differs. A distributed planner joins no temporary
// table with one of the schema, so no statement here names both. Memory here does not
// grow with the file. If the connection breaks, Compare returns ErrUnavailable and does
// not try again, because the lines can be read only once.
func (db Roster) Compare(ctx context.Context, file Comparison) (Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, compareLimit)
	defer cancel()
	var p Plan
	err := db.pool.InTxOnce(ctx, func(tx *pgconn.Tx) error {
		c := comparing{importTx{tx, db.DB, db.clock()}}
		for _, step := range []func() error{
			func() error { return c.stage(ctx, file.Lines) },
			func() error { return c.copyHeld(ctx) },
			func() error { return c.findDifferences(ctx) },
			func() error { return c.findShortened(ctx) },
			func() error { return c.plan(ctx, &p) },
			func() error { return c.kinds(ctx, file.Kinds) },
			func() error { return c.tell(ctx, file.Changed) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return errCompared
	})
	if errors.Is(err, errCompared) {
		err = nil
	}
	return p, err
}

// comparing is the transaction of Compare.
type comparing struct{ importTx }

// stage fills a table that only this transaction sees.
func (c comparing) stage(ctx context.Context, lines func(put func(Listed) error) error) error {
	// The whole file is sorted and hashed here, once a night.
	if _, err := c.ExecContext(ctx, `SET LOCAL work_mem = '64MB'`); err != nil {
		return err
	}
	_, err := c.ExecContext(ctx, `
		CREATE TEMPORARY TABLE sync_rows (
			line          bigint  NOT NULL,
			account_id    uuid    NOT NULL,
			person_digest bytea,
			status        text    NOT NULL,
			row_digest    bytea,
			number_digest bytea,
			passwordless  boolean NOT NULL
		) ON COMMIT DROP`)
	if err != nil {
		return err
	}
	return c.CopyIn(ctx, `COPY pg_temp.sync_rows FROM STDIN`, func(put func(...driver.Value) error) error {
		return lines(func(l Listed) error {
			r := &l.row
			return put(l.line, r.accountID.String(), orNil(r.person), r.status, orNil(r.rowDigest), orNil(l.number), l.Passwordless)
		})
	})
}

// copyHeld copies what the centre holds and a comparison needs: digests only, and links of
// all providers.
func (c comparing) copyHeld(ctx context.Context) error {
	for _, statement := range []string{
		`CREATE TEMPORARY TABLE sync_accounts ON COMMIT DROP AS
		SELECT account_id, person_digest, status, row_digest FROM accounts WHERE center_id = $1`,
		`CREATE TEMPORARY TABLE sync_links ON COMMIT DROP AS
		SELECT account_id, person_digest FROM links WHERE center_id = $1`,
	} {
		if _, err := c.ExecContext(ctx, statement, c.db.center); err != nil {
			return err
		}
	}
	if _, err := c.ExecContext(ctx, `
		CREATE TEMPORARY TABLE sync_open ON COMMIT DROP AS
		SELECT account_id, person_digest FROM changes
		WHERE center_id = $1 AND state = 'open' AND expires_at > $2
		UNION ALL
		SELECT account_id, person_digest FROM resets
		WHERE center_id = $1 AND state IN ('started', 'passed') AND expires_at > $2`, c.db.center, c.now); err != nil {
		return err
	}
	_, err := c.ExecContext(ctx, `ANALYZE sync_rows, sync_accounts, sync_links, sync_open`)
	return err
}

// findDifferences keeps the lines that differ. Of an account that occurs several
// times the last line counts, whether it differs or not. A link that an earlier version
// of the server left on an ended account is a difference, too.
func (c comparing) findDifferences(ctx context.Context) error {
	if _, err := c.ExecContext(ctx, `
		CREATE TEMPORARY TABLE sync_changed ON COMMIT DROP AS
		SELECT r.line, r.account_id, coalesce(r.person_digest, a.person_digest) AS person_digest, r.status,
			r.number_digest, r.passwordless, a.account_id IS NULL AS is_new, r.row_digest IS NULL AS restriction,
			false AS same, false AS shortened, NULL::bigint AS superseded_by
		FROM sync_rows r LEFT JOIN sync_accounts a ON a.account_id = r.account_id
		WHERE CASE WHEN r.row_digest IS NULL THEN a.status <> r.status
			ELSE a.row_digest IS DISTINCT FROM r.row_digest END`); err != nil {
		return err
	}
	if _, err := c.ExecContext(ctx, `
		INSERT INTO sync_changed (line, account_id, person_digest, status, passwordless, is_new, restriction, same, shortened)
		SELECT DISTINCT r.line, r.account_id, r.person_digest, r.status, r.passwordless, false, false, true, false
		FROM sync_rows r
		JOIN sync_links l ON l.account_id = r.account_id
		JOIN sync_accounts a ON a.account_id = r.account_id AND a.row_digest = r.row_digest
		WHERE r.status IN `+endedStatuses+` OR l.person_digest <> r.person_digest`); err != nil {
		return err
	}
	if _, err := c.ExecContext(ctx, `
		UPDATE sync_changed c SET superseded_by = later.line
		FROM (SELECT d.line AS earlier, max(r.line) AS line
			FROM sync_changed d JOIN sync_rows r ON r.account_id = d.account_id AND r.line > d.line
			GROUP BY d.line) later
		WHERE c.line = later.earlier`); err != nil {
		return err
	}
	_, err := c.ExecContext(ctx, `ANALYZE sync_changed`)
	return err
}

// findShortened marks the new accounts that have a sibling: in the database, or in
// an earlier line that is new itself.
func (c comparing) findShortened(ctx context.Context) error {
	if _, err := c.ExecContext(ctx, `
		UPDATE sync_changed c SET shortened = true
		FROM sync_changed e
		WHERE c.is_new AND e.is_new AND e.line < c.line AND e.account_id <> c.account_id
			AND e.person_digest = c.person_digest AND e.number_digest = c.number_digest
			AND c.superseded_by IS NULL AND e.superseded_by IS NULL`); err != nil {
		return err
	}
	// The accounts' numbers are read in pages, because they are sealed, and wide.
	if _, err := c.ExecContext(ctx, `
		DECLARE sync_beside NO SCROLL CURSOR FOR
		SELECT n.line, n.number_digest, n.person_digest FROM sync_changed n
		WHERE n.is_new AND n.superseded_by IS NULL
			AND EXISTS (SELECT 1 FROM sync_accounts a WHERE a.person_digest = n.person_digest)`); err != nil {
		return err
	}
	var shortened pq.Int64Array
	for {
		var page []newLine
		if err := c.SelectContext(ctx, &page, `FETCH 2000 FROM sync_beside`); err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		lines, err := c.shortenedIn(ctx, page)
		if err != nil {
			return err
		}
		shortened = append(shortened, lines...)
	}
	_, err := c.ExecContext(ctx, `UPDATE sync_changed SET shortened = true WHERE line = ANY ($1::bigint[])`, shortened)
	return err
}

// A newLine is a line of a new account whose person has another one.
type newLine struct {
	Line   int64  `db:"line"`
	Number []byte `db:"number_digest"`
	Person []byte `db:"person_digest"`
}

// shortenedIn returns the lines of a page that have a sibling in the database.
func (c comparing) shortenedIn(ctx context.Context, page []newLine) (lines pq.Int64Array, _ error) {
	persons := make(pq.ByteaArray, len(page))
	for i, n := range page {
		persons[i] = n.Person
	}
	siblings, err := c.siblings(ctx, persons, nil)
	if err != nil {
		return nil, err
	}
	there := make(map[sibling]bool, len(siblings)) // with the digest for the number
	for s := range siblings {
		there[sibling{s.person, string(c.db.Roster().numberDigest(s))}] = true
	}
	for _, n := range page {
		if there[sibling{string(n.Person), string(n.Number)}] {
			lines = append(lines, n.Line)
		}
	}
	return lines, nil
}

// plan computes what followAccounts and followMerged will do once all accounts are as the
// file says. A link may wait for followMerged since an import that was broken off.
func (c comparing) plan(ctx context.Context, p *Plan) error {
	return c.GetContext(ctx, p, `
		WITH now AS (SELECT * FROM sync_changed
			WHERE superseded_by IS NULL AND NOT shortened AND NOT (is_new AND passwordless)),
		affected AS (
			SELECT l.person_digest, l.account_id, n.status, l.person_digest <> n.person_digest AS other
			FROM now n JOIN sync_links l ON l.account_id = n.account_id
			WHERE l.person_digest <> n.person_digest OR n.status IN ('03', '04', '05', '06')
			UNION ALL
			SELECT l.person_digest, l.account_id, b.status, false
			FROM sync_links l JOIN sync_accounts b ON b.account_id = l.account_id AND b.person_digest = l.person_digest
			WHERE b.status = '03' AND NOT EXISTS (SELECT 1 FROM now n WHERE n.account_id = l.account_id)),
		leaving AS (
			SELECT person_digest, status = '03' AND NOT other AS may_move FROM affected
			WHERE other OR status IN `+endedStatuses+`),
		open AS (
			SELECT b.person_digest FROM sync_accounts b LEFT JOIN now n ON n.account_id = b.account_id
			WHERE n.account_id IS NULL AND b.status NOT IN `+endedStatuses+`
				AND b.person_digest IN (SELECT person_digest FROM leaving WHERE may_move)
			UNION SELECT person_digest FROM now WHERE status NOT IN `+endedStatuses+`
				AND person_digest IN (SELECT person_digest FROM leaving WHERE may_move))
		SELECT
			(SELECT count(*) FROM sync_links) AS links,
			v.links_moved, v.links_ended,
			(SELECT count(*) FROM sync_open o WHERE EXISTS (SELECT 1 FROM affected f
				WHERE o.person_digest = f.person_digest AND o.account_id = f.account_id)) AS changes_cancelled,
			m.missing, m.missing_linked
		FROM (SELECT count(*) FILTER (WHERE may_move AND o.person_digest IS NOT NULL) AS links_moved,
				count(*) FILTER (WHERE NOT may_move OR o.person_digest IS NULL) AS links_ended
			FROM leaving LEFT JOIN open o ON o.person_digest = leaving.person_digest) v,
		(SELECT count(*) AS missing, count(l.account_id) AS missing_linked
			FROM sync_accounts a LEFT JOIN (SELECT DISTINCT account_id FROM sync_links) l ON l.account_id = a.account_id
			WHERE NOT EXISTS (SELECT 1 FROM sync_rows r WHERE r.account_id = a.account_id)) m`)
}

// tell calls changed for every difference, in the file's order.
func (c comparing) tell(ctx context.Context, changed func(Difference) error) error {
	rows, err := c.QueryxContext(ctx, `SELECT line, superseded_by, is_new, same, restriction, passwordless, shortened FROM sync_changed ORDER BY line`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var d Difference
		if err := rows.StructScan(&d); err != nil {
			return err
		}
		if err := changed(d); err != nil {
			return err
		}
	}
	return rows.Err()
}
