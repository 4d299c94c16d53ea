package store_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain runs more tests at a time than there are processors, unless told
// otherwise: most of a test's time here passes in waiting for PostgreSQL.
func TestMain(m *testing.M) {
	flag.Parse()
	told := false
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == "test.parallel" })
	if !told {
		flag.Set("test.parallel", "8")
	}
	os.Exit(m.Run())
}
