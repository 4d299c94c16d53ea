package passwd

import (
	"bytes"
	"encoding/base64"

	"golang.org/x/crypto/blowfish" //nolint:staticcheck // deprecated as a cipher; bcrypt is made of it
)

// Sizes of bcrypt in bytes. It encrypts 24 bytes, of which every implementation stores 23.
const (
	bcryptSalt = 16
	bcryptSize = 23

	bcryptInput = 72 // of a password, without the NUL at its end
)

// bcryptBase64 is bcrypt's alphabet. It accepts non-zero unused bits at the end, as the
// libraries that write these texts do.
var bcryptBase64 = base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)

// bcryptSum computes bcrypt (Provos and Mazières, USENIX 1999, with the NUL at the end of
// $2a$, $2b$ and $2y$) with a given salt, which x/crypto/bcrypt does not offer. The tests
// compare the two.
//
// bcrypt uses only 72 bytes. For a longer password every ending would match, and the
// following upgrade would make the typed ending part of the password. bcryptSum therefore
// returns nil for a longer password, which never matches; its owner sets a new one by a
// reset or at the counter.
//
// bcrypt repeats the password with its NUL, so that a password that contains a NUL may
// equal a shorter one, and C libraries stop there. bcryptSum returns nil for it, too: no
// old system can have meant it.
func bcryptSum(password []byte, cost int, salt []byte) []byte {
	key := append(bytes.Clone(password), 0)
	defer clear(key)
	c, err := blowfish.NewSaltedCipher(key, salt)
	if err != nil {
		return nil // check refuses an empty salt
	}
	for range 1 << cost {
		blowfish.ExpandKey(key, c)
		blowfish.ExpandKey(salt, c)
	}
	text := []byte("OrpheanBeholderScryDoubt")
	for at := 0; at < len(text); at += blowfish.BlockSize {
		block := text[at : at+blowfish.BlockSize]
		for range 64 {
			c.Encrypt(block, block)
		}
	}
	if len(password) > bcryptInput || bytes.IndexByte(password, 0) >= 0 {
		return nil // after the same work
	}
	return text[:bcryptSize]
}
