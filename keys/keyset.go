package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/key"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// newKeyset returns a keyset with one new key.
func newKeyset(want key.Parameters) (*keyset.Handle, error) {
	return addPrimary(keyset.NewManager(), want)
}

// rotateKeyset returns old with a new primary key added.
func rotateKeyset(old *keyset.Handle, want key.Parameters) (*keyset.Handle, error) {
	return addPrimary(keyset.NewManagerFromHandle(old), want)
}

func addPrimary(m *keyset.Manager, want key.Parameters) (*keyset.Handle, error) {
	id, err := m.AddNewKeyFromParameters(want)
	if err != nil {
		return nil, fmt.Errorf("keys: new key: %w", err)
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("keys: new key: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("keys: new key: %w", err)
	}
	return h, nil
}

// readKeyset parses a Tink keyset in JSON. Every key in it must have the parameters want,
// so that a file for another purpose is rejected. Tink's error is dropped, because it may
// quote the file.
func readKeyset(name string, raw json.RawMessage, want key.Parameters) (*keyset.Handle, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("%w: %q is missing or damaged; restore the file from its backup", ErrFormat, name)
	}
	for i := range h.Len() {
		entry, err := h.Entry(i)
		if err != nil || !entry.Key().Parameters().Equal(want) {
			return nil, fmt.Errorf("%w: %q contains a key of another algorithm or size", ErrWrongKind, name)
		}
	}
	return h, nil
}

// keysetJSON encodes h as JSON. The keys are not encrypted; the mode of the file protects
// them.
func keysetJSON(h *keyset.Handle) (json.RawMessage, error) {
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&buf)); err != nil {
		return nil, fmt.Errorf("keys: write keyset: %w", err)
	}
	return buf.Bytes(), nil
}

// readJSON decodes exactly one JSON value without unknown fields. The decoder's error is
// dropped, because it may quote the file.
func readJSON(data []byte, into any) error {
	text, err := cleanText(data)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return ErrFormat
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return ErrFormat
	}
	return nil
}

// writeJSON encodes a key file with indentation, so that two files can be compared.
func writeJSON(v any) ([]byte, error) {
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("keys: write key file: %w", err)
	}
	return append(out, '\n'), nil
}
