package selfservice

import (
	"flag"
	"os"
	"testing"

	"fundpass/keys/testenv"
	"fundpass/store/localpg"
)

func TestMain(m *testing.M) {
	// An Example cannot skip itself, as a test does where there is no PostgreSQL.
	if _, err := localpg.FindBin(); err != nil && os.Getenv("CI") == "" {
		testenv.Announce("skipped: ExampleService: " + err.Error())
		flag.Set("test.skip", "^ExampleService$")
	}
	testenv.Main(m)
}
