package passwd

import (
	"errors"
	"fmt"
	"slices"
)

// ErrLayers is returned by Rekey for a hash that holds as many pepper keys as a
// hash can. It verifies as before; its next use makes it a hash of one key.
var ErrLayers = errors.New("passwd: the hash has too many pepper keys over each other")

// Rekey lays the newest pepper key over a stored hash, without the password and
// without argon2id: its tag becomes HMAC(newest, tag). Whoever has the database
// and every older key, but not the newest, can then guess nothing.
//
// The older keys go on being needed: all of them are used to verify, until the
// next success replaces the hash by one of the newest key alone. So a key may be
// removed from the pepper file when no hash names it, see PepperKeys. The tag
// of one key alone cannot be made into that of another one without the password:
// argon2id's output is not kept, on purpose.
//
// It reports false, and returns hash, when the newest key is in it already, so
// doing it again changes nothing. Errors: ErrHash; ErrLayers; keys.ErrUnknownPepper
// when the file has lost a key that hash names, and nobody can use that password.
func (h *Hasher) Rekey(hash string) (string, bool, error) {
	st, err := parseHash(hash)
	if err != nil {
		return "", false, err
	}
	if _, err := h.tagged(nil, st.kids); err != nil {
		return "", false, err
	}
	newest := h.pepper.Current()
	switch {
	case slices.Contains(st.kids, newest):
		return hash, false, nil
	case len(st.kids) == maxLayers:
		return "", false, ErrLayers
	}
	if st.tag, err = h.tagged(st.tag, []uint32{newest}); err != nil {
		return "", false, err
	}
	st.kids = append(st.kids, newest)
	return st.String(), true, nil
}

// PepperKeys returns the ids of the pepper keys that a stored hash needs to be
// verified. Error: ErrHash.
func PepperKeys(hash string) ([]uint32, error) {
	st, err := parseHash(hash)
	return st.kids, err
}

// tagged takes data through the keys in their order.
func (h *Hasher) tagged(data []byte, kids []uint32) ([]byte, error) {
	for _, kid := range kids {
		var err error
		if data, err = h.pepper.Tag(kid, data); err != nil {
			return nil, fmt.Errorf("passwd: %w", err)
		}
	}
	return data, nil
}
