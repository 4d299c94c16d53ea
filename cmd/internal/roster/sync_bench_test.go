package roster

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/store"
	"fundpass/store/localpg"
	"fundpass/store/storetest"
)

// BenchmarkSync compares a sync of a file of which one line in a hundred changed,
// as a process of its own, with the least that any comparison must do: read and
// check the same file, and COPY its columns and a keyed digest of each line into a
// temporary table. Every second account has a link. Both have one server, which
// keeps what it commits.
func BenchmarkSync(b *testing.B) {
	for _, rows := range benchSizes(b, 100000) {
		b.Run(fmt.Sprint(rows), func(b *testing.B) { benchSync(b, rows) })
	}
}

// benchSizes are the sizes to measure: one, or those of FUNDPASS_BENCH_ROWS, such as
// 100000,1000000.
func benchSizes(b *testing.B, usual int) []int {
	b.Helper()
	v := os.Getenv("FUNDPASS_BENCH_ROWS")
	if v == "" {
		return []int{usual}
	}
	var sizes []int
	for size := range strings.SplitSeq(v, ",") {
		rows, err := strconv.Atoi(size)
		cmdtest.NoError(b, err)
		sizes = append(sizes, rows)
	}
	return sizes
}

// benchSync also reports the greatest resident memory of a sync's process.
func benchSync(b *testing.B, rows int) {
	s, db, _ := newBenchServer(b)
	program := filepath.Join(b.TempDir(), "fundpass")
	if out, err := exec.Command("go", "build", "-o", program, "fundpass/cmd/fundpass").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var files [2]string // the next night's is always the other one
	files[0] = s.Path("a.csv")
	mustImport(s, "--sample", strconv.Itoa(rows), "--out", files[0])
	files[1] = changedSample(b, files[0])
	mustImport(s, files[0])
	mustExec(b, db, `
		INSERT INTO links (center_id, provider, channel, identity_digest, person_digest, account_id, sealed_identity, linked_at, authorised_at)
		SELECT center_id, 'alipay', 'alipay', person_digest, person_digest, min(account_id::text)::uuid, '\x00', now(), now() FROM accounts
		WHERE account_id < '80000000-0000-0000-0000-000000000000' AND status IN ('01', '02') GROUP BY center_id, person_digest`, `VACUUM ANALYZE`, `CHECKPOINT`)

	var synced, copied time.Duration
	var most int64
	night := 0
	for b.Loop() {
		night++
		synced += timed(func() { most = max(most, syncProcess(b, s, program, files[night%2])) })
		b.StopTimer()
		copied += timed(func() { copyParsed(b, s, files[night%2]) })
		b.StartTimer()
	}
	all := float64(rows) * float64(b.N)
	b.ReportMetric(all/synced.Seconds(), "rows/s")
	b.ReportMetric(all/copied.Seconds(), "copied-rows/s")
	b.ReportMetric(synced.Seconds()/copied.Seconds(), "of-copy")
	b.ReportMetric(float64(most)/1024, "MB-RSS")
}

// newBenchServer returns an environment with a server of its own, and its directory.
func newBenchServer(b *testing.B) (*cmdtest.ServerEnv, *sql.DB, string) {
	b.Helper()
	dir, err := os.MkdirTemp("", "roster-bench-")
	cmdtest.NoError(b, err)
	b.Cleanup(func() { os.RemoveAll(dir) })
	cmdtest.NoError(b, os.Chmod(dir, 0o711)) // the account that root steps down to passes through
	pg, err := localpg.Start(b.Context(), localpg.Options{Dir: filepath.Join(dir, "pg"), Own: true})
	storetest.Require(b, err)
	b.Cleanup(func() { pg.Close() })
	s := cmdtest.NewBareEnv(b)
	s.DSN = pg.DSN("")
	_, err = store.Migrate(b.Context(), store.MigrateConfig{DSN: s.DSN})
	cmdtest.NoError(b, err)
	db, err := sql.Open("postgres", s.DSN)
	cmdtest.NoError(b, err)
	b.Cleanup(func() { db.Close() })
	return s, db, pg.Dir()
}

