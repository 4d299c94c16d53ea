package settings

import (
	"strings"
	"testing"
)

// TestWebsiteSettings checks that the address and the origin of the website come together, and
// that the origin is one at which browsers keep the cookies.
func TestWebsiteSettings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ addr, origin, want string }{
		"none":         {"", "", ""},
		"both":         {"127.0.0.1:8081", "https://fund.example.gov.cn", ""},
		"this machine": {"127.0.0.1:8081", "http://127.0.0.1:8081", ""},
		"no origin":    {"127.0.0.1:8081", "", "FUNDPASS_WEBSITE_ORIGIN"},
		"no address":   {"", "https://fund.example.gov.cn", "FUNDPASS_WEBSITE_ADDR"},
		"plain http":   {"127.0.0.1:8081", "http://fund.example.gov.cn", "FUNDPASS_WEBSITE_ORIGIN"},
		"a path":       {"127.0.0.1:8081", "https://fund.example.gov.cn/pages", "FUNDPASS_WEBSITE_ORIGIN"},
	} {
		problems := Settings{WebsiteAddr: tt.addr, WebsiteOrigin: tt.origin}.validateWebsite()
		if got := Join(problems); (got == nil) != (tt.want == "") || got != nil && !strings.HasPrefix(got.Error(), tt.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}
