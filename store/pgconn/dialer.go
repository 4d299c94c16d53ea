package pgconn

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

// cancelGrace is how long a call may outlast its context before the sockets are closed. The
// server can answer a cancel request within this time.
const cancelGrace = 150 * time.Millisecond

// A dialer opens the sockets of one connection: its primary one, and those on which
// lib/pq sends cancel requests. Closing the dialer ends every call that waits on
// one of them.
type dialer struct {
	mu      sync.Mutex
	closed  bool
	open    map[net.Conn]struct{}
	primary net.Conn        // nil until the connection is set up
	ctx     context.Context // ends with close
	cancel  context.CancelFunc
}

func newDialer() *dialer {
	d := &dialer{open: map[net.Conn]struct{}{}}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// DialContext implements pq.DialerContext.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.ctx, cancel)()
	inner := net.Dialer{
		// A dead peer is detected within 6 s instead of the kernel's two hours.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 3 * time.Second, Interval: time.Second, Count: 3},
		Control:         limitUnacknowledged,
	}
	c, err := inner.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return d.track(c)
}

// Dial implements pq.Dialer. lib/pq prefers DialContext.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, maxConnectTimeout)
}

// DialTimeout implements pq.Dialer.
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// track returns c as one of the dialer's sockets, or closes it if the dialer is
// closed.
func (d *dialer) track(c net.Conn) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		c.Close()
		return nil, net.ErrClosed
	}
	d.open[c] = struct{}{}
	return &trackedConn{Conn: c, dialer: d}, nil
}

// setPrimary makes the only open socket the primary one.
func (d *dialer) setPrimary() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.open {
		d.primary = c
	}
}

// isIdle reports whether the peer has neither closed the primary socket nor sent anything.
func (d *dialer) isIdle() bool {
	c, ok := d.primary.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := c.SyscallConn()
	return err == nil && nothingToRead(raw)
}

// close closes every socket. Calls that wait on one return at once.
func (d *dialer) close() {
	d.cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for c := range d.open {
		c.Close()
	}
	clear(d.open)
}

// closeAfter closes the dialer unless release is called within cancelGrace of the
// end of ctx.
func (d *dialer) closeAfter(ctx context.Context) (release func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		grace := time.NewTimer(cancelGrace)
		defer grace.Stop()
		select {
		case <-done:
		case <-grace.C:
			d.close()
		}
	})
	return func() { stop(); close(done) }
}

// A trackedConn is a socket that is removed from its dialer when it is closed.
type trackedConn struct {
	net.Conn
	dialer *dialer
}

// Close implements net.Conn.
func (c *trackedConn) Close() error {
	c.dialer.mu.Lock()
	delete(c.dialer.open, c.Conn)
	c.dialer.mu.Unlock()
	return c.Conn.Close()
}
