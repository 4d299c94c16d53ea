package miniapp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fundpass/signing/alipaysim"
)

// A message is read the same whether its length is announced or not, and one byte
// beyond what any has is enough to refuse it.
func TestReadMessage(t *testing.T) {
	t.Parallel()
	text := bytes.Repeat([]byte("0123456789abcdef"), 5000)
	for _, size := range []int{0, 1, 100, usualNotification - 1, usualNotification, usualNotification + 1, maxNotification, maxNotification + 1, len(text)} {
		for _, announced := range []bool{true, false} {
			r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(text[:size]))
			if !announced {
				r.ContentLength = -1
			}
			got, err := readMessage(r)
			if announced && size > maxNotification {
				if !errors.Is(err, errBodyLong) || got != nil {
					t.Errorf("%d bytes announced: got %d, %v", size, len(got), err)
				}
				continue
			}
			if want := text[:min(size, maxNotification+1)]; err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, announced %v: got %d, %v", size, announced, len(got), err)
			}
		}
	}
}

// Who announces much and sends little gets little: no place and no answer but "fail".
func TestCutMessage(t *testing.T) {
	t.Parallel()
	for _, announced := range []int64{20, usualNotification, usualNotification + 1, maxNotification} {
		r := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(io.MultiReader(strings.NewReader("sign=x"), cut{})))
		r.ContentLength = announced
		got, err := readMessage(r)
		if err == nil || cap(got) > usualNotification {
			t.Errorf("%d announced: %d bytes kept, %v", announced, cap(got), err)
		}
	}
	h := newHouse(t)
	letter := h.write(alipaysim.Notice{Kind: "alipay.open.app.api.field.changed"})
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	must(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		letter.Path, letter.ContentType, len(letter.Body)+1, letter.Body)
	must(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	must(t, err)
	if !bytes.HasSuffix(answer, []byte("\r\n\r\nfail")) {
		t.Errorf("a genuine notice that is cut was answered %q", answer)
	}
	if n := h.count(`SELECT count(*) FROM notifications`); n != 0 {
		t.Error("a cut message was taken")
	}
	if _, body := h.deliver(h.url, letter); body != "success" {
		t.Errorf("whole, it was answered %q", body)
	}
}

// cut is a connection that ends.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
