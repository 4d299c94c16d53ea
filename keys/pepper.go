package keys

import (
	"encoding/binary"
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

// Derive returns HMAC-SHA256 of a purpose and parts, framed as ColumnCipher.Index frames them,
// under the key with this id, or ErrUnknownPepper. What Tag is given has another length
// than any frame.
func (p *Pepper) Derive(kid uint32, purpose string, parts ...[]byte) ([]byte, error) {
	return p.Tag(kid, frame(purpose, parts))
}

// Fingerprints returns what recognises parts that could be guessed, a password above
// all: for each key of the file its id, four bytes, and what Derive returns. The newest
// key's comes first and is the one to store; after a rotation the stored one is among
// the others, as long as the file has its key.
func (p *Pepper) Fingerprints(purpose string, parts ...[]byte) [][]byte {
	framed := frame(purpose, parts)
	all := make([][]byte, 1, len(p.keys.PRFs))
	for kid := range p.keys.PRFs {
		tag, err := p.Tag(kid, framed)
		if err != nil {
			panic("keys: fingerprint: " + err.Error()) // HMAC with a key that is there
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
