package roster

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
)

// BenchmarkImport compares the whole import of a sample (made, read, checked,
// sealed, merged, one commit a batch) with the fastest way there is to bring
// the same sealed rows into the same tables: COPY from a file on the server, in
// one transaction. The server keeps what it commits.
func BenchmarkImport(b *testing.B) {
	for _, rows := range benchSizes(b, 50000) {
		b.Run(fmt.Sprint(rows), func(b *testing.B) { benchImport(b, rows) })
	}
}

func benchImport(b *testing.B, rows int) {
	s, db, dir := newBenchServer(b)
	var imported, copied time.Duration
	for b.Loop() {
		mustExec(b, db, `TRUNCATE accounts, imports CASCADE`, `CHECKPOINT`)
		imported += timed(func() { mustImport(s, "--sample", strconv.Itoa(rows)) })
		b.StopTimer()
		copied += copyAgain(b, db, dir)
		b.StartTimer()
	}
	all := float64(rows) * float64(b.N)
	b.ReportMetric(all/imported.Seconds(), "rows/s")
	b.ReportMetric(all/copied.Seconds(), "copied-rows/s")
	b.ReportMetric(copied.Seconds()/imported.Seconds(), "of-copy")
}

// copyAgain empties the tables and says how long COPY takes to fill them again.
func copyAgain(b *testing.B, db *sql.DB, dir string) time.Duration {
	b.Helper()
	tables := []string{"accounts", "password_credentials"}
	var in []string
	for _, table := range tables {
		file := filepath.Join(dir, table+".copy")
		mustExec(b, db, fmt.Sprintf(`COPY %s TO '%s'`, table, file))
		in = append(in, fmt.Sprintf(`COPY %s FROM '%s'`, table, file))
	}
	mustExec(b, db, `TRUNCATE accounts CASCADE`, `CHECKPOINT`)
	return timed(func() { mustExec(b, db, `BEGIN; `+in[0]+`; `+in[1]+`; COMMIT`) })
}

func mustExec(b testing.TB, db *sql.DB, statements ...string) {
	b.Helper()
	for _, statement := range statements {
		_, err := db.ExecContext(b.Context(), statement)
		cmdtest.NoError(b, err)
	}
}

func timed(f func()) time.Duration {
	begun := time.Now()
	f()
	return time.Since(begun)
}
