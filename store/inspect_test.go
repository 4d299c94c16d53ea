package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	before, err := store.Inspect(t.Context(), dsn)
	if err != nil || !before.Migrated || before.ReadOnly || before.TLS || before.Version == "" || len(before.Centers) != 0 {
		t.Errorf("%+v %v", before, err)
	}
	storetest.Open(t, dsn)
	after, err := store.Inspect(t.Context(), dsn)
	if err != nil || after.Centers[storetest.Center] != storetest.AppID || after.Ahead.Abs() > 5*time.Second {
		t.Errorf("%+v %v", after, err)
	}
	empty, err := store.Inspect(t.Context(), storetest.EmptyDSN(t))
	if err != nil || empty.Migrated || empty.Centers != nil {
		t.Errorf("%+v %v", empty, err)
	}
}

func TestInspectRefuses(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, tt := range []struct {
		name, dsn string
		want      error
	}{
		{"no sslmode", "postgres://u:" + secret + "@127.0.0.1/x", store.ErrUnsafeDSN},
		{"no server", "postgres://u:" + secret + "@127.0.0.1:1/x?sslmode=disable", store.ErrUnavailable},
	} {
		_, err := store.Inspect(t.Context(), tt.dsn)
		if !errors.Is(err, tt.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := store.CheckDSN(tt.dsn); errors.Is(got, store.ErrUnsafeDSN) != (tt.want == store.ErrUnsafeDSN) {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
