package settings

import (
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

// TestMobile checks the address and the URL of the app's API.
func TestMobile(t *testing.T) {
	t.Parallel()
	const addr, url = "FUNDPASS_MOBILE_ADDR", "FUNDPASS_MOBILE_URL"
	for _, c := range []struct {
		name   string
		change cmdtest.Values
		want   string // setting that is named; "" = accepted
	}{
		{"none", cmdtest.Values{}, ""},
		{"right", cmdtest.Values{addr: "127.0.0.1:8082", url: "https://app.example.gov.cn/mobile"}, ""},
		{"on this machine", cmdtest.Values{addr: "127.0.0.1:8082", url: "http://127.0.0.1:8082"}, ""},
		{"without address", cmdtest.Values{url: "https://app.example.gov.cn"}, addr},
		{"without URL", cmdtest.Values{addr: "127.0.0.1:8082"}, url},
		{"no port", cmdtest.Values{addr: "127.0.0.1", url: "https://app.example.gov.cn"}, addr},
		{"no URL", cmdtest.Values{addr: "127.0.0.1:8082", url: "app.example.gov.cn"}, url},
		{"query", cmdtest.Values{addr: "127.0.0.1:8082", url: "https://app.example.gov.cn?a=b"}, url},
		{"plain", cmdtest.Values{addr: "127.0.0.1:8082", url: "http://app.example.gov.cn"}, url},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Read(cmdtest.GetenvOf(cmdtest.NewBareEnv(t).Env(c.change)))
			if c.want == "" {
				cmdtest.NoError(t, err)
				return
			}
			if err == nil || !hasPrefixOf(err.Error(), []string{c.want}) || len(Unjoin(err)) != 1 {
				t.Errorf("got %v, want %s named alone", err, c.want)
			}
		})
	}
}
