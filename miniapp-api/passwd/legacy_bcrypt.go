package passwd

import (
	"bytes"
	"encoding/base64"

	"golang.org/x/crypto/blowfish" //nolint:staticcheck // deprecated as a cipher; bcrypt is made of it
)

// Sizes of bcrypt, in bytes. It encrypts 24 bytes and every implementation
// writes down 23 of them.
const (
	bcryptSalt = 16
	bcryptSize = 23

	bcryptInput = 72 // of a password, without its closing NUL
)

// bcryptBase64 is bcrypt's own alphabet. Loose bits at the end are let pass, as
// the libraries that write these texts do.
var bcryptBase64 = base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)

// bcryptSum computes bcrypt (Provos and Mazières, USENIX 1999, with the closing
// NUL of $2a$, $2b$ and $2y$) with a given salt, which x/crypto/bcrypt does not
// offer. The tests compare the two.
//
// bcrypt looks at 72 bytes, so behind it any tail of a longer password would be
// right, and the upgrade that follows would make the tail that was typed the
// password. A longer password is therefore nil, which is no digest: its owner is
// refused like anybody with a wrong password, and sets a new one by a reset or at
// the counter.
//
// bcrypt repeats the password with its closing NUL, so one that holds a NUL may
// look like a shorter one, and C libraries end there. Such a password is nil: no
// old system can have meant it.
func bcryptSum(password []byte, cost int, salt []byte) []byte {
	key := append(bytes.Clone(password), 0)
	defer clear(key)
	c, err := blowfish.NewSaltedCipher(key, salt)
	if err != nil {
		return nil // no salt: not after check
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
