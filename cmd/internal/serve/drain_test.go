package serve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/keys/testenv"
	"fundpass/store/storetest"
)

// newApp assembles a server without serving it.
func newApp(t *testing.T, s *cmdtest.ServerEnv) *App {
	t.Helper()
	parsed, err := settings.Read(cmdtest.GetenvOf(s.Env()))
	cmdtest.NoError(t, err)
	a, err := Assemble(t.Context(), parsed, slog.New(slog.DiscardHandler))
	cmdtest.NoError(t, err)
	t.Cleanup(func() { cmdtest.NoError(t, a.Close()) })
	return a
}

// TestServeBrokenListener checks that Serve returns the error of a broken listener and
// closes the other one.
func TestServeBrokenListener(t *testing.T) {
	t.Parallel()
	a := newApp(t, cmdtest.NewEnv(t))
	public, err := net.Listen("tcp", "127.0.0.1:0")
	cmdtest.NoError(t, err)
	ops, err := net.Listen("tcp", "127.0.0.1:0")
	cmdtest.NoError(t, err)
	cmdtest.NoError(t, ops.Close())
	if err := a.Serve(testenv.Context(t), Listeners{Public: public, Ops: ops}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if c, err := net.Dial("tcp", public.Addr().String()); err == nil {
		c.Close()
		t.Error("the other listener is open")
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	a := newApp(t, s)
	db := storetest.Probe(t, s.DSN)
	for digest, age := range map[string]time.Duration{"old": 48 * time.Hour, "new": 0} {
		_, err := db.Exec(`INSERT INTO spent_values (center_id, value_digest, spent_at) VALUES ($3, $1, $2)`, []byte(digest), time.Now().Add(-age), s.Center)
		cmdtest.NoError(t, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { a.purge(ctx, 5*time.Millisecond); close(done) }()
	var left int
	testenv.Eventually(t, "one code is purged", func() bool {
		cmdtest.NoError(t, db.Get(&left, `SELECT count(*) FROM spent_values`))
		return left <= 1
	})
	stop()
	<-done
	var digest []byte
	cmdtest.NoError(t, db.QueryRow(`SELECT value_digest FROM spent_values`).Scan(&digest))
	if left != 1 || string(digest) != "new" {
		t.Errorf("%d left, %q", left, digest)
	}
}
