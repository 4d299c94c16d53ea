package keycmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
	"fundpass/store/storetest"
)

// depositAccounts adds accounts whose passwords all have the same hash.
func depositAccounts(s *cmdtest.ServerEnv, db *store.DB, from, n int, hash string) {
	s.T.Helper()
	ds := make([]store.Depositor, n)
	for i := range ds {
		no := fmt.Sprintf("88%010d", from+i)
		ds[i] = store.Depositor{
			Person:      store.Person{Name: "测试甲", IDType: "03", IDNumber: "E" + no, AccountNo: no},
			DocumentKey: []byte("03:E" + no), Status: store.StatusNormal, Hash: hash,
		}
	}
	_, err := db.Roster().ImportDepositors(s.T.Context(), ds)
	cmdtest.NoError(s.T, err)
}

// layersOf returns the number of hashes by the pepper keys that they name.
func layersOf(s *cmdtest.ServerEnv) map[string]int {
	s.T.Helper()
	rows, err := storetest.Probe(s.T, s.DSN).Query(`SELECT coalesce(substring(hash FROM 'kid=([0-9.]+)'), hash), count(*) FROM password_credentials GROUP BY 1`)
	cmdtest.NoError(s.T, err)
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var kids string
		var n int
		cmdtest.NoError(s.T, rows.Scan(&kids, &n))
		all[kids] = n
	}
	cmdtest.NoError(s.T, rows.Err())
	return all
}

func wantLayers(s *cmdtest.ServerEnv, want map[string]int) {
	s.T.Helper()
	if got := layersOf(s); fmt.Sprint(got) != fmt.Sprint(want) {
		s.T.Errorf("hashes by keys: %v, want %v", got, want)
	}
}

// rotatePepper adds a key to the pepper file and returns its id.
func rotatePepper(s *cmdtest.ServerEnv) string {
	s.T.Helper()
	cmdtest.NoError(s.T, cmdtest.Run(s.T, nil, "keys", "rotate-pepper", s.Path("pepper.key")).Err)
	return newestPepper(s)
}

func newestPepper(s *cmdtest.ServerEnv) string {
	s.T.Helper()
	pepper, err := keys.LoadPepper(s.Path("pepper.key"))
	cmdtest.NoError(s.T, err)
	return fmt.Sprint(pepper.Current())
}

func mustRehash(s *cmdtest.ServerEnv, args ...string) string {
	s.T.Helper()
	r := cmdtest.Run(s.T, s.Env(), append([]string{"keys", "rehash"}, args...)...)
	if r.Err != nil {
		s.T.Fatalf("%v\n%s", r.Err, r.Log)
	}
	return strings.Join(strings.Fields(r.Out), " ")
}

