package store_test

import (
	"bytes"
	"errors"
	"testing"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// keyFiles are the key files of a centre.
type keyFiles struct{ column, pepper []byte }

func newKeyFiles(t *testing.T) keyFiles {
	t.Helper()
	column, err := keys.NewColumnKey()
	noError(t, err)
	pepper, err := keys.NewPepperKey()
	noError(t, err)
	return keyFiles{column, pepper}
}

func (f keyFiles) rotated(t *testing.T) keyFiles {
	t.Helper()
	column, err := keys.RotateColumnKey(f.column)
	noError(t, err)
	pepper, err := keys.RotatePepper(f.pepper)
	noError(t, err)
	return keyFiles{column, pepper}
}

func (f keyFiles) config(t *testing.T, dsn string) store.Config {
	t.Helper()
	cipher, err := keys.ParseColumnCipher(f.column)
	noError(t, err)
	pepper, err := keys.ParsePepper(f.pepper)
	noError(t, err)
	return store.Config{DSN: dsn, ConnectLimit: testenv.Patience, CallLimit: testenv.Patience, Center: "keys", AppID: "2021000000000077", ColumnCipher: cipher, Pepper: pepper, MaxConns: 2}
}

// openWith opens the store with c, changed by f, and closes it.
func openWith(t *testing.T, c store.Config, f func(*store.Config)) error {
	t.Helper()
	f(&c)
	db, err := store.Open(t.Context(), c)
	if err != nil {
		return err
	}
	return db.Close()
}

func TestOtherKeysAreRefused(t *testing.T) {
	t.Parallel()
	dsn, own := storetest.DSN(t), newKeyFiles(t)
	first, other, next := own.config(t, dsn), newKeyFiles(t).config(t, dsn), own.rotated(t).config(t, dsn)
	asIs := func(*store.Config) {}
	noPepper := func(c *store.Config) { c.Pepper = nil }
	look := func(c *store.Config) { c.Look = true }
	for _, tt := range []struct {
		name string
		with store.Config
		f    func(*store.Config)
		want error
	}{
		{"Look does not register", first, look, store.ErrOtherApp},
		{"first, without the pepper", first, noPepper, nil},
		{"another column key", other, asIs, store.ErrOtherColumnKey},
		{"another column key, no pepper", other, noPepper, store.ErrOtherColumnKey},
		{"another column key, Look", other, look, store.ErrOtherColumnKey},
		{"first with the pepper", first, asIs, nil},
		{"another pepper", first, func(c *store.Config) { c.Pepper = other.Pepper }, store.ErrOtherPepper},
		{"another pepper, Look", first, func(c *store.Config) { c.Pepper, c.Look = other.Pepper, true }, store.ErrOtherPepper},
		{"the other half of the column key", first, func(c *store.Config) { c.ColumnCipher = halfOther(t, own) }, store.ErrOtherColumnKey},
		{"another application", other, func(c *store.Config) { c.AppID = "x" }, store.ErrOtherApp},
		{"rotated, Look", next, look, nil},
		{"not bound by Look", first, asIs, nil},
		{"rotated", next, asIs, nil},
		{"rotated, again", next, asIs, nil},
		{"from before the rotation", first, asIs, store.ErrOtherColumnKey},
		{"the pepper from before the rotation", next, func(c *store.Config) { c.Pepper = first.Pepper }, store.ErrOtherPepper},
		{"rotated, no pepper", next, noPepper, nil},
		{"another centre has keys of its own", other, func(c *store.Config) { c.Center, c.AppID = "other", "2021000000000078" }, nil},
	} {
		if err := openWith(t, tt.with, tt.f); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// halfOther returns a cipher with own's sealing keys and another index key.
func halfOther(t *testing.T, own keyFiles) *keys.ColumnCipher {
	t.Helper()
	aead, _, found := bytes.Cut(own.column, []byte(`"index"`))
	_, index, also := bytes.Cut(newKeyFiles(t).column, []byte(`"index"`))
	if !found || !also {
		t.Fatal("no index")
	}
	cipher, err := keys.ParseColumnCipher(append(append(bytes.Clone(aead), `"index"`...), index...))
	noError(t, err)
	return cipher
}

// Of two processes that register a new centre, the second does not overwrite the markers
// of the first.
func TestConcurrentBinding(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	if err := db.BindAsNew(t.Context()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v", err)
	}
}
