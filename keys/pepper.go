package keys

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
)

// ErrUnknownPepper is returned for a key id the Pepper does not hold.
var ErrUnknownPepper = errors.New("keys: unknown pepper key")

// A Pepper is the keyed step after password hashing: without its file, a
// stolen database gives nothing to guess against. It holds several keys by id
// so that old hashes still verify after a rotation; a key may be removed only
// when no stored hash names it. It is safe for concurrent use.
type Pepper struct{ keys *prf.Set }

// pepperFile is the JSON of a pepper file: {"pepper": …}, a tink keyset.
type pepperFile struct {
	Pepper json.RawMessage `json:"pepper"`
}

// LoadPepper reads a pepper file; its errors name the file and are otherwise
// ParsePepper's.
func LoadPepper(path string) (*Pepper, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	p, err := ParsePepper(data)
	if err != nil {
		return nil, inFile(path, err)
	}
	return p, nil
}

// ParsePepper reads the content of a pepper file as NewPepperKey or
// RotatePepper made it. Errors: ErrEmpty, ErrFormat, ErrWrongKind.
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

// Current returns the id of the newest key, for hashes made now. Store it
// beside the hash.
func (p *Pepper) Current() uint32 { return p.keys.PrimaryID }

// Tag returns the HMAC-SHA256 of data under the key with this id, 32 bytes, or
// ErrUnknownPepper.
func (p *Pepper) Tag(kid uint32, data []byte) ([]byte, error) {
	key, ok := p.keys.PRFs[kid]
	if !ok {
		return nil, fmt.Errorf("%w: id %d; the file must keep every key that stored hashes name", ErrUnknownPepper, kid)
	}
	tag, err := key.ComputePRF(data, indexSize)
	if err != nil {
		return nil, fmt.Errorf("keys: pepper: %w", err)
	}
	return tag, nil
}

func parsePepperKeys(data []byte) (*keyset.Handle, error) {
	var file pepperFile
	if err := readJSON(data, &file); err != nil {
		return nil, fmt.Errorf("%w: a pepper file is wanted, JSON with the keyset \"pepper\"", err)
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
