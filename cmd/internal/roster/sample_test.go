package roster

import (
	"io"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/store"
)

func readSample(t testing.TB, s sample) []string {
	t.Helper()
	r, err := s.open()
	cmdtest.NoError(t, err)
	defer r.Close()
	all, err := io.ReadAll(r)
	cmdtest.NoError(t, err)
	return strings.Split(strings.TrimSuffix(string(all), "\n"), "\n")
}

func TestSampleIsDeterministic(t *testing.T) {
	t.Parallel()
	one, again, other := readSample(t, sample{500, 7}), readSample(t, sample{500, 7}), readSample(t, sample{500, 8})
	longer := readSample(t, sample{1000, 7})
	for i, line := range one {
		if line != again[i] || line != longer[i] {
			t.Fatalf("line %d differs: %s", i, line)
		}
		if i > 0 && line == other[i] {
			t.Errorf("line %d is the same for another seed: %s", i, line)
		}
	}
	r := sample{500, 7}.roster()
	if r.lines != int64(len(one)) || string(r.digest) == string(sample{500, 8}.roster().digest) {
		t.Errorf("got %+v", r)
	}
}

// Every invented person can be imported and cannot be anybody.
func TestSamplePeople(t *testing.T) {
	t.Parallel()
	lines := readSample(t, sample{20000, 1})
	h := mustHeader(t, lines[0])
	accounts, people, statuses := map[string]bool{}, map[string]int{}, map[string]int{}
	for i, line := range lines[1:] {
		e, refusals := h.read(int64(i+2), strings.Split(line, ","))
		if len(refusals) > 0 {
			t.Fatalf("%s: %+v", line, refusals)
		}
		p := e.Person
		if p.IDType == "01" && !strings.HasPrefix(p.IDNumber, "99") || p.Phone != "" && !strings.HasPrefix(p.Phone, "100") {
			t.Fatalf("may be somebody: %s", line)
		}
		if e.InitialRule != "id-last6" || accounts[p.AccountNo] {
			t.Fatalf("rule or account number: %s", line)
		}
		accounts[p.AccountNo] = true
		people[string(e.DocumentKey)]++
		statuses[e.Status]++
	}
	if want := 20000 - 20000/secondAccounts; len(people) != want {
		t.Errorf("%d people, want %d", len(people), want)
	}
	for _, status := range []string{store.StatusNormal, store.StatusSealed, store.StatusMoved, store.StatusFrozen} {
		if statuses[status] == 0 {
			t.Errorf("nobody has status %s", status)
		}
	}
}

// A sample that nobody reads to the end leaves nothing running.
func TestSampleClosed(t *testing.T) {
	t.Parallel()
	r, err := sample{1e9, 1}.open()
	cmdtest.NoError(t, err)
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cmdtest.NoError(t, r.Close())
}
