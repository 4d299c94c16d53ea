package pgconn_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/keys/testenv"
)

// A proxy forwards between a pool and its server and disturbs the connection on request.
type proxy struct {
	network, server string
	drops           atomic.Bool
	cutCommits      atomic.Int64 // how many answers to COMMIT are not forwarded
	hold            chan struct{}
	holds           atomic.Bool   // the answer to COMMIT waits for hold
	held            chan struct{} // a COMMIT is waiting
	mu              sync.Mutex
	open            []net.Conn
	dropped         chan struct{} // something was dropped
	refused         atomic.Int64  // clients whose connection was closed because the server is down
}

// newProxy listens on 127.0.0.1 before the server of dsn and returns the DSN that goes through it.
func newProxy(t *testing.T, dsn string) (*proxy, string) {
	t.Helper()
	set := settings(dsn)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{network: "unix", server: set["host"] + "/.s.PGSQL." + set["port"],
		hold: make(chan struct{}), held: make(chan struct{}, 100), dropped: make(chan struct{}, 1)}
	if net.ParseIP(set["host"]) != nil {
		p.network, p.server = "tcp", net.JoinHostPort(set["host"], set["port"])
	}
	go p.serve(l)
	t.Cleanup(func() { l.Close(); p.closeAll() })
	set["host"], set["port"] = "127.0.0.1", fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	var through []string
	for k, v := range set {
		through = append(through, k+"="+v)
	}
	return p, strings.Join(through, " ")
}

func settings(dsn string) map[string]string {
	m := map[string]string{}
	for _, f := range strings.Fields(dsn) {
		k, v, _ := strings.Cut(f, "=")
		m[k] = v
	}
	return m
}

func (p *proxy) serve(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(p.network, p.server)
		if err != nil {
			client.Close()
			p.refused.Add(1)
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, client, server)
		p.mu.Unlock()
		c := &proxied{proxy: p, client: client, server: server}
		go c.up()
		go c.down()
	}
}

func (p *proxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		c.Close()
	}
	p.open = nil
}

type proxied struct {
	*proxy
	client, server net.Conn
	commit         atomic.Bool // the next answer is that to COMMIT
}

func (c *proxied) up() {
	defer c.server.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := c.client.Read(b)
		if err != nil {
			return
		}
		if c.drops.Load() {
			c.drop()
			continue
		}
		if bytes.Contains(b[:n], []byte("COMMIT\x00")) {
			c.commit.Store(true)
		}
		if _, err := c.server.Write(b[:n]); err != nil {
			return
		}
	}
}

func (c *proxied) down() {
	defer func() {
		if !c.drops.Load() {
			c.client.Close()
		}
	}()
	b := make([]byte, 64<<10)
	for {
		n, err := c.server.Read(b)
		if err != nil {
			return
		}
		if c.commit.Swap(false) && c.cutsCommit() {
			return
		}
		if c.drops.Load() {
			c.drop()
			continue
		}
		if _, err := c.client.Write(b[:n]); err != nil {
			return
		}
	}
}

// drop reports that something was not forwarded.
func (p *proxy) drop() {
	select {
	case p.dropped <- struct{}{}:
	default:
	}
}

// cutsCommit waits while answers to COMMIT are held, and reports whether this one is
// not forwarded.
func (c *proxied) cutsCommit() bool {
	if c.holds.Load() {
		c.held <- struct{}{}
		<-c.hold
	}
	return c.cutCommits.Add(-1) >= 0
}

func TestProxyForwards(t *testing.T) {
	p := &proxy{hold: make(chan struct{}), held: make(chan struct{}, 1)}
	client, near := net.Pipe()
	far, server := net.Pipe()
	c := &proxied{proxy: p, client: near, server: far}
	go c.up()
	go c.down()
	go client.Write([]byte("ask"))
	b := make([]byte, 3)
	server.SetDeadline(time.Now().Add(testenv.Patience))
	if _, err := io.ReadFull(server, b); err != nil || string(b) != "ask" {
		t.Fatalf("got %q, %v", b, err)
	}
	client.Close()
	server.Close()
}
