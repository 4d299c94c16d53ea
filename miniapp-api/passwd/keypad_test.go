package passwd

import "testing"

// Only a policy that limits the characters to those of a keypad fits it.
func TestTypedOn(t *testing.T) {
	t.Parallel()
	why := `,"legacy":true,"reason":"keypad"`
	digits := mustParse(t, withRule(`{"id":"x","text":"规则","check":{"charset":"0-9"},"source":"n"`+why+`}`))
	letters := mustParse(t, withRule(`{"id":"x","text":"规则","check":{"charset":"A-Za-z0-9"},"source":"n"`+why+`}`))
	for _, tt := range []struct {
		policy *Policy
		keypad string
		want   bool
	}{
		{digits, "0-9", true}, {digits, "0-9*", true}, {digits, "1-9", false}, {digits, "", false}, {digits, "9-0", false},
		{letters, "0-9", false}, {letters, "0-9a-zA-Z", true}, {Default(), "0-9", false}, {Default(), " -~", false},
	} {
		if got := tt.policy.TypedOn(tt.keypad); got != tt.want {
			t.Errorf("%v on %q: %v", tt.policy.Rules, tt.keypad, got)
		}
	}
}
