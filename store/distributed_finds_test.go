package store_test

import (
	"strings"
	"testing"
)

// TestStaticTestFinds checks that the test above can fail.
func TestStaticTestFinds(t *testing.T) {
	t.Parallel()
	s := schema{map[string]bool{"accounts": true, "links": true}, map[string]bool{"sync_rows": true}}
	for _, tt := range []struct{ text, want string }{
		{`SELECT 1 FROM accounts WHERE center_id = $1`, ``},
		{`SELECT 1 FROM accounts WHERE account_id = $1`, untied},
		{`SELECT 1 FROM accounts a JOIN links l ON l.center_id = a.center_id WHERE a.center_id = $1`, ``},
		{`SELECT 1 FROM accounts a JOIN links l ON l.account_id = a.account_id WHERE a.center_id = $1`, untied},
		{`SELECT 1 FROM accounts a WHERE a.center_id = $1 AND EXISTS (SELECT 1 FROM links l WHERE l.account_id = a.account_id)`, untied},
		{`SELECT 1 FROM accounts JOIN links ON links.center_id = accounts.center_id WHERE accounts.center_id = $1`, ``},
		{`SELECT 1 FROM accounts JOIN links ON true WHERE accounts.center_id = $1`, untied},
		{`SELECT 1 FROM accounts WHERE center_id = $1 UNION SELECT 1 FROM links`, untied},
		{`SELECT 1 FROM accounts a WHERE a.center_id = $1 AND EXISTS (SELECT 1 FROM links l WHERE l.center_id = a.center_id) FOR UPDATE OF a`, untied},
		{`SELECT 1 FROM accounts a WHERE a.center_id = $1 AND EXISTS (SELECT 1 FROM links l WHERE l.center_id = $1) FOR UPDATE OF a`, ``},
		{`DELETE FROM «table» WHERE center_id = $1`, ``},
		{`DELETE FROM %s WHERE at < $1`, untied},
		{`INSERT INTO links (center_id, a) VALUES ($1, $2) ON CONFLICT (center_id, a) DO UPDATE SET a = excluded.a`, ``},
		{`INSERT INTO links (a, b) VALUES ($1, $2)`, untied},
		{`INSERT INTO links (center_id, a) VALUES ($1, coalesce((SELECT max(a) FROM accounts WHERE center_id = $1), $2))`, "sub-select in VALUES"},
		{`INSERT INTO links (center_id, a) VALUES ($1, $2) RETURNING (SELECT max(a) FROM accounts WHERE center_id = $1)`, "sub-select in VALUES"},
		{`WITH x AS (SELECT a FROM accounts WHERE center_id = $1) INSERT INTO links (center_id, a) SELECT $1, a FROM x`, "WITH and INSERT"},
		{`INSERT INTO links (center_id, a) SELECT $1, coalesce((SELECT max(a) FROM accounts WHERE center_id = $1), $2)`, ``},
		{`INSERT INTO links (center_id, a) SELECT $1, a FROM accounts WHERE center_id = $1 ON CONFLICT (center_id, a) DO NOTHING`, uncounted},
		{`WITH x AS (INSERT INTO links (center_id, a) SELECT $1, a FROM accounts WHERE center_id = $1 ON CONFLICT (center_id, a) DO NOTHING RETURNING 1) SELECT count(*) FROM x`, ``},
		{`UPDATE links SET at = now() WHERE center_id = $1`, "volatile function"},
		{`UPDATE links SET at = at + interval '1 day' WHERE center_id = $1`, "stable function in a write"},
		{`UPDATE links SET at = $2::timestamptz + days * interval '1 day' WHERE center_id = $1`, "stable function in a write"},
		{`UPDATE links SET at = (at AT TIME ZONE 'UTC' + interval '1 day') AT TIME ZONE 'UTC' WHERE center_id = $1`, ``},
		{`UPDATE links SET at = ($2::timestamptz AT TIME ZONE 'UTC' + days * interval '1 day') AT TIME ZONE 'UTC' WHERE center_id = $1`, ``},
		{`SELECT 1 FROM sync_rows r JOIN accounts a ON a.center_id = $1`, "temporary table beside one of the schema"},
		{`CREATE TEMPORARY TABLE sync_rows ON COMMIT DROP AS SELECT a FROM accounts WHERE center_id = $1`, ``},
		{`CREATE TEMPORARY TABLE sync_x ON COMMIT DROP AS SELECT a FROM sync_rows JOIN accounts a ON a.center_id = $1`, "temporary table beside one of the schema"},
		{`SELECT 1 FROM sync_rows r LEFT JOIN accounts a ON a.center_id = $1`, local + ", " + spread},
		{`WITH x AS (INSERT INTO accounts (center_id, a) SELECT $1, r.a FROM sync_rows r ON CONFLICT (center_id, a) DO UPDATE SET a = excluded.a RETURNING 1) SELECT count(*) FROM x`, local + ", " + spread},
		{`UPDATE accounts a SET b = r.b FROM sync_rows r WHERE a.center_id = $1 AND a.a = r.a`, local},
		{`SELECT 1 FROM centers c JOIN links l ON l.center_id = $1 FOR UPDATE`, "lock of a joined reference table"},
		{`INSERT INTO links (center_id, a) VALUES ($1, $2) ON CONFLICT ON CONSTRAINT x DO NOTHING`, "ON CONSTRAINT"},
		{`SELECT pg_advisory_lock($1)`, "per node"},
		{`SELECT 1 FROM sync_rows WHERE account_id NOT IN (SELECT account_id FROM sync_rows)`, "NOT IN (SELECT"},
		{`SET LOCAL lock_timeout = '2s'`, "limit of one server"},
		{`SET LOCAL citus.propagate_set_commands = 'local'; SET LOCAL lock_timeout = '2s'`, ``},
		{`UPDATE links SET a = a[:cardinality(a) - 1] WHERE center_id = $1`, "slice in UPDATE"},
		{`UPDATE links SET a = a[1:$2::int] WHERE center_id = $1`, "slice in UPDATE"},
		{`UPDATE links SET a = trim_array(a[$2::int], 1) WHERE center_id = $1`, ``},
		{`UPDATE links SET a = CASE links.a WHEN $2 THEN 1 ELSE 2 END WHERE center_id = $1`, "CASE x WHEN"},
		{`UPDATE links SET a = CASE WHEN links.a = $2 THEN 1 ELSE 2 END WHERE center_id = $1`, ``},
	} {
		if got := strings.Join(s.complaints(tt.text), ", "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.text, got, tt.want)
		}
	}
}
