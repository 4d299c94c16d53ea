package testenv

import (
	"io"
	"os"
	"testing"
)

// A recorder records how a test was ended.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper()      {}
func (r *recorder) Skip(...any)  { r.ended = "skip" }
func (r *recorder) Fatal(...any) { r.ended = "fatal" }

func TestMissing(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	output = func() *os.File { return write }
	defer func() { output = runnerOutput }()
	t.Setenv("CI", "")
	for range 2 {
		r := &recorder{TB: t}
		if Missing(r, "a program is missing: install it"); r.ended != "skip" {
			t.Errorf("here: %q", r.ended)
		}
	}
	said, err := io.ReadAll(read) // Announce has closed the writer
	if want := "skipped: a program is missing: install it\n"; err != nil || string(said) != want {
		t.Errorf("said %q, want %q once", said, want)
	}
	t.Setenv("CI", "true")
	r := &recorder{TB: t}
	if Missing(r, "a program is missing: install it"); r.ended != "fatal" {
		t.Errorf("in CI: %q", r.ended)
	}
}

func TestRounds(t *testing.T) {
	for value, want := range map[string]int{"": 1, "1": 2} {
		t.Setenv("FUNDPASS_LONG", value)
		if got := Rounds(1, 2); got != want {
			t.Errorf("FUNDPASS_LONG=%q: %d rounds", value, got)
		}
	}
}

func TestNeedE2E(t *testing.T) {
	for value, want := range map[string]string{"": "skip", "1": ""} {
		t.Setenv("FUNDPASS_E2E", value)
		r := &recorder{TB: t}
		if NeedE2E(r, "./store"); r.ended != want {
			t.Errorf("FUNDPASS_E2E=%q: %q", value, r.ended)
		}
	}
}
