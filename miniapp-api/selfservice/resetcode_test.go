package selfservice

import (
	"strings"
	"testing"
)

// Codes are of full length and no two alike.
func TestNewResetCode(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	first := map[byte]bool{}
	for range 1000 {
		code, err := NewResetCode()
		if err != nil || len(code) != ResetCodeDigits || strings.Trim(code, "0123456789") != "" || seen[code] {
			t.Fatalf("code of %d digits, or again; %v", len(code), err)
		}
		seen[code], first[code[0]] = true, true
	}
	if len(first) != 10 {
		t.Errorf("codes begin with %d digits only", len(first))
	}
}
