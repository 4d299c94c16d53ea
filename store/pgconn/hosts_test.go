package pgconn_test

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store/pgconn"
	"fundpass/store/storetest"
)

// A new connection starts at the host that accepted the latest one: a dead host is tried
// once, not by every connection.
func TestLatestHostFirst(t *testing.T) {
	t.Parallel()
	var tried atomic.Int64
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	noError(t, err)
	defer dead.Close()
	go func() {
		for {
			c, err := dead.Accept()
			if err != nil {
				return
			}
			tried.Add(1)
			c.Close()
		}
	}()
	_, through := newProxy(t, storetest.Shared(t))
	set := settings(through)
	db, err := pgconn.NewDB(fmt.Sprintf("host=127.0.0.1,127.0.0.1 port=%d,%s user=%s dbname=%s sslmode=disable target_session_attrs=read-write",
		dead.Addr().(*net.TCPAddr).Port, set["port"], set["user"], set["dbname"]), true)
	noError(t, err)
	defer db.Close()
	for range 3 {
		c, err := db.Conn(t.Context())
		noError(t, err)
		defer c.Close()
	}
	if n := tried.Load(); n != 1 {
		t.Errorf("the dead host was tried %d times, want once", n)
	}
}

// While no COMMIT is answered, as by a primary without its standbys, reads go on: commits
// that wait do not take every connection.
func TestReadsGoOnWhileCommitsWait(t *testing.T) {
	t.Parallel()
	p, through := newProxy(t, newSchema(t))
	db := ledger(t, through, maxConns(4))
	p.holds.Store(true)
	for i := range 8 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := enter(ctx, db, fmt.Sprint("entry", i))
		cancel()
		if err == nil {
			t.Fatal("acknowledged without an answer to COMMIT")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a COMMIT gives its connection back after a minute
	defer cancel()
	var one int
	err := db.Read(ctx, func(q sqlx.QueryerContext) error { return q.QueryRowxContext(ctx, `SELECT 1`).Scan(&one) })
	if err != nil || one != 1 {
		t.Errorf("read: %v", err)
	}
	p.holds.Store(false)
	close(p.hold)
	noError(t, enter(t.Context(), db, "after"))
}
