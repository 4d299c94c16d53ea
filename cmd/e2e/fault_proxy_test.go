package e2e

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// A proxy connects a server to PostgreSQL. It parses the protocol (frontend/backend
// protocol 3.0) to find out which transaction a COMMIT ends.
type proxy struct {
	socket string // of PostgreSQL

	mu    sync.Mutex
	open  []net.Conn
	fault *fault        // applied once
	dead  chan struct{} // not nil while the proxy is stalled; closed by heal
}

// A faultPoint is where in a transaction a fault happens.
type faultPoint int

const (
	inStatement  faultPoint = iota // the database gets the statement, its reply is lost
	beforeCommit                   // COMMIT does not reach the database
	lateCommit                     // COMMIT reaches the database after heal
	afterCommit                    // the database commits, its reply is lost
)

// A fault applies to a transaction with a statement that contains marker. It calls then,
// if not nil, and cuts the connection, except at lateCommit.
type fault struct {
	marker    string
	at        faultPoint
	triggered chan struct{} // closed when the fault happens
	then      func()
}

// await waits until the fault happens.
func (t *fault) await(tb testing.TB) {
	tb.Helper()
	select {
	case <-t.triggered:
	case <-time.After(testenv.Patience):
		tb.Fatalf("no transaction with %q", t.marker)
	}
}

// newProxy starts a proxy and returns it with the connection string that uses it.
func newProxy(t testing.TB, dsn string) (*proxy, string) {
	t.Helper()
	set := dsnSettings(dsn)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	cmdtest.NoError(t, err)
	p := &proxy{socket: set["host"] + "/.s.PGSQL." + set["port"]}
	var ends sync.WaitGroup
	ends.Go(func() { p.listen(l, &ends) })
	t.Cleanup(func() { l.Close(); p.cut(); p.heal(); ends.Wait() })
	return p, fmt.Sprintf("host=127.0.0.1 port=%d user=postgres dbname=%s sslmode=disable",
		l.Addr().(*net.TCPAddr).Port, set["dbname"])
}

func dsnSettings(dsn string) map[string]string {
	set := map[string]string{}
	for _, f := range strings.Fields(dsn) {
		k, v, _ := strings.Cut(f, "=")
		set[k] = v
	}
	return set
}

func (p *proxy) listen(l net.Listener, ends *sync.WaitGroup) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.socket)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, client, server)
		p.mu.Unlock()
		w := &proxyConn{proxy: p, client: client, server: server, named: map[string]string{}, answered: make(chan struct{}, 1)}
		ends.Go(w.up)
		ends.Go(w.down)
	}
}

// cut closes every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		c.Close()
	}
	p.open = nil
}

// set sets the next fault.
func (p *proxy) set(marker string, at faultPoint, then func()) *fault {
	t := &fault{marker: marker, at: at, triggered: make(chan struct{}), then: then}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = t
	return t
}

// disarm removes a fault that has not happened.
func (p *proxy) disarm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = nil
}

// matchFault returns the fault that applies at one of these points, or nil, and removes
// it.
func (p *proxy) matchFault(statements []string, moments ...faultPoint) *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.fault
	if t == nil || !slices.Contains(moments, t.at) ||
		!slices.ContainsFunc(statements, func(s string) bool { return strings.Contains(s, t.marker) }) {
		return nil
	}
	p.fault = nil
	return t
}

// kill stalls the proxy until heal: what is sent is delayed, and no connection is closed.
func (p *proxy) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = make(chan struct{})
}

func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead != nil {
		close(p.dead)
		p.dead = nil
	}
}

// waitConnected waits while the proxy is stalled.
func (p *proxy) waitConnected() {
	p.mu.Lock()
	dead := p.dead
	p.mu.Unlock()
	if dead != nil {
		<-dead
	}
}

// A proxyConn is one connection.
type proxyConn struct {
	*proxy
	client, server net.Conn
	named          map[string]string // prepared statements
	inTx           []string          // statements since BEGIN

	mu          sync.Mutex
	dropReplies bool          // replies are dropped and signalled to answered
	answered    chan struct{} // the server is ready for the next query
}

func (w *proxyConn) close() {
	w.client.Close()
	w.server.Close()
}

// up copies messages from the server to PostgreSQL.
func (w *proxyConn) up() {
	defer w.close()
	first, err := frame(w.client, 0) // start-up or cancel request, which has no type
	if err != nil {
		return
	}
	w.waitConnected()
	if _, err := w.server.Write(first); err != nil {
		return
	}
	for {
		f, err := frame(w.client, 1)
		if err != nil {
			return
		}
		w.waitConnected()
		if t := w.matchFrame(f); t != nil && !w.trigger(t, f) {
			return
		}
		if _, err := w.server.Write(f); err != nil {
			return
		}
	}
}

// frame reads one message. Its length follows its type.
func frame(from io.Reader, typed int) ([]byte, error) {
	f := make([]byte, typed+4)
	if _, err := io.ReadFull(from, f); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(f[typed:])) - 4
	if n < 0 || n > 1<<24 {
		return nil, fmt.Errorf("message of %d bytes", n)
	}
	f = append(f, make([]byte, n)...)
	_, err := io.ReadFull(from, f[typed+4:])
	return f, err
}

// matchFrame records the statements of the transaction and returns the fault that applies
// to this message, or nil.
func (w *proxyConn) matchFrame(f []byte) *fault {
	parts := strings.SplitN(string(f[5:]), "\x00", 3)
	switch f[0] {
	case 'P': // Parse: name, query
		w.named[parts[0]] = parts[1]
	case 'B': // Bind: portal, statement
		w.inTx = append(w.inTx, w.named[parts[1]])
	case 'S': // Sync, after Bind and Execute: now the statement runs
		if n := len(w.inTx); n > 0 {
			return w.matchFault(w.inTx[n-1:], inStatement)
		}
	case 'Q':
		if strings.HasPrefix(parts[0], "BEGIN") {
			w.inTx = nil
		}
		if strings.HasPrefix(parts[0], "COMMIT") {
			return w.matchFault(w.inTx, beforeCommit, lateCommit, afterCommit)
		}
	}
	return nil
}

// trigger applies a fault and reports whether the connection stays open.
func (w *proxyConn) trigger(t *fault, f []byte) bool {
	if t.at == inStatement || t.at == afterCommit {
		w.mu.Lock()
		w.dropReplies = true
		w.mu.Unlock()
		if _, err := w.server.Write(f); err != nil {
			return false
		}
		<-w.answered
	}
	close(t.triggered)
	if t.then != nil {
		t.then()
	}
	w.waitConnected()
	return t.at == lateCommit
}

// down copies messages from PostgreSQL to the server.
func (w *proxyConn) down() {
	defer w.close()
	defer close(w.answered)
	for {
		f, err := frame(w.server, 1)
		if err != nil {
			return
		}
		w.mu.Lock()
		dropReplies := w.dropReplies
		w.mu.Unlock()
		if dropReplies {
			if f[0] == 'Z' { // ReadyForQuery
				w.answered <- struct{}{}
			}
			continue
		}
		w.waitConnected()
		if _, err := w.client.Write(f); err != nil {
			return
		}
	}
}
