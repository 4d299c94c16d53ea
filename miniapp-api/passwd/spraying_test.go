package passwd

import (
	"errors"
	"strings"
	"testing"
)

// TestSpraying checks the defaults and the bounds of the limits in a policy.
func TestSpraying(t *testing.T) {
	t.Parallel()
	base, err := builtin.ReadFile("policies/default.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, field string
		want        Spraying
		wrong       string
	}{
		{"nothing", ``, defaultSpraying, ""},
		{"empty", `"spraying": {},`, defaultSpraying, ""},
		{"one", `"spraying": {"per_user": 3},`, Spraying{3, 200, 600}, ""},
		{"all", `"spraying": {"per_user": 1, "per_address": 10, "global_per_minute": 20},`, Spraying{1, 10, 20}, ""},
		{"zero", `"spraying": {"per_user": 0},`, Spraying{}, "per_user"},
		{"many people", `"spraying": {"per_user": 101},`, Spraying{}, "per_user"},
		{"many of an address", `"spraying": {"per_address": 2001},`, Spraying{}, "per_address"},
		{"negative", `"spraying": {"global_per_minute": -1},`, Spraying{}, "global_per_minute"},
		{"address under user", `"spraying": {"per_user": 5, "per_address": 4},`, Spraying{}, "less than per_user"},
		{"unknown", `"spraying": {"per_day": 4},`, Spraying{}, "per_day"},
		{"capital", `"spraying": {"PER_USER": 4},`, Spraying{}, "PER_USER"},
		{"twice", `"spraying": {"per_user": 4, "per_user": 5},`, Spraying{}, "per_user"},
		{"text", `"spraying": {"per_user": "4"},`, Spraying{}, "per_user"},
		{"null", `"spraying": null,`, Spraying{}, "per_user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := ParsePolicy([]byte(strings.Replace(string(base), "{", "{"+tt.field, 1)))
			if tt.wrong != "" {
				if !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), tt.wrong) {
					t.Errorf("got %v, want a word on %s", err, tt.wrong)
				}
				return
			}
			if err != nil || p.Spraying != tt.want {
				t.Errorf("got %+v %v, want %+v", p, err, tt.want)
			}
		})
	}
}

// TestBuiltinSpraying checks that every built-in policy has limits.
func TestBuiltinSpraying(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"default", "classic-6-12", "wuxi"} {
		p, err := Builtin(name)
		if err != nil || p.Spraying.check() != nil {
			t.Errorf("%s: %v %+v", name, err, p)
		}
	}
}
