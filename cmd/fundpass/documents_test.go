package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/document"
	"fundpass/store"
)

// centreFile is an example of a centre's own codes.
const centreFile = "../../miniapp-api/document/testdata/centre.json"

// A centre's file decides what the codes of a roster mean, for import and for
// whoever looks a person up afterwards.
func TestImportWithCentreCodes(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	own, err := os.ReadFile(centreFile)
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
	list, err := document.LoadList(centreFile)
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

// What an operator looks a person up by means what the centre's file says, too.
func TestOperatorWithCentreCodes(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	own, err := os.ReadFile(centreFile)
	cmdtest.NoError(t, err)
	s.Write("documents.json", string(own))
	env := s.Env(cmdtest.Values{"FUNDPASS_DOCUMENTS_FILE": s.Path("documents.json")})
	cmdtest.NoError(t, cmdtest.Run(t, env, "import", cmdtest.TempFile(t, five+"880000000002,林志,08,9901000101(B),,01,,account-last6\n")).Err)
	asks := func(env map[string]string, typed string, args ...string) error {
		var out, log cmdtest.LogBuffer
		return cmdtest.Execute(t.Context(), append(args, "--operator", "li", "--reason", "asked in writing"),
			terminal.Stdio{Getenv: cmdtest.GetenvOf(env), In: strings.NewReader(typed + "\n"), Out: &out, Err: &log})
	}
	for _, args := range [][]string{{"unlock"}, {"export-person", "--out", s.Path("person.json")}, {"erase-person"}} {
		for typed, idType := range map[string]string{"9901 0001": "08", " ８８００００ 000002": "01"} {
			if err := asks(env, typed, append(args, "--id-type", idType)...); err != nil {
				t.Errorf("%s by %s: %v", args[0], idType, err)
			}
			os.Remove(s.Path("person.json"))
		}
	}
	if err := asks(s.Env(), "99010001", "unlock", "--id-type", "08"); !errors.Is(err, errNoAccount) {
		t.Errorf("without the file: %v", err)
	}
	s.Write("documents.json", "{}")
	if err := asks(env, "99010001", "unlock", "--id-type", "08"); err == nil || !strings.Contains(err.Error(), "FUNDPASS_DOCUMENTS_FILE") {
		t.Errorf("with a broken file: %v", err)
	}
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

// check says how many types the file has; a running server goes by it.
func TestServeWithCentreCodes(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewOwnEnv(t)
	s.AddOK()
	own, err := os.ReadFile(centreFile)
	cmdtest.NoError(t, err)
	s.Write("documents.json", string(own))
	env := s.Env(cmdtest.Values{"FUNDPASS_DOCUMENTS_FILE": s.Path("documents.json")})
	got := runCheck(t, env)
	cmdtest.NoError(t, got.Err)
	got.want(verdictOK, "FUNDPASS_DOCUMENTS_FILE", "documents.json: 12 types")
	server := cmdtest.StartServer(t, env)
	token := s.OpenSession(t, server.URL)
	for code, want := range map[string]string{
		"08": "COUNTER_ONLY", // on the list, and nothing Alipay compares
		"20": "UNKNOWN",      // on the built-in list alone
	} {
		body := `{"name":"林志","id_type":"` + code + `","id_number":"99010001","password":"x"}`
		req, err := http.NewRequest("POST", server.URL+"/v1/link", strings.NewReader(body))
		cmdtest.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := cmdtest.NewClient(t).Do(req)
		cmdtest.NoError(t, err)
		answer, err := io.ReadAll(resp.Body)
		cmdtest.NoError(t, err)
		resp.Body.Close()
		if resp.StatusCode != 400 || !strings.Contains(string(answer), `"`+want+`"`) {
			t.Errorf("code %s: %d %s", code, resp.StatusCode, answer)
		}
	}
	cmdtest.NoError(t, server.Stop())
}
