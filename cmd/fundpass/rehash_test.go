package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
	"fundpass/store/storetest"
)

// hasher hashes with the environment's pepper file as it is now, cheaply: so no hash
// costs what a server's does.
func (s *serverEnv) hasher() *passwd.Hasher {
	s.t.Helper()
	pepper, err := keys.LoadPepper(s.path("pepper.key"))
	noError(s.t, err)
	h := passwd.NewHasher(passwd.HasherConfig{Pepper: pepper, Memory: 64, Time: 1, Slots: 1})
	s.t.Cleanup(h.Close)
	return h
}

// deposit adds accounts whose password all have one hash.
func (s *serverEnv) deposit(db *store.DB, from, n int, hash string) {
	s.t.Helper()
	ds := make([]store.Depositor, n)
	for i := range ds {
		no := fmt.Sprintf("88%010d", from+i)
		ds[i] = store.Depositor{
			Person:      store.Person{Name: "测试甲", IDType: "03", IDNumber: "E" + no, AccountNo: no},
			DocumentKey: []byte("03:E" + no), Status: store.StatusNormal, Hash: hash,
		}
	}
	_, err := db.ImportDepositors(s.t.Context(), ds)
	noError(s.t, err)
}

// layers counts the hashes by the pepper keys in them.
func (s *serverEnv) layers() map[string]int {
	s.t.Helper()
	rows, err := storetest.Probe(s.t, s.dsn).Query(`SELECT coalesce(substring(hash FROM 'kid=([0-9.]+)'), hash), count(*) FROM password_credentials GROUP BY 1`)
	noError(s.t, err)
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var kids string
		var n int
		noError(s.t, rows.Scan(&kids, &n))
		all[kids] = n
	}
	noError(s.t, rows.Err())
	return all
}

func (s *serverEnv) wantLayers(want map[string]int) {
	s.t.Helper()
	if got := s.layers(); fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("hashes by keys: %v, want %v", got, want)
	}
}

// rotated puts a fresh key into the pepper file and returns its id.
func (s *serverEnv) rotated() string {
	s.t.Helper()
	noError(s.t, runWith(s.t, nil, "keys", "rotate-pepper", s.path("pepper.key")).err)
	return s.newestPepper()
}

func (s *serverEnv) newestPepper() string {
	s.t.Helper()
	pepper, err := keys.LoadPepper(s.path("pepper.key"))
	noError(s.t, err)
	return fmt.Sprint(pepper.Current())
}

func (s *serverEnv) mustRehash(args ...string) string {
	s.t.Helper()
	r := runWith(s.t, s.env(), append([]string{"keys", "rehash"}, args...)...)
	if r.err != nil {
		s.t.Fatalf("%v\n%s", r.err, r.log)
	}
	return strings.Join(strings.Fields(r.out), " ")
}

