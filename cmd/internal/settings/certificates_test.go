package settings

import (
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

func TestExpiringPublicKeys(t *testing.T) {
	t.Parallel()
	s, keyring, err := ReadKeyring(cmdtest.GetenvOf(cmdtest.NewBareEnv(t).Env()))
	cmdtest.NoError(t, err)
	if all := s.Certificates(keyring); all != nil || s.Certificates(nil) != nil {
		t.Errorf("got %v", all)
	}
}
