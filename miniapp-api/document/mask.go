package document

import (
	"strings"
	"unicode/utf8"
)

// The masks follow those of Alipay and never show as many consecutive characters as an initial
// password is derived from. They accept any string and mask a short one completely.

// MaskName keeps the last character: 张三 becomes *三.
func MaskName(s string) string { return mask(s, 0, 1) }

// MaskNumber keeps the first and the last character: 1****************2.
func MaskNumber(s string) string { return mask(s, 1, 1) }

// MaskPhone keeps the first three and the last two digits: 138******78.
func MaskPhone(s string) string { return mask(s, 3, 2) }

// MaskAccount keeps the last two digits, where two accounts of one person differ.
func MaskAccount(s string) string { return mask(s, 0, 2) }

// mask replaces all but the first head and last tail characters by stars, or all characters if
// fewer than half would be replaced.
func mask(s string, head, tail int) string {
	runes := []rune(s)
	if !utf8.ValidString(s) || 2*(head+tail) > len(runes) {
		return strings.Repeat("*", len(runes))
	}
	hidden := len(runes) - head - tail
	return string(runes[:head]) + strings.Repeat("*", hidden) + string(runes[head+hidden:])
}
