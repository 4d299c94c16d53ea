package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/store"
)

// startImport runs the import as a process of its own.
func startImport(t testing.TB, env map[string]string, args ...string) *exec.Cmd {
	t.Helper()
	return startProgram(t, env, append([]string{"import"}, args...)...)
}

// startProgram runs the program as a process of its own.
func startProgram(t testing.TB, env map[string]string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = []string{asProgram + "=1"}
	for name, v := range maps.All(env) {
		c.Env = append(c.Env, name+"="+v)
	}
	noError(t, c.Start())
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	return c
}

// linesDone waits until an import has done more than so many lines.
func (s *site) linesDone(db *store.DB, digest []byte, more int64) int64 {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if p, err := db.BeginImport(s.t.Context(), digest); err == nil && p.Lines > more {
			return p.Lines
		}
	}
	s.t.Fatal("the import does not get on")
	return 0
}

// kill -9 in the middle, twice, and start again: everybody is there once, and
// the report is whole.
func TestImportKilled(t *testing.T) {
	t.Parallel()
	s, want := newSite(t), 25000
	lines := readSample(t, sample{int64(want), 1})
	for i := 999; i < want; i += 1000 {
		lines[i] = "refused"
	}
	want -= 25
	path := tempFile(t, strings.Join(lines, "\n"))
	r, err := fileRoster(path, autoEncoding)
	noError(t, err)
	db := s.open()
	var done int64
	for range 2 {
		c := startImport(t, s.env(), path)
		done = s.linesDone(db, r.digest, done)
		noError(t, c.Process.Kill())
		c.Wait()
	}
	out := s.mustImport(path, "--allow-refused")
	wantIn(t, out, counts(25000, want, 0, 0, 25), "An earlier run did the first")
	if n := strings.Count(string(readFile(t, path+".refused.csv")), "\n"); n != 26 {
		t.Errorf("%d lines in the report", n)
	}
	has, err := db.HasAccounts(t.Context(), accountNumbers(lines))
	noError(t, err)
	for i, there := range has {
		if there == (lines[i+1] == "refused") {
			t.Fatalf("line %d: imported is %v", i+2, there)
		}
	}
	wantIn(t, s.mustImport(path, "--allow-refused"), counts(25000, 0, 0, want, 25))
}

func accountNumbers(lines []string) []string {
	var numbers []string
	for _, line := range lines[1:] {
		no, _, _ := strings.Cut(line, ",")
		numbers = append(numbers, no)
	}
	return numbers
}

// An operator who stops an import is told how to go on, and can.
func TestImportInterrupted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := s.path("people.csv")
	s.mustImport("--sample", "12000", "--out", path)
	r, err := fileRoster(path, autoEncoding)
	noError(t, err)
	db := s.open()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		w := world{getenv: getenvOf(s.env()), in: strings.NewReader(""), out: io.Discard, err: io.Discard}
		ended <- run(ctx, []string{"import", path}, w)
	}()
	s.linesDone(db, r.digest, 0)
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) && !errors.Is(err, store.ErrUnknownOutcome) || !strings.Contains(err.Error(), "goes on where") {
		t.Fatalf("got %v", err)
	}
	wantIn(t, s.mustImport(path), counts(12000, 12000, 0, 0, 0), "An earlier run did the first")
}

// Several imports of one file at once share the work; all say the same at the end.
func TestImportTogether(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := s.path("people.csv")
	s.mustImport("--sample", "12000", "--out", path)
	db := s.open()
	r, err := fileRoster(path, autoEncoding)
	noError(t, err)
	p, err := db.BeginImport(t.Context(), r.digest)
	if err != nil || p.Lines != 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	var all sync.WaitGroup
	results := make(chan ran, 3)
	for range 3 {
		all.Go(func() { results <- runWith(t, s.env(), "import", path) })
	}
	all.Wait()
	close(results)
	added := 0
	for r := range results {
		switch {
		case errors.Is(r.err, store.ErrConflict): // began anew behind its back
		case r.err != nil:
			t.Error(r.err)
		case strings.Contains(strings.Join(strings.Fields(r.out), " "), counts(12000, 12000, 0, 0, 0)):
			added++
		case !strings.Contains(strings.Join(strings.Fields(r.out), " "), counts(12000, 0, 0, 12000, 0)):
			t.Error(r.out)
		}
	}
	if added == 0 {
		t.Error("nobody added the people")
	}
}
