package store

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

// cutAfter is how long a call may outlast its context: time for the server to
// answer a cancel request, before the line is cut.
const cutAfter = 150 * time.Millisecond

// A line holds the sockets of one connection: its own, and those on which the
// driver sends cancel requests. Cutting it ends every call that waits on them.
type line struct {
	mu    sync.Mutex
	gone  bool
	open  map[net.Conn]struct{}
	main  net.Conn // the connection's own, once it is set up
	life  context.Context
	death context.CancelFunc
}

func newLine() *line {
	l := &line{open: map[net.Conn]struct{}{}}
	l.life, l.death = context.WithCancel(context.Background())
	return l
}

// DialContext implements pq.DialerContext.
func (l *line) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.life, cancel)()
	d := net.Dialer{
		// A dead peer is found in 6 s, not after the kernel's two hours.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 3 * time.Second, Interval: time.Second, Count: 3},
		Control:         limitUnacknowledged,
	}
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return l.hold(c)
}

// Dial implements pq.Dialer; the driver prefers DialContext.
func (l *line) Dial(network, address string) (net.Conn, error) {
	return l.DialTimeout(network, address, connectLimit)
}

// DialTimeout implements pq.Dialer.
func (l *line) DialTimeout(network, address string, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return l.DialContext(ctx, network, address)
}

func (l *line) hold(c net.Conn) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		c.Close()
		return nil, net.ErrClosed
	}
	l.open[c] = struct{}{}
	return &held{Conn: c, line: l}, nil
}

// settle notes the socket that set-up ended with.
func (l *line) settle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		l.main = c
	}
}

// quiet reports that the peer has neither hung up nor sent anything, which is
// how the socket of an idle connection must look.
func (l *line) quiet() bool {
	c, ok := l.main.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := c.SyscallConn()
	return err == nil && nothingToRead(raw)
}

// cut closes every socket. What waits on one returns at once.
func (l *line) cut() {
	l.death()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = true
	for c := range l.open {
		c.Close()
	}
	clear(l.open)
}

// watch cuts the line if the returned function was not called within cutAfter
// of ctx's end.
func (l *line) watch(ctx context.Context) (release func()) {
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		grace := time.NewTimer(cutAfter)
		defer grace.Stop()
		select {
		case <-over:
		case <-grace.C:
			l.cut()
		}
	})
	return func() { stop(); close(over) }
}

// held is a socket that the line forgets when it is closed.
type held struct {
	net.Conn
	line *line
}

func (h *held) Close() error {
	h.line.mu.Lock()
	delete(h.line.open, h.Conn)
	h.line.mu.Unlock()
	return h.Conn.Close()
}
