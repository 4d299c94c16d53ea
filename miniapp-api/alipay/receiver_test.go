package alipay

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReceiver(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, method, target, body, want string }{
		{"notification", "POST", "/alipay/notifications", "a=1&app_id=2021000000000001&b=2", "2021000000000001"},
		{"served application", "POST", "/alipay/notifications", "app_id=2021000000000001&auth_app_id=2021000000000002", "2021000000000002"},
		{"call by query", "GET", "/alipay/spi?app_id=2021000000000001", "", "2021000000000001"},
		{"call by form", "POST", "/alipay/spi?app_id=2021000000000002", "app_id=2021000000000001", "2021000000000001"},
		{"escaped", "POST", "/alipay/spi", "app_id=%32021000000000001", "2021000000000001"},
		{"twice", "POST", "/alipay/spi", "app_id=2021000000000001&app_id=2021000000000001", ""},
		{"none", "POST", "/alipay/spi", "xapp_id=2021000000000001", ""},
		{"another path", "POST", "/v1/sessions", "app_id=2021000000000001", ""},
		{"another method", "GET", "/alipay/notifications?app_id=2021000000000001", "", ""},
		{"too long", "POST", "/alipay/notifications", "app_id=2021000000000001&x=" + strings.Repeat("x", maxNotification), ""},
	} {
		r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
		if got := Receiver(r); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if rest, err := io.ReadAll(r.Body); err != nil || string(rest) != c.body {
			t.Errorf("%s: the body was used up: %d of %d bytes, %v", c.name, len(rest), len(c.body), err)
		}
	}
}
