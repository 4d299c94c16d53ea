package roster

import (
	"os"
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/miniapp-api/document"
	"fundpass/store"
)

// A centre's file decides what the codes of a roster mean, for import and for
// whoever looks a person up afterwards.
func TestImportWithCentreCodes(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	own, err := os.ReadFile(cmdtest.CentreFile)
	cmdtest.NoError(t, err)
	s.Write("documents.json", string(own))
	path := cmdtest.TempFile(t, five+
		"880000000001,张测试,10,990101195603070010,,01,,id-last6\n"+
		"880000000002,林志,08,9901000101(B),,01,,account-last6\n"+
		"880000000003,马兵,06,士字第 1234567 号,,01,,account-last6\n"+
		"880000000004,陈港生,20,H99010001,,01,,account-last6\n"+ // a code of JGJ/T 320's that this centre has not
		"880000000005,林志,08,9901000,,01,,account-last6\n")
	r := cmdtest.Run(t, s.Env(cmdtest.Values{"FUNDPASS_DOCUMENTS_FILE": s.Path("documents.json")}), "import", path, "--allow-refused")
	cmdtest.NoError(t, r.Err)
	cmdtest.WantIn(t, strings.Join(strings.Fields(r.Out), " "), counts(5, 3, 0, 0, 2))
	refused, err := os.ReadFile(path + ".refused.csv")
	cmdtest.NoError(t, err)
	cmdtest.WantIn(t, string(refused), "ZJLX", "unknown document type", "ZJHM", "wrong length")
	if strings.Contains(string(refused), "H99010001") || strings.Contains(string(refused), "9901000,") {
		t.Errorf("the report shows a number: %s", refused)
	}
	db := s.Open()
	if a := s.Account(db, "01", "990101195603070010", ""); a == nil || a.Person.IDType != "10" {
		t.Errorf("the provisional card is not the ID card: %+v", a)
	}
	list, err := document.LoadList(cmdtest.CentreFile)
	cmdtest.NoError(t, err)
	for _, number := range []string{"99010001", "9901000102"} {
		doc, err := list.Parse("08", number)
		cmdtest.NoError(t, err)
		if a := found(t, db, doc); a == nil || a.Person.IDNumber != "9901000101B" {
			t.Errorf("by %s: %+v", number, a)
		}
	}
	// Without the file the same roster is mostly unknown.
	other := cmdtest.NewEnv(t)
	cmdtest.WantIn(t, mustImport(other, path, "--allow-refused"), counts(5, 1, 0, 0, 4))
}

func found(t *testing.T, db *store.DB, doc document.Document) *store.Account {
	t.Helper()
	a, err := db.ReserveAttempt(t.Context(), store.AttemptRequest{
		PersonDigest: db.PersonDigest(doc.Key()), Scope: store.PublicScope,
		Policy: store.LockoutPolicy{Attempts: []int{50}, Until: func(now time.Time) []time.Time { return []time.Time{now} }},
	})
	cmdtest.NoError(t, err)
	return a.Account
}

// The reason that a clerk reads is the one the citizen would.
func TestRosterReasons(t *testing.T) {
	t.Parallel()
	h := mustHeader(t, rosterHeader)
	for number, want := range map[string]document.Reason{
		"":                    document.NoNumber,
		"99010119560307001":   document.WrongLength,
		"990101195603070012":  document.WrongCheck,
		"990101195602300011":  document.WrongDate,
		"9901011956O3070010":  document.WrongCharacters,
		"16010119560307001X":  document.WrongRegion,
		futureNumber(t):       document.WrongDate,
		"990101-195603070010": document.WrongCharacters,
	} {
		fields := goodFields()
		fields[h.at[colIDNumber]] = number
		fields[h.at[colRule]] = "111111"
		_, refusals := h.read(1, fields)
		if len(refusals) != 1 || refusals[0].column != colIDNumber || !strings.HasSuffix(refusals[0].reason, ": "+string(want)) {
			t.Errorf("%q: %+v, want %s", number, refusals, want)
		}
	}
}

// futureNumber belongs to somebody not born yet.
func futureNumber(t *testing.T) string {
	t.Helper()
	for _, last := range "0123456789X" {
		n := "99010120980101001" + string(last)
		if _, err := document.Parse(document.Citizen, n); err == nil {
			return n
		}
	}
	t.Fatal("no check digit fits")
	return ""
}
