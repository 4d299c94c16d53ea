package settings

import (
	"testing"

	"fundpass/keys/testenv"
)

func TestMain(m *testing.M) {
	UseTestLimits(testenv.Patience)
	testenv.Main(m)
}
