package keys

import (
	"encoding/base64"
	"fmt"
	"regexp"
)

// messagePrefix begins a sealed message, so that OpenMessage finds it in a line of a log.
const messagePrefix = "fundpass-sealed:"

var sealedMessage = regexp.MustCompile(messagePrefix + `([A-Za-z0-9_-]+)`)

// messageContext is the context of sealed messages; no column has it.
var messageContext = []byte("refused message")

// SealMessage encrypts a message for a log as one word, which OpenMessage opens.
func (c *ColumnCipher) SealMessage(message []byte) (string, error) {
	sealed, err := c.Seal(message, messageContext)
	if err != nil {
		return "", err
	}
	return messagePrefix + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// HasSealedMessage reports whether text holds a result of SealMessage.
func HasSealedMessage(text []byte) bool { return sealedMessage.Match(text) }

// OpenMessage decrypts the first sealed message in text, for example in a line of a log. It
// returns ErrSealed if there is none, or none of this key.
func (c *ColumnCipher) OpenMessage(text []byte) ([]byte, error) {
	found := sealedMessage.FindSubmatch(text)
	if found == nil {
		return nil, fmt.Errorf("%w: there is no sealed message", ErrSealed)
	}
	sealed, err := base64.RawURLEncoding.AppendDecode(nil, found[1])
	if err != nil {
		return nil, ErrSealed
	}
	return c.Open(sealed, messageContext)
}
