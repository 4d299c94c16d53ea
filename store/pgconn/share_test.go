package pgconn_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/keys/testenv"
	"fundpass/store/pgconn"
	"fundpass/store/storetest"
)

// one reads a number.
func one(ctx context.Context, p *pgconn.Pool) error {
	return p.Read(ctx, func(q sqlx.QueryerContext) error { return sqlx.GetContext(ctx, q, new(int), `SELECT $1::int`, 1) })
}

// A crowd are callers of a pool, each of whom has a connection until let is closed.
type crowd struct {
	entered chan struct{}
	let     chan struct{}
	wait    sync.WaitGroup
}

// gather starts n callers, every second of whom reads and the others are in a transaction.
func gather(t *testing.T, p *pgconn.Pool, n int) *crowd {
	c := &crowd{entered: make(chan struct{}, n), let: make(chan struct{})}
	for i := range n {
		c.wait.Go(func() {
			ctx := testenv.Context(t)
			stay := func(q sqlx.QueryerContext) error {
				rows, err := q.QueryContext(ctx, `SELECT 1`)
				if err != nil {
					return err
				}
				defer rows.Close()
				c.entered <- struct{}{}
				<-c.let
				return rows.Err()
			}
			err := error(nil)
			if i%2 == 0 {
				err = p.Read(ctx, stay)
			} else {
				err = p.InTx(ctx, func(tx *pgconn.Tx) error { return stay(tx) })
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	return c
}

// TestShareLeavesConnections checks that callers of a share use only its connections, and
// that those of another are served while they wait.
func TestShareLeavesConnections(t *testing.T) {
	t.Parallel()
	p := openPool(t, storetest.Shared(t), maxConns(4))
	stormed, other := p.Share(2), p.Share(2)
	c := gather(t, stormed, 16)
	for range 2 {
		<-c.entered
	}
	for range 20 {
		noError(t, one(testenv.Context(t), other))
		noError(t, other.InTx(testenv.Context(t), func(tx *pgconn.Tx) error { return tx.Get(new(int), `SELECT 1`) }))
	}
	if n := p.DB().Stats().InUse; n != 2 {
		t.Errorf("%d connections in use", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := one(ctx, stormed); !errors.Is(err, pgconn.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller whose time ends before a seat is free: %v", err)
	}
	close(c.let)
	c.wait.Wait()
	if n := stormed.SeatsTaken(); n != 0 {
		t.Errorf("%d seats taken", n)
	}
}

// TestTransactionsLeaveSeats checks that transactions that wait for their COMMIT, and others
// behind them, leave a seat of their share and a connection for reads.
func TestTransactionsLeaveSeats(t *testing.T) {
	t.Parallel()
	p := openPool(t, storetest.Shared(t), maxConns(8))
	share := p.Share(4)
	entered, let := make(chan struct{}, 16), make(chan struct{})
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			if err := share.InTx(testenv.Context(t), func(*pgconn.Tx) error { entered <- struct{}{}; <-let; return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	for range 3 {
		<-entered
	}
	noError(t, one(testenv.Context(t), share))
	if n := share.SeatsTaken(); n != 3 {
		t.Errorf("%d seats taken", n)
	}
	close(let)
	wait.Wait()
}

// TestSeatComesBack ends calls in every way.
func TestSeatComesBack(t *testing.T) {
	t.Parallel()
	p := openPool(t, storetest.Shared(t)).Share(1)
	boom := errors.New("boom")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]func(){
		"read": func() { noError(t, one(t.Context(), p)) },
		"failed read": func() {
			if err := p.Read(t.Context(), func(sqlx.QueryerContext) error { return boom }); !errors.Is(err, boom) {
				t.Error(err)
			}
		},
		"failed transaction": func() {
			if err := p.InTx(t.Context(), func(*pgconn.Tx) error { return boom }); !errors.Is(err, boom) {
				t.Error(err)
			}
		},
		"panic": func() {
			defer func() { _ = recover() }()
			_ = p.InTx(t.Context(), func(*pgconn.Tx) error { panic(boom) })
		},
		"ended before": func() { _ = p.InTx(ended, func(*pgconn.Tx) error { return nil }) },
		"ended within": func() {
			ctx, cancel := context.WithCancel(t.Context())
			_ = p.InTx(ctx, func(*pgconn.Tx) error { cancel(); return nil })
		},
		"transaction": func() { noError(t, p.InTx(t.Context(), func(*pgconn.Tx) error { return nil })) },
	}
	for name, call := range calls {
		call()
		testenv.Eventually(t, name+": the seat is given back", func() bool { return p.SeatsTaken() == 0 })
	}
}

// TestCloseShare checks that closing a share ends its waiting callers, waits for the running
// ones and leaves the pool open.
func TestCloseShare(t *testing.T) {
	t.Parallel()
	p := openPool(t, storetest.Shared(t))
	share := p.Share(1)
	c := gather(t, share, 1)
	<-c.entered
	waiting, closed := make(chan error, 1), make(chan error, 1)
	go func() { waiting <- one(testenv.Context(t), share) }()
	go func() { closed <- share.Close() }()
	if err := <-waiting; !errors.Is(err, pgconn.ErrUnavailable) {
		t.Errorf("waiting: %v", err)
	}
	select {
	case <-closed:
		t.Error("closed before the last call ended")
	default:
	}
	close(c.let)
	noError(t, <-closed)
	c.wait.Wait()
	if err := one(t.Context(), share); !errors.Is(err, pgconn.ErrUnavailable) {
		t.Errorf("afterwards: %v", err)
	}
	noError(t, one(t.Context(), p))
	noError(t, share.Close())
}
