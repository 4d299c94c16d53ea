package testenv

import "testing"

func TestHolds(t *testing.T) {
	for _, tt := range []struct {
		text, secret string
		want         bool
	}{
		{`{"time":"2026-11-30T18:02:07.221054123Z","took":0.221054,"bytes":1221054}`, "221054", false},
		{`{"password":"221054"}`, "221054", true},
		{"221054", "221054", true},
		{"wrong: 221054.", "221054", true},
		{"an account 880000000001x", "880000000001", true},
		{"王小明说", "王小明", true},
		{"", "221054", false},
	} {
		if got := Holds(tt.text, tt.secret); got != tt.want {
			t.Errorf("%s in %s: %v", tt.secret, tt.text, got)
		}
	}
}