// changedSample is the sample with another phone in one line of a hundred.
func changedSample(b *testing.B, path string) string {
	b.Helper()
	lines := strings.Split(string(cmdtest.ReadFile(b, path)), "\n")
	for i := 50; i < len(lines)-1; i += 100 {
		fields := strings.Split(lines[i], ",")
		fields[4] = fmt.Sprintf("101%08d", i)
		lines[i] = strings.Join(fields, ",")
	}
	return cmdtest.TempFile(b, strings.Join(lines, "\n"))
}

// syncProcess runs a sync and returns its greatest resident memory in KiB.
func syncProcess(b *testing.B, s *cmdtest.ServerEnv, program, path string) (most int64) {
	b.Helper()
	c := exec.Command(program, "sync", path)
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "FUNDPASS_") }) // such as FUNDPASS_BENCH_ROWS, no setting
	for name, v := range s.Env() {
		c.Env = append(c.Env, name+"="+v)
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	cmdtest.NoError(b, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				b.Fatalf("%v\n%s", err, &out)
			}
			return most
		case <-time.After(20 * time.Millisecond):
			most = max(most, highWater(c.Process.Pid))
		}
	}
}

// highWater is the greatest resident memory of a process so far, in KiB. What the
// system tells of one that has ended counts the memory of this process, too, which was
// its own until it became another program.
func highWater(pid int) (kib int64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if _, line, found := strings.Cut(string(status), "VmHWM:"); err == nil && found {
		fmt.Sscan(line, &kib)
	}
	return kib
}

// copyParsed reads and checks a file and copies what it says, with a digest of
// each line, into a temporary table.
func copyParsed(b *testing.B, s *cmdtest.ServerEnv, path string) {
	b.Helper()
	r, err := fileRoster(path, autoEncoding)
	cmdtest.NoError(b, err)
	db, err := sql.Open("postgres", s.DSN)
	cmdtest.NoError(b, err)
	defer db.Close()
	tx, err := db.Begin()
	cmdtest.NoError(b, err)
	defer tx.Rollback()
	_, err = tx.Exec(`CREATE TEMPORARY TABLE parsed (line bigint, no text, name text, id_type text, id_number text,
		phone text, employer text, status text, rule text, digest bytea) ON COMMIT DROP`)
	cmdtest.NoError(b, err)
	in, err := tx.Prepare(pq.CopyIn("parsed", "line", "no", "name", "id_type", "id_number", "phone", "employer", "status", "rule", "digest"))
	cmdtest.NoError(b, err)
	w := terminal.Stdio{Getenv: cmdtest.GetenvOf(s.Env())}
	cmdtest.NoError(b, withIntake(b.Context(), w, r, func(m *intake) error {
		return m.read(func() error {
			return runPieces(b.Context(), work{
				func() (piece, error) { return m.cutLines(store.ImportBatch, nil) },
				func(_ context.Context, p *piece) { m.check(p); digestLines(m.db, p) },
				func(_ context.Context, p *piece) error { return copyLines(in, p) },
			})
		})
	}))
	_, err = in.Exec()
	cmdtest.NoError(b, err)
}

// digestLines leaves a keyed digest of each line in its Hash.
func digestLines(db *store.DB, p *piece) {
	for i := range p.entries {
		d := &p.entries[i].Depositor
		d.Hash = string(db.Digest("line", []byte(d.Person.AccountNo), []byte(d.Person.Name), d.DocumentKey, []byte(d.Person.Phone), []byte(d.Status)))
	}
}

func copyLines(in *sql.Stmt, p *piece) error {
	for _, e := range p.entries {
		d := e.Person
		if _, err := in.Exec(e.line, d.AccountNo, d.Name, d.IDType, d.IDNumber, d.Phone, d.EmployerNo, e.Status, e.InitialRule, []byte(e.Hash)); err != nil {
			return err
		}
	}
	return nil
}
