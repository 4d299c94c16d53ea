package main

import (
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/keys/testenv"
)

func TestMain(m *testing.M) {
	settings.UseTestLimits(testenv.Patience)
	cmdtest.Main(m, newRoot)
}
