package keys

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/prf/hmacprf"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrSealed is returned for a value that does not open: corrupt, moved to
// another context, or sealed under a key the ColumnCipher does not hold.
var ErrSealed = errors.New("keys: sealed value does not open")

// indexSize is the length of a blind index and of a Pepper's tag, in bytes.
const indexSize = 32

// tinkPrefix begins what tink seals; the id of the key follows.
const tinkPrefix = 1

// A ColumnCipher encrypts database columns (AES-256-GCM) and makes the blind indexes by which they are
// found (HMAC-SHA256). It is safe for concurrent use.
type ColumnCipher struct {
	seal   tink.AEAD
	index  prf.PRF
	newest []byte // how everything begins that the newest key sealed
}

// columnKeys is a column key file: {"aead": …, "index": …}, both tink keysets.
type columnKeys struct{ seal, index *keyset.Handle }

// columnKeyFile is its JSON.
type columnKeyFile struct {
	AEAD  json.RawMessage `json:"aead"`
	Index json.RawMessage `json:"index"`
}

// LoadColumnCipher reads a column key file; its errors name the file and are otherwise
// ParseColumnCipher's.
func LoadColumnCipher(path string) (*ColumnCipher, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	c, err := ParseColumnCipher(data)
	if err != nil {
		return nil, inFile(path, err)
	}
	return c, nil
}

// ParseColumnCipher reads the content of a column key file as NewColumnKey or RotateColumnKey
// made it. Of several "aead" keys the primary seals and every enabled one
// opens; of "index" only the primary is used, since an index made with another
// would find nothing.
//
// Errors: ErrEmpty, ErrFormat, ErrWrongKind.
func ParseColumnCipher(data []byte) (*ColumnCipher, error) {
	k, err := parseColumnKeys(data)
	if err != nil {
		return nil, err
	}
	seal, err := aead.New(k.seal)
	if err != nil {
		return nil, fmt.Errorf("%w: \"aead\" is not usable", ErrFormat)
	}
	index, err := prf.NewPRFSet(k.index)
	if err != nil {
		return nil, fmt.Errorf("%w: \"index\" is not usable", ErrFormat)
	}
	primary, err := k.seal.Primary()
	if err != nil {
		return nil, fmt.Errorf("%w: \"aead\" has no primary key", ErrFormat)
	}
	newest := binary.BigEndian.AppendUint32([]byte{tinkPrefix}, primary.KeyID())
	return &ColumnCipher{seal: seal, index: index.PRFs[index.PrimaryID], newest: newest}, nil
}

// Seal encrypts plain for one place. context names that place (table, column,
// row) and must be given to Open again; it is not part of the result, which is
// 33 bytes longer than plain and differs each time.
func (c *ColumnCipher) Seal(plain, context []byte) ([]byte, error) {
	sealed, err := c.seal.Encrypt(plain, context)
	if err != nil {
		return nil, fmt.Errorf("keys: seal: %w", err)
	}
	return sealed, nil
}

// Open returns what Seal was given, or ErrSealed and nothing.
func (c *ColumnCipher) Open(sealed, context []byte) ([]byte, error) {
	plain, err := c.seal.Decrypt(sealed, context)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// Newest reports whether the newest key of the file sealed this.
func (c *ColumnCipher) Newest(sealed []byte) bool { return bytes.HasPrefix(sealed, c.newest) }

// Index returns the blind index of parts, 32 bytes, always the same for the
// same purpose and parts. Equal parts have different
// indexes for different purposes. Parts are framed by their length, so ("ab", "c") and ("a", "bc")
// differ.
func (c *ColumnCipher) Index(purpose string, parts ...[]byte) []byte {
	sum, err := c.index.ComputePRF(frame(purpose, parts), indexSize)
	if err != nil {
		// HMAC fails only for a longer output than SHA-256 has; ParseColumnCipher
		// let no other algorithm in.
		panic("keys: blind index: " + err.Error())
	}
	return sum
}

// frame puts a length before the purpose and before each part.
func frame(purpose string, parts [][]byte) []byte {
	size := 8 + len(purpose)
	for _, part := range parts {
		size += 8 + len(part)
	}
	framed := binary.BigEndian.AppendUint64(make([]byte, 0, size), uint64(len(purpose)))
	framed = append(framed, purpose...)
	for _, part := range parts {
		framed = binary.BigEndian.AppendUint64(framed, uint64(len(part)))
		framed = append(framed, part...)
	}
	return framed
}

func parseColumnKeys(data []byte) (columnKeys, error) {
	var file columnKeyFile
	if err := readJSON(data, &file); err != nil {
		return columnKeys{}, fmt.Errorf("%w: a column key file is wanted, JSON with the keysets \"aead\" and \"index\"", err)
	}
	seal, err := readKeyset("aead", file.AEAD, sealParameters())
	if err != nil {
		return columnKeys{}, err
	}
	index, err := readKeyset("index", file.Index, prfParameters())
	if err != nil {
		return columnKeys{}, err
	}
	return columnKeys{seal: seal, index: index}, nil
}

func (k columnKeys) encode() ([]byte, error) {
	seal, err := keysetJSON(k.seal)
	if err != nil {
		return nil, err
	}
	index, err := keysetJSON(k.index)
	if err != nil {
		return nil, err
	}
	return writeJSON(columnKeyFile{AEAD: seal, Index: index})
}

// sealParameters: AES-256-GCM with tink's prefix, which tells by which key a
// value was sealed.
func sealParameters() *aesgcm.Parameters {
	p, err := aesgcm.NewParameters(aesgcm.ParametersOpts{
		KeySizeInBytes: 32, IVSizeInBytes: 12, TagSizeInBytes: 16, Variant: aesgcm.VariantTink,
	})
	if err != nil {
		panic("keys: " + err.Error()) // constants only
	}
	return p
}

// prfParameters: HMAC-SHA256 with a key of 32 bytes.
func prfParameters() *hmacprf.Parameters {
	p, err := hmacprf.NewParameters(32, hmacprf.SHA256)
	if err != nil {
		panic("keys: " + err.Error()) // constants only
	}
	return p
}
