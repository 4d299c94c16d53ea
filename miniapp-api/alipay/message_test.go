package alipay

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/signing"
)

// A message is read in the same way with and without a Content-Length. At most one byte beyond
// the limit is read.
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

// A large Content-Length followed by few bytes allocates little memory.
func TestReadCutMessage(t *testing.T) {
	t.Parallel()
	for _, announced := range []int64{20, usualNotification, usualNotification + 1, maxNotification} {
		r := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(io.MultiReader(strings.NewReader("sign=x"), cut{})))
		r.ContentLength = announced
		got, err := readMessage(r)
		if err == nil || cap(got) > usualNotification {
			t.Errorf("%d announced: %d bytes kept, %v", announced, cap(got), err)
		}
	}
}

// cut is a connection that ends early.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Errors of the gateway map to codes.
func TestTranslate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want *selfservice.Error
	}{
		{signing.ErrCodeInvalid, httpapi.ErrAuthCodeInvalid},
		{signing.ErrTokenInvalid, selfservice.ErrSessionExpired},
		{signing.ErrUnavailable, ErrUnavailable},
		{signing.ErrIDType, selfservice.ErrBadRequest},
		{signing.ErrForged, ErrUnavailable},
		{signing.ErrConfiguration, ErrUnavailable},
	} {
		if got := selfservice.AsError(translate(tt.err)); got.Code != tt.want.Code {
			t.Errorf("translate(%v) = %s, want %s", tt.err, got.Code, tt.want.Code)
		}
	}
}
