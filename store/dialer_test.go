package store

import (
	"context"
	"net"
	"testing"
	"time"
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

// soon waits for something that the kernel does in its own time.
func soon(what func() bool) bool {
	for range 200 {
		if what() {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

func TestLineQuiet(t *testing.T) {
	t.Parallel()
	l, near, far := peers(t)
	if !l.quiet() {
		t.Error("nothing happened, and it is not quiet")
	}
	far.Write([]byte("x"))
	if !soon(func() bool { return !l.quiet() }) {
		t.Error("unread data is not noticed")
	}
	if _, err := near.Read(make([]byte, 1)); err != nil {
		t.Error("looking took the data:", err)
	}
	if !l.quiet() {
		t.Error("not quiet again")
	}
	far.Close()
	if !soon(func() bool { return !l.quiet() }) {
		t.Error("the end is not noticed")
	}
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
	time.Sleep(cutAfter + 50*time.Millisecond)
	if !l.quiet() {
		t.Error("cut although the call had returned")
	}
	begun := time.Now()
	release = l.watch(ctx)
	defer release()
	if !soon(func() bool { return !l.quiet() }) || time.Since(begun) < cutAfter {
		t.Errorf("cut after %v", time.Since(begun))
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
