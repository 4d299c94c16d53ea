package httpapi_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"fundpass/signing/alipaysim"
)

// A large Content-Length followed by few bytes gets "fail".
func TestCutMessage(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	notification := h.write(alipaysim.Notice{Kind: "alipay.open.app.api.field.changed"})
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	must(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		notification.Path, notification.ContentType, len(notification.Body)+1, notification.Body)
	must(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	must(t, err)
	if !bytes.HasSuffix(answer, []byte("\r\n\r\nfail")) {
		t.Errorf("a truncated genuine notification was answered %q", answer)
	}
	if n := h.count(`SELECT count(*) FROM notifications`); n != 0 {
		t.Error("a truncated message was accepted")
	}
	if _, body := h.deliver(h.url, notification); body != "success" {
		t.Errorf("complete, it was answered %q", body)
	}
}