// TestRehash rehashes all passwords after a rotation: both keys are then needed, until
// the first use of a password leaves the new one alone.
func TestRehash(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	db, right := s.Open(), passwd.NewSecret("Copper-Kettle-58")
	old, first := s.Read("pepper.key"), newestPepper(s)
	hash, err := s.Hasher().Hash(t.Context(), right)
	cmdtest.NoError(t, err)
	const n = store.RehashBatch + 5
	depositAccounts(s, db, 0, n, hash)
	second := rotatePepper(s)

	cmdtest.WantIn(t, mustRehash(s, "--dry-run"), fmt.Sprintf("%s %d", first, n), second+" 0 the newest")
	wantLayers(s, map[string]int{first: n})
	cmdtest.WantIn(t, mustRehash(s), fmt.Sprintf("%s %d", first, n), fmt.Sprintf("%s %d the newest", second, n), fmt.Sprintf("Replaced %d hashes", n))
	wantLayers(s, map[string]int{first + "." + second: n})
	cmdtest.WantIn(t, mustRehash(s), "Replaced 0 hashes")
	wantLayers(s, map[string]int{first + "." + second: n})

	a, err := db.Operations().Hashes(t.Context(), [16]byte{})
	cmdtest.NoError(t, err)
	now := s.Hasher()
	if ok, upgrade, err := now.Verify(t.Context(), a[0].Hash, right); !ok || !upgrade || err != nil {
		t.Errorf("the password: %v, %v, %v", ok, upgrade, err)
	}
	if ok, _, err := now.Verify(t.Context(), a[0].Hash, passwd.NewSecret("Copper-Kettle-59")); ok || err != nil {
		t.Errorf("another password: %v, %v", ok, err)
	}
	plain, err := now.Hash(t.Context(), right)
	cmdtest.NoError(t, err)
	cmdtest.NoError(t, db.UpgradeHash(t.Context(), store.Account{ID: a[0].AccountID, Version: a[0].Version}, plain))
	cmdtest.WantIn(t, mustRehash(s), fmt.Sprintf("%s %d", first, n-1), fmt.Sprintf("%s %d the newest", second, n), "Replaced 0 hashes")
	wantLayers(s, map[string]int{first + "." + second: n - 1, second: 1})

	s.Write("pepper.key", string(old)) // as on a server that was not updated
	if r := cmdtest.Run(t, s.Env(), "keys", "rehash"); !errors.Is(r.Err, store.ErrOtherPepper) {
		t.Errorf("got %v", r.Err)
	}
	// Without the marker, rehash opens the database and reports the unknown key.
	_, err = storetest.Probe(t, s.DSN).Exec(`UPDATE centers SET pepper_marker = NULL`)
	cmdtest.NoError(t, err)
	r := cmdtest.Run(t, s.Env(), "keys", "rehash")
	if r.Err == nil || !strings.Contains(r.Err.Error(), errHashes.Error()) {
		t.Errorf("got %v", r.Err)
	}
	cmdtest.WantIn(t, r.Out, fmt.Sprintf("%d hashes name a key that is not in the pepper file", n), "restore the key")
	if _, _, err := s.Hasher().Verify(t.Context(), a[0].Hash, right); err == nil || !strings.Contains(err.Error(), "id "+second) {
		t.Errorf("a server without the new key: %v", err)
	}
	wantLayers(s, map[string]int{first + "." + second: n - 1, second: 1})
}

// TestRehashReportsCorruption checks that hashes that cannot be rekeyed are counted and
// left unchanged, and that the others are rekeyed.
func TestRehashReportsCorruption(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	db := s.Open()
	hash, err := s.Hasher().Hash(t.Context(), passwd.NewSecret("Copper-Kettle-58"))
	cmdtest.NoError(t, err)
	first := newestPepper(s)
	depositAccounts(s, db, 0, 2, hash)
	depositAccounts(s, db, 10, 3, "no hash")
	full := "1.2.3.4.5.6.7." + first
	depositAccounts(s, db, 20, 1, strings.Replace(hash, "kid="+first, "kid="+full, 1))
	depositAccounts(s, db, 30, 1, strings.Replace(hash, "kid="+first, "kid=7", 1))
	second := rotatePepper(s)
	r := cmdtest.Run(t, s.Env(), "keys", "rehash")
	if r.Err == nil {
		t.Error("no error")
	}
	cmdtest.WantIn(t, r.Out, "2 hashes name a key", "3 hashes are malformed", "Replaced 2 hashes")
	wantLayers(s, map[string]int{first + "." + second: 2, "no hash": 3, full: 1, "7": 1})
}

func TestRehashInterrupted(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	w := terminal.Stdio{Getenv: cmdtest.GetenvOf(s.Env()), In: strings.NewReader(""), Out: new(strings.Builder), Err: new(strings.Builder)}
	if err := cmdtest.Execute(ctx, []string{"keys", "rehash"}, w); err == nil {
		t.Error("no error")
	}
	if r := cmdtest.Run(t, s.Env(map[string]string{"FUNDPASS_PEPPER_FILE": ""}), "keys", "rehash"); r.Err == nil || !strings.Contains(r.Err.Error(), "FUNDPASS_PEPPER_FILE") {
		t.Errorf("without a pepper: %v", r.Err)
	}
}
