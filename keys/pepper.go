package keys

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
)

// ErrUnknownPepper means that the Pepper has no key with the id.
var ErrUnknownPepper = errors.New("keys: unknown pepper key")

// A Pepper is the keyed step after password hashing (HMAC-SHA256). Passwords cannot be
// guessed from a stolen database without its file. It has several keys with ids, so that
// old hashes can be verified after a rotation; a key can be removed when no stored hash
// has its id. It is safe for concurrent use.
type Pepper struct{ keys *prf.Set }

// pepperFile is the JSON of a pepper file; its member is a Tink keyset.
type pepperFile struct {
	Pepper json.RawMessage `json:"pepper"`
}

// LoadPepper reads a pepper file. Its errors are those of ParsePepper with the path, and
// those of reading the file.
func LoadPepper(path string) (*Pepper, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	p, err := ParsePepper(data)
	if err != nil {
		return nil, withSource(path, err)
	}
	return p, nil
}

// ParsePepper parses the content of a pepper file, as NewPepperKey and RotatePepper return
// it. Errors: ErrEmpty, ErrFormat, ErrWrongKind.
func ParsePepper(data []byte) (*Pepper, error) {
	h, err := parsePepperKeys(data)
	if err != nil {
		return nil, err
	}
	set, err := prf.NewPRFSet(h)
	if err != nil {
		return nil, fmt.Errorf("%w: \"pepper\" is not usable", ErrFormat)
	}
	return &Pepper{keys: set}, nil
}

// Current returns the id of the newest key, which is the one for new hashes. The caller
// stores it with the hash.
func (p *Pepper) Current() uint32 { return p.keys.PrimaryID }

// Tag returns the HMAC-SHA256 of data with the key kid, 32 bytes, or ErrUnknownPepper.
func (p *Pepper) Tag(kid uint32, data []byte) ([]byte, error) {
	key, ok := p.keys.PRFs[kid]
	if !ok {
		return nil, fmt.Errorf("%w: id %d; the file must keep the keys of all stored hashes", ErrUnknownPepper, kid)
	}
	tag, err := key.ComputePRF(data, indexSize)
	if err != nil {
		return nil, fmt.Errorf("keys: pepper: %w", err)
	}
	return tag, nil
}

// Derive returns the HMAC-SHA256 of purpose and parts with the key kid, 32 bytes, or
// ErrUnknownPepper. The encoding is that of ColumnCipher.Index; its length differs from
// that of every input of Tag, so the two never collide.
func (p *Pepper) Derive(kid uint32, purpose string, parts ...[]byte) ([]byte, error) {
	return p.Tag(kid, frame(purpose, parts))
}

// Fingerprints returns a fingerprint of parts for each key of the file: the id of the key,
// 4 bytes big-endian, followed by the result of Derive. It recognizes values that can be
// guessed, such as earlier passwords. The first fingerprint is that of the current key and
// is the one to store. After a rotation a stored fingerprint equals one of the others, as
// long as the file has its key.
func (p *Pepper) Fingerprints(purpose string, parts ...[]byte) [][]byte {
	all := make([][]byte, 1, len(p.keys.PRFs))
	for kid := range p.keys.PRFs {
		tag, err := p.Derive(kid, purpose, parts...)
		if err != nil {
			panic("keys: fingerprint: " + err.Error()) // the key exists, and HMAC does not fail
		}
		print := append(binary.BigEndian.AppendUint32(nil, kid), tag...)
		if kid == p.Current() {
			all[0] = print
		} else {
			all = append(all, print)
		}
	}
	return all
}

func parsePepperKeys(data []byte) (*keyset.Handle, error) {
	var file pepperFile
	if err := readJSON(data, &file); err != nil {
		return nil, fmt.Errorf("%w: expected a pepper file, JSON with the keyset \"pepper\"", err)
	}
	return readKeyset("pepper", file.Pepper, prfParameters())
}

func encodePepper(h *keyset.Handle) ([]byte, error) {
	raw, err := keysetJSON(h)
	if err != nil {
		return nil, err
	}
	return writeJSON(pepperFile{Pepper: raw})
}
