package oidc

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzCallback checks that a query is accepted only if it has one state and one code, both
// exactly as sent, and no error.
func FuzzCallback(f *testing.F) {
	for _, query := range []string{
		"", "state=a&code=b", "code=b&state=a&iss=https%3A%2F%2Fid.example&session_state=x", "state=a&state=b&code=c", "state=a&code=b&code=c",
		"state=a&code=b&error=access_denied", "state=a&error=access_denied", "state=&code=b", "state=a&code=", "state=a;code=b", "state=a&code=%zz",
		"state=a&code=%00", "state=a&code=%E5", "state=a&code=b#c", "%73tate=a&code=b", "State=a&CODE=b", "state=a&code=b&iss=", "state[]=a&code=b",
		strings.Repeat("a", maxCallback+1),
	} {
		f.Add(query)
	}
	const issuer = "https://id.example"
	f.Fuzz(func(t *testing.T, query string) {
		a, err := parseCallback(query)
		if err != nil {
			if a != (callback{}) || len(query) > 30 && strings.Contains(err.Error(), query) {
				t.Fatalf("%+v, %v", a, err)
			}
			return
		}
		values, err := url.ParseQuery(query)
		if err != nil || len(values["state"]) != 1 || values["state"][0] != a.state || a.state == "" {
			t.Fatalf("accepted with the states %q", values["state"])
		}
		if a.check(issuer, true) == nil && (len(values["code"]) != 1 || values["code"][0] == "" || values["code"][0] != a.code ||
			len(values["iss"]) != 1 || values["iss"][0] != issuer || values.Has("error") && values.Get("error") != "") {
			t.Fatalf("accepted %q", query)
		}
	})
}
