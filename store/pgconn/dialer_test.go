package pgconn

import (
	"context"
	"net"
	"testing"
	"time"

	"fundpass/keys/testenv"
)

// peers returns a dialer with one socket, that socket and its other end.
func peers(t *testing.T) (*dialer, net.Conn, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	d := newDialer()
	t.Cleanup(d.close)
	near, err := d.DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	d.setPrimary()
	return d, near, far
}

func TestDialerIsIdle(t *testing.T) {
	t.Parallel()
	d, near, far := peers(t)
	if !d.isIdle() {
		t.Error("new connection is not idle")
	}
	far.Write([]byte("x"))
	testenv.Eventually(t, "unread data is noticed", func() bool { return !d.isIdle() })
	if _, err := near.Read(make([]byte, 1)); err != nil {
		t.Error("isIdle consumed data:", err)
	}
	if !d.isIdle() {
		t.Error("not idle after the data was read")
	}
	far.Close()
	testenv.Eventually(t, "the end is noticed", func() bool { return !d.isIdle() })
}

func TestDialerClose(t *testing.T) {
	t.Parallel()
	d, near, _ := peers(t)
	second, _ := net.Pipe()
	if _, err := d.track(second); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() { _, err := near.Read(make([]byte, 1)); failed <- err }()
	d.close()
	if err := <-failed; err == nil {
		t.Error("read did not fail")
	}
	if _, err := second.Write([]byte("x")); err == nil {
		t.Error("second socket is open")
	}
	if _, err := d.Dial("tcp", near.RemoteAddr().String()); err == nil {
		t.Error("closed dialer dials")
	}
	if d.isIdle() {
		t.Error("closed dialer is idle")
	}
}

func TestDialerCloseAfter(t *testing.T) {
	t.Parallel()
	d, _, _ := peers(t)
	ctx, cancel := context.WithCancel(t.Context())
	release := d.closeAfter(ctx)
	release()
	cancel()
	time.Sleep(cancelGrace + 50*time.Millisecond) // proves less on a busy machine
	if !d.isIdle() {
		t.Error("closed after the call had returned")
	}
	begun := time.Now()
	release = d.closeAfter(ctx)
	defer release()
	testenv.Eventually(t, "the sockets are closed", func() bool { return !d.isIdle() })
	if took := time.Since(begun); took < cancelGrace {
		t.Errorf("closed after %v, so no cancel request is answered in time", took)
	}
}

// A call whose context has no deadline gets one, and its sockets are closed soon after it.
func TestCallTimeout(t *testing.T) {
	t.Parallel()
	if defaultCallTimeout > 5*time.Second || cancelGrace >= 250*time.Millisecond {
		t.Errorf("a call takes %v and %v", defaultCallTimeout, cancelGrace)
	}
	d, _, _ := peers(t)
	c := &conn{dialer: d}
	latest := time.Now().Add(time.Hour)
	ctx, release := c.bound(context.Background(), time.Millisecond)
	defer release()
	if end, ok := ctx.Deadline(); !ok || end.After(latest) {
		t.Errorf("ends %v", end)
	}
	testenv.Eventually(t, "the sockets are closed", func() bool { return !d.isIdle() })
	earlier, cancel := context.WithDeadline(context.Background(), latest)
	defer cancel()
	kept, done := c.bound(earlier, time.Millisecond)
	defer done()
	if end, _ := kept.Deadline(); !end.Equal(latest) {
		t.Errorf("caller's deadline became %v", end)
	}
}

func TestDialerForgetsClosed(t *testing.T) {
	t.Parallel()
	d, near, _ := peers(t)
	near.Close()
	if n := len(d.open); n != 0 {
		t.Errorf("%d sockets kept", n)
	}
}
