package passwd

import "slices"

// CheckKeypad returns an error unless s is the characters that a keypad types, in the syntax of
// Check.Charset.
func CheckKeypad(s string) error {
	_, err := parseCharset(s)
	return err
}

// TypedOn reports whether every password that the policy allows can be typed on a keypad with
// these characters, in the syntax of Check.Charset.
func (p *Policy) TypedOn(keypad string) bool {
	keys, err := parseCharset(keypad)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(p.Rules, func(r Rule) bool {
		allowed, err := parseCharset(r.Check.Charset)
		for c := range allowed {
			if allowed[c] && !keys[c] {
				return false
			}
		}
		return err == nil
	})
}
