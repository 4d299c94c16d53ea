package document

import "testing"

// All notations of a number have the same form.
func TestMobile(t *testing.T) {
	for number, want := range map[string]string{
		"19900000001": "19900000001", "86-19900000001": "19900000001", "+8619900000001": "19900000001", "0086 19900000001": "19900000001",
		"199 0000 0001": "19900000001", "１９９００００００01": "19900000001", "\u00a0199-0000-0001\t": "19900000001",
		"852-61234567": "85261234567", "86123456789": "86123456789", "8612345": "8612345", "": "", "无": "无",
	} {
		got := Mobile(number)
		if got != want || Mobile(got) != want {
			t.Errorf("%q is %q, want %q", number, got, want)
		}
	}
}
