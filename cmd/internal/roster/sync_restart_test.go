package roster

import (
	"crypto/sha256"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// busyNight is a centre of many accounts, some linked, and the file of a night
// in which all of them change. The column of old digests, though empty, makes
// the pieces small.
func busyNight(s *cmdtest.ServerEnv, n int) (path string) {
	s.T.Helper()
	f := newNightFile(n)
	mustImport(s, f.write(s.T))
	db := s.Open()
	for i := 0; i < n; i += 40 {
		linkLine(s, db, f.at(i), f.order[i])
		switch i / 40 % 5 {
		case 0:
			f.at(i).status, f.at(i+1).number = store.StatusMerged, f.at(i).number
		case 1:
			f.at(i).status = store.StatusClosed
		case 2:
			f.at(i).status = store.StatusFrozen
		case 3:
			f.at(i).number = "XB" + f.at(i).number[2:]
		}
	}
	for i := range n {
		f.at(i).phone = "10100000000"
	}
	lines := strings.Split(strings.TrimSpace(string(cmdtest.ReadFile(s.T, f.write(s.T)))), "\n")
	lines[0] += ",JMMM"
	return cmdtest.TempFile(s.T, lines[0]+"\n"+strings.Join(lines[1:], ",\n")+",")
}

// changesDone waits until a sync has taken in more than so many changes.
func changesDone(s *cmdtest.ServerEnv, path string, more int64) int64 {
	s.T.Helper()
	r, err := fileRoster(path, autoEncoding)
	cmdtest.NoError(s.T, err)
	key := sha256.Sum256(append([]byte("sync "), r.digest...))
	var done int64
	db := storetest.Probe(s.T, s.DSN)
	testenv.Eventually(s.T, "the sync gets on", func() bool {
		return db.Get(&done, `SELECT lines_done FROM imports WHERE file_digest = $1`, key[:]) == nil && done > more
	})
	return done
}

// Several syncs of one file at once: nothing is done twice.
func TestSyncTogether(t *testing.T) {
	t.Parallel()
	s, twin := cmdtest.NewOwnEnv(t), cmdtest.NewOwnEnv(t) // ids and digests are of the centre, and both have one of the same name
	path := busyNight(s, 2000)
	mustSync(twin, busyNight(twin, 2000), "--yes")
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			r := cmdtest.Run(t, s.Env(), "sync", path, "--yes")
			if r.Err != nil && !strings.Contains(r.Err.Error(), "was begun meanwhile") {
				t.Error(r.Err)
			}
		})
	}
	all.Wait()
	mustSync(s, path, "--yes")
	if d := cmp.Diff(tablesOf(twin), tablesOf(s)); d != "" {
		t.Error(d)
	}
}

// An operator who stops a sync is told how to go on.
func TestSyncInterrupted(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	path := busyNight(s, 2000)
	interrupt(s, func() { changesDone(s, path, 0) }, "sync", path, "--yes")
	cmdtest.WantIn(t, mustSync(s, path, "--yes"), "An earlier run took in", synced(2000, 0, 2000, 0, 0, 0))
}
