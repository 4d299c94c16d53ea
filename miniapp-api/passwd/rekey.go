package passwd

import (
	"errors"
	"fmt"
	"slices"
)

// ErrLayers is returned by Rekey for a hash that has the maximum number of pepper keys.
// It still verifies; its next use replaces it by a hash of one key.
var ErrLayers = errors.New("passwd: the hash has the maximum number of pepper keys")

// Rekey applies the newest pepper key to a stored hash, without the password and without
// argon2id: the tag becomes HMAC(newest, tag). Guessing the password from the database
// then requires the newest key in addition to the older ones.
//
// Verification needs all of the keys until the next success replaces the hash by one of
// the newest key alone. A key may therefore be removed from the pepper file only if no
// hash names it, see PepperKeys. A hash of one key cannot be converted to a hash of
// another key without the password, because the output of argon2id is not stored.
//
// It returns hash and false if the newest key has been applied already, so that a
// repetition changes nothing. It returns ErrHash, ErrLayers, or keys.ErrUnknownPepper if
// the file does not have a key that hash names; the password cannot be verified then.
func (h *Hasher) Rekey(hash string) (string, bool, error) {
	st, err := parseHash(hash)
	if err != nil {
		return "", false, err
	}
	if _, err := h.applyPepper(nil, st.kids); err != nil {
		return "", false, err
	}
	newest := h.pepper.Current()
	switch {
	case slices.Contains(st.kids, newest):
		return hash, false, nil
	case len(st.kids) == maxLayers:
		return "", false, ErrLayers
	}
	if st.tag, err = h.applyPepper(st.tag, []uint32{newest}); err != nil {
		return "", false, err
	}
	st.kids = append(st.kids, newest)
	return st.String(), true, nil
}

// PepperKeys returns the ids of the pepper keys that are needed to verify a stored hash,
// or ErrHash.
func PepperKeys(hash string) ([]uint32, error) {
	st, err := parseHash(hash)
	return st.kids, err
}

// applyPepper computes the HMAC of data with each of the keys in order.
func (h *Hasher) applyPepper(data []byte, kids []uint32) ([]byte, error) {
	for _, kid := range kids {
		var err error
		if data, err = h.pepper.Tag(kid, data); err != nil {
			return nil, fmt.Errorf("passwd: %w", err)
		}
	}
	return data, nil
}
