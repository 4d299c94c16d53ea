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

// ErrSealed means that a value cannot be decrypted: it is corrupt, has another context, or
// was sealed with a key that the ColumnCipher does not have.
var ErrSealed = errors.New("keys: sealed value cannot be decrypted")

// indexSize is the length of a blind index and of a Pepper's tag, in bytes.
const indexSize = 32

// tinkPrefix is the first byte of a Tink ciphertext; the id of the key follows.
const tinkPrefix = 1

// A ColumnCipher encrypts database columns with AES-256-GCM and computes their blind
// indexes with HMAC-SHA256. It is safe for concurrent use.
type ColumnCipher struct {
	seal   tink.AEAD
	index  prf.PRF
	newest []byte // prefix of the ciphertexts of the primary key
}

// columnKeys are the keysets of a column key file.
type columnKeys struct{ seal, index *keyset.Handle }

// columnKeyFile is the JSON of a column key file; both members are Tink keysets.
type columnKeyFile struct {
	AEAD  json.RawMessage `json:"aead"`
	Index json.RawMessage `json:"index"`
}

// LoadColumnCipher reads a column key file. Its errors are those of ParseColumnCipher with
// the path, and those of reading the file.
func LoadColumnCipher(path string) (*ColumnCipher, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	c, err := ParseColumnCipher(data)
	if err != nil {
		return nil, withSource(path, err)
	}
	return c, nil
}

// ParseColumnCipher parses the content of a column key file, as NewColumnKey and
// RotateColumnKey return it. The primary key of "aead" encrypts, and every enabled key of
// it decrypts. Only the primary key of "index" is used, because the stored indexes were
// computed with it.
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

// Seal encrypts plain. context identifies the place of the value (table, column, row); it
// is authenticated but not stored, and Open needs the same. The result is randomized and
// 33 bytes longer than plain.
func (c *ColumnCipher) Seal(plain, context []byte) ([]byte, error) {
	sealed, err := c.seal.Encrypt(plain, context)
	if err != nil {
		return nil, fmt.Errorf("keys: seal: %w", err)
	}
	return sealed, nil
}

// Open decrypts the result of Seal with the same context, or returns ErrSealed.
func (c *ColumnCipher) Open(sealed, context []byte) ([]byte, error) {
	plain, err := c.seal.Decrypt(sealed, context)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// Newest reports whether sealed was encrypted with the primary key.
func (c *ColumnCipher) Newest(sealed []byte) bool { return bytes.HasPrefix(sealed, c.newest) }

// Index returns the blind index of parts for purpose, 32 bytes. It is deterministic.
// Different purposes have different indexes. Purpose and parts are prefixed with their
// lengths, so the indexes of ("ab", "c") and ("a", "bc") differ.
func (c *ColumnCipher) Index(purpose string, parts ...[]byte) []byte {
	sum, err := c.index.ComputePRF(frame(purpose, parts), indexSize)
	if err != nil {
		// HMAC-SHA256 fails only for outputs of more than 32 bytes, and ParseColumnCipher
		// accepts no other algorithm.
		panic("keys: blind index: " + err.Error())
	}
	return sum
}

// frame concatenates the purpose and the parts, each prefixed with its length as 8 bytes,
// big-endian.
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
		return columnKeys{}, fmt.Errorf("%w: expected a column key file, JSON with the keysets \"aead\" and \"index\"", err)
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

// sealParameters returns the parameters of AES-256-GCM with Tink's prefix, which contains
// the id of the key.
func sealParameters() *aesgcm.Parameters {
	p, err := aesgcm.NewParameters(aesgcm.ParametersOpts{
		KeySizeInBytes: 32, IVSizeInBytes: 12, TagSizeInBytes: 16, Variant: aesgcm.VariantTink,
	})
	if err != nil {
		panic("keys: " + err.Error()) // cannot fail for these constants
	}
	return p
}

// prfParameters returns the parameters of HMAC-SHA256 with a key of 32 bytes.
func prfParameters() *hmacprf.Parameters {
	p, err := hmacprf.NewParameters(32, hmacprf.SHA256)
	if err != nil {
		panic("keys: " + err.Error()) // cannot fail for these constants
	}
	return p
}
