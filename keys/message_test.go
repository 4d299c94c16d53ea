package keys

import (
	"bytes"
	"errors"
	"testing"
)

// A sealed message survives a line of a log, and shows nothing without the key.
func TestSealMessage(t *testing.T) {
	t.Parallel()
	c := must(ParseColumnCipher(fixedColumnKey()))
	message := []byte("notify_id=7&sign=abc\x00\xff")
	sealed := must(c.SealMessage(message))
	line := []byte(`{"msg":"message refused","sealed":"` + sealed + `","route":"x"}`)
	if !HasSealedMessage(line) || HasSealedMessage(message) {
		t.Error("a sealed message is not told from another")
	}
	if got, err := c.OpenMessage(line); err != nil || !bytes.Equal(got, message) {
		t.Errorf("got %q, %v", got, err)
	}
	if bytes.Contains(line, []byte("notify_id")) {
		t.Error("the message is readable")
	}
	other := must(ParseColumnCipher(must(NewColumnKey())))
	for name, err := range map[string]error{
		"another key": second(other.OpenMessage(line)),
		"no message":  second(c.OpenMessage(message)),
		"cut":         second(c.OpenMessage(line[:60])),
		"as a column": second(c.Open([]byte(sealed), nil)),
	} {
		if !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