// A rotation, over everybody, without a password: afterwards both keys are
// needed, and the first use of a password needs the new one alone.
func TestRehash(t *testing.T) {
	t.Parallel()
	s := newServerEnv(t)
	db, right := s.open(), passwd.NewSecret("Copper-Kettle-58")
	old, first := s.read("pepper.key"), s.newestPepper()
	hash, err := s.hasher().Hash(t.Context(), right)
	noError(t, err)
	const n = store.RehashBatch + 5
	s.deposit(db, 0, n, hash)
	second := s.rotated()

	wantIn(t, s.mustRehash("--dry-run"), fmt.Sprintf("%s %d", first, n), second+" 0 the newest")
	s.wantLayers(map[string]int{first: n})
	wantIn(t, s.mustRehash(), fmt.Sprintf("%s %d", first, n), fmt.Sprintf("%s %d the newest", second, n), fmt.Sprintf("Replaced: %d hashes", n))
	s.wantLayers(map[string]int{first + "." + second: n})
	wantIn(t, s.mustRehash(), "Replaced: 0 hashes")
	s.wantLayers(map[string]int{first + "." + second: n})

	a, err := db.Hashes(t.Context(), [16]byte{})
	noError(t, err)
	now := s.hasher()
	if ok, upgrade, err := now.Verify(t.Context(), a[0].Hash, right); !ok || !upgrade || err != nil {
		t.Errorf("the password: %v, %v, %v", ok, upgrade, err)
	}
	if ok, _, err := now.Verify(t.Context(), a[0].Hash, passwd.NewSecret("Copper-Kettle-59")); ok || err != nil {
		t.Errorf("another password: %v, %v", ok, err)
	}
	plain, err := now.Hash(t.Context(), right)
	noError(t, err)
	noError(t, db.UpgradeHash(t.Context(), store.Account{ID: a[0].AccountID, Version: a[0].Version}, plain))
	wantIn(t, s.mustRehash(), fmt.Sprintf("%s %d", first, n-1), fmt.Sprintf("%s %d the newest", second, n), "Replaced: 0 hashes")
	s.wantLayers(map[string]int{first + "." + second: n - 1, second: 1})

	s.write("pepper.key", string(old)) // as a server has it that was forgotten
	if r := runWith(t, s.env(), "keys", "rehash"); !errors.Is(r.err, store.ErrOtherPepper) {
		t.Errorf("got %v", r.err)
	}
	// Nor is it found out where no server with the new key came before.
	_, err = storetest.Probe(t, s.dsn).Exec(`UPDATE centers SET pepper_marker = NULL`)
	noError(t, err)
	r := runWith(t, s.env(), "keys", "rehash")
	if r.err == nil || !strings.Contains(r.err.Error(), errHashes.Error()) {
		t.Errorf("got %v", r.err)
	}
	wantIn(t, r.out, fmt.Sprintf("%d name a key that the pepper file has not", n), "put the key back")
	if _, _, err := s.hasher().Verify(t.Context(), a[0].Hash, right); err == nil || !strings.Contains(err.Error(), "id "+second) {
		t.Errorf("a server without the new key: %v", err)
	}
	s.wantLayers(map[string]int{first + "." + second: n - 1, second: 1})
}

// What cannot be rekeyed is counted, left as it is, and stops nobody else.
func TestRehashReportsCorruption(t *testing.T) {
	t.Parallel()
	s := newServerEnv(t)
	db := s.open()
	hash, err := s.hasher().Hash(t.Context(), passwd.NewSecret("Copper-Kettle-58"))
	noError(t, err)
	first := s.newestPepper()
	s.deposit(db, 0, 2, hash)
	s.deposit(db, 10, 3, "no hash")
	full := "1.2.3.4.5.6.7." + first
	s.deposit(db, 20, 1, strings.Replace(hash, "kid="+first, "kid="+full, 1))
	s.deposit(db, 30, 1, strings.Replace(hash, "kid="+first, "kid=7", 1))
	second := s.rotated()
	r := runWith(t, s.env(), "keys", "rehash")
	if r.err == nil {
		t.Error("no error")
	}
	wantIn(t, r.out, "2 name a key", "3 are no password hashes", "Replaced: 2 hashes")
	s.wantLayers(map[string]int{first + "." + second: 2, "no hash": 3, full: 1, "7": 1})
}

func TestRehashInterrupted(t *testing.T) {
	t.Parallel()
	s := newServerEnv(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	w := terminal.Stdio{Getenv: getenvOf(s.env()), In: strings.NewReader(""), Out: new(strings.Builder), Err: new(strings.Builder)}
	if err := run(ctx, []string{"keys", "rehash"}, w); err == nil {
		t.Error("no error")
	}
	if r := runWith(t, s.env(map[string]string{"FUNDPASS_PEPPER_FILE": ""}), "keys", "rehash"); r.err == nil || !strings.Contains(r.err.Error(), "FUNDPASS_PEPPER_FILE") {
		t.Errorf("without a pepper: %v", r.err)
	}
}
