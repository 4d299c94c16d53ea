package roster

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys/testenv"
	"fundpass/store"
)

// linesDone waits until an import has done more than so many lines.
func linesDone(s *cmdtest.ServerEnv, db *store.DB, digest []byte, more int64) int64 {
	s.T.Helper()
	var p store.Progress
	testenv.Eventually(s.T, "the import gets on", func() (on bool) {
		var err error
		p, err = db.Roster().BeginImport(s.T.Context(), digest, nil)
		return err == nil && p.Lines > more
	})
	return p.Lines
}

// interrupt runs a command, stops it when begun returns, and wants to be told how to go on.
func interrupt(s *cmdtest.ServerEnv, begun func(), args ...string) {
	s.T.Helper()
	ctx, stop := context.WithCancel(s.T.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		w := terminal.Stdio{Getenv: cmdtest.GetenvOf(s.Env()), In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}
		ended <- cmdtest.Execute(ctx, args, w)
	}()
	begun()
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) && !errors.Is(err, store.ErrUnknownOutcome) || !strings.Contains(err.Error(), "goes on where") {
		s.T.Fatalf("got %v", err)
	}
}

// An operator who stops an import is told how to go on, and can.
func TestImportInterrupted(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	path := s.Path("people.csv")
	mustImport(s, "--sample", "12000", "--out", path)
	r, err := fileRoster(path, autoEncoding)
	cmdtest.NoError(t, err)
	db := s.Open()
	interrupt(s, func() { linesDone(s, db, r.digest, 0) }, "import", path)
	cmdtest.WantIn(t, mustImport(s, path), counts(12000, 12000, 0, 0, 0), "An earlier run did the first")
}

// Several imports of one file at once share the work; all say the same at the end.
func TestImportTogether(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	path := s.Path("people.csv")
	mustImport(s, "--sample", "12000", "--out", path)
	db := s.Open()
	r, err := fileRoster(path, autoEncoding)
	cmdtest.NoError(t, err)
	p, err := db.Roster().BeginImport(t.Context(), r.digest, nil)
	if err != nil || p.Lines != 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	var all sync.WaitGroup
	results := make(chan cmdtest.Result, 3)
	for range 3 {
		all.Go(func() { results <- cmdtest.Run(t, s.Env(), "import", path) })
	}
	all.Wait()
	close(results)
	added := 0
	for r := range results {
		switch {
		case errors.Is(r.Err, store.ErrConflict): // began anew behind its back
		case r.Err != nil:
			t.Error(r.Err)
		case strings.Contains(strings.Join(strings.Fields(r.Out), " "), counts(12000, 12000, 0, 0, 0)):
			added++
		case !strings.Contains(strings.Join(strings.Fields(r.Out), " "), counts(12000, 0, 0, 12000, 0)):
			t.Error(r.Out)
		}
	}
	if added == 0 {
		t.Error("nobody added the people")
	}
}
