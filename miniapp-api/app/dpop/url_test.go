package dpop

import "testing"

func TestNormalize(t *testing.T) {
	for raw, want := range map[string]string{
		"https://a.example":                    "https://a.example/",
		"https://a.example/":                   "https://a.example/",
		"HTTP://A.example:80/B?c#d":            "http://a.example/B",
		"http://a.example:443/":                "http://a.example:443/",
		"https://a.example:/":                  "https://a.example/",
		"https://[2001:DB8::1]:443/a/../b/%7e": "https://[2001:db8::1]/b/~",
		"https://a.example/%e4%bd%a0%2f/":      "https://a.example/%E4%BD%A0%2F/",
		"https://a.example//a/":                "https://a.example//a/",
		"https://a.example/a/%2E%2E/b":         "https://a.example/b",
	} {
		if got, err := normalize(raw); err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", raw, got, err, want)
		}
	}
	for _, raw := range []string{"", "a", "//a.example/", "ftp://a.example/", "https:a", "https://u:p@a.example/", "https://a.example/%", "https://\x00/"} {
		if got, err := normalize(raw); err == nil {
			t.Errorf("%q is %s", raw, got)
		}
	}
}
