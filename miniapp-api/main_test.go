package miniapp

import (
	"flag"
	"testing"

	"fundpass/keys/testenv"
)

// seed is of the histories that the fast tier plays.
const seed = "20261130"

func TestMain(m *testing.M) {
	if !testenv.Long() {
		flag.Set("rapid.seed", seed)
	}
	testenv.Main(m)
}
