package pgconn_test

import (
	"testing"

	"fundpass/keys/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
