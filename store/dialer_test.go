package store

import (
	"context"
	"net"
	"testing"
	"time"

	"fundpass/keys/testenv"
)

// peers returns a line with one socket, and its other end.
func peers(t *testing.T) (*line, net.Conn, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	l := newLine()
	t.Cleanup(l.cut)
	near, err := l.DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	l.settle()
	return l, near, far
}

func TestLineQuiet(t *testing.T) {
	t.Parallel()
	l, near, far := peers(t)
	if !l.quiet() {
		t.Error("nothing happened, and it is not quiet")
	}
	far.Write([]byte("x"))
	testenv.Eventually(t, "unread data is noticed", func() bool { return !l.quiet() })
	if _, err := near.Read(make([]byte, 1)); err != nil {
		t.Error("looking took the data:", err)
	}
	if !l.quiet() {
		t.Error("not quiet again")
	}
	far.Close()
	testenv.Eventually(t, "the end is noticed", func() bool { return !l.quiet() })
}

func TestLineCut(t *testing.T) {
	t.Parallel()
	l, near, _ := peers(t)
	second, _ := net.Pipe()
	if _, err := l.hold(second); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() { _, err := near.Read(make([]byte, 1)); failed <- err }()
	l.cut()
	if err := <-failed; err == nil {
		t.Error("read goes on")
	}
	if _, err := second.Write([]byte("x")); err == nil {
		t.Error("the second socket is open")
	}
	if _, err := l.Dial("tcp", near.RemoteAddr().String()); err == nil {
		t.Error("a cut line can be dialled")
	}
	if l.quiet() {
		t.Error("a cut line is taken for usable")
	}
}

func TestLineWatch(t *testing.T) {
	t.Parallel()
	l, _, _ := peers(t)
	ctx, cancel := context.WithCancel(t.Context())
	release := l.watch(ctx)
	release()
	cancel()
	time.Sleep(cutAfter + 50*time.Millisecond) // on a busy machine this sees less, and fails no more
	if !l.quiet() {
		t.Error("cut although the call had returned")
	}
	begun := time.Now()
	release = l.watch(ctx)
	defer release()
	testenv.Eventually(t, "the line is cut", func() bool { return !l.quiet() })
	if took := time.Since(begun); took < cutAfter {
		t.Errorf("cut after %v, so no cancel request is answered in time", took)
	}
}

// TestCallLimit: a call whose context has no deadline gets one, and is cut soon after
// its end.
func TestCallLimit(t *testing.T) {
	t.Parallel()
	if callLimit > 5*time.Second || cutAfter >= 250*time.Millisecond {
		t.Errorf("a call takes %v and %v", callLimit, cutAfter)
	}
	l, _, _ := peers(t)
	c := &conn{line: l}
	latest := time.Now().Add(time.Hour)
	ctx, release := c.begin(context.Background(), time.Millisecond)
	defer release()
	if end, ok := ctx.Deadline(); !ok || end.After(latest) {
		t.Errorf("ends %v", end)
	}
	testenv.Eventually(t, "the line is cut", func() bool { return !l.quiet() })
	earlier, cancel := context.WithDeadline(context.Background(), latest)
	defer cancel()
	kept, done := c.begin(earlier, time.Millisecond)
	defer done()
	if end, _ := kept.Deadline(); !end.Equal(latest) {
		t.Errorf("the caller's own deadline became %v", end)
	}
}

func TestLineForgets(t *testing.T) {
	t.Parallel()
	l, near, _ := peers(t)
	near.Close()
	if n := len(l.open); n != 0 {
		t.Errorf("%d sockets kept", n)
	}
}
