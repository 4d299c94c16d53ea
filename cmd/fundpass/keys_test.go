package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/keys"
)

// newKeyDir runs keys new into a directory that does not exist.
func newKeyDir(t *testing.T, flags ...string) (dir string, r result) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	r = runWith(t, nil, append([]string{"keys", "new", dir}, flags...)...)
	return dir, r
}

func readIn(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	noError(t, err)
	return data
}

// Every file is usable for what the table says, and only its owner may read it.
func TestKeysNew(t *testing.T) {
	t.Parallel()
	dir, r := newKeyDir(t)
	noError(t, r.err)
	private, err := keys.ParsePrivateKey(readIn(t, dir, "app_private_key.pem"))
	noError(t, err)
	for _, name := range []string{"app_private_pkcs8.txt", "app_private_pkcs1.txt"} {
		same, err := keys.ParsePrivateKey(readIn(t, dir, name))
		if err != nil || !same.Equal(private) {
			t.Errorf("%s: another key, %v", name, err)
		}
	}
	public, err := keys.ParsePublicKey(readIn(t, dir, "app_public_key.txt"))
	if err != nil || !private.PublicKey.Equal(public) {
		t.Errorf("public key: another one, %v", err)
	}
	transport, err := keys.ParsePrivateKey(readIn(t, dir, "transport_private_key.pem"))
	if err != nil || transport.Equal(private) {
		t.Errorf("transport key: the application's, or %v", err)
	}
	_, err = keys.LoadColumnCipher(filepath.Join(dir, "column.key"))
	noError(t, err)
	_, err = keys.LoadPepper(filepath.Join(dir, "pepper.key"))
	noError(t, err)

	entries, err := os.ReadDir(dir)
	noError(t, err)
	if len(entries) != 7 {
		t.Errorf("%d files", len(entries))
	}
	for _, e := range entries {
		noError(t, keys.CheckMode(filepath.Join(dir, e.Name())))
		if !strings.Contains(r.out, filepath.Join(dir, e.Name())) {
			t.Errorf("the table does not explain %s", e.Name())
		}
		checkNoKey(t, r.out, readIn(t, dir, e.Name()))
	}
	noError(t, keys.CheckMode(dir))
	for _, word := range []string{"FUNDPASS_APP_KEY_FILE", "FUNDPASS_COLUMN_KEY_FILE", "FUNDPASS_PEPPER_FILE", "FUNDPASS_TRANSPORT_KEY_FILES", "接口加签方式"} {
		if !strings.Contains(r.out, word) {
			t.Errorf("the table does not say %s", word)
		}
	}
}

// checkNoKey fails when any line of a key file stands in what was printed.
func checkNoKey(t *testing.T, printed string, file []byte) {
	t.Helper()
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSpace(line)
		if len(line) > 30 && strings.Contains(printed, line[:30]) && !strings.HasPrefix(line, "-----") {
			t.Error("a key was printed")
		}
	}
}

func TestKeysNewRequest(t *testing.T) {
	t.Parallel()
	dir, r := newKeyDir(t, "--app-id", testAppID, "--company", "某某市住房公积金管理中心")
	noError(t, r.err)
	block, _ := pem.Decode(readIn(t, dir, "app.csr"))
	request, err := x509.ParseCertificateRequest(block.Bytes)
	noError(t, err)
	noError(t, request.CheckSignature())
	if request.Subject.CommonName != testAppID || request.Subject.Organization[0] != "某某市住房公积金管理中心" {
		t.Errorf("subject %s", request.Subject)
	}
	public, err := keys.ParsePublicKey(readIn(t, dir, "app_public_key.txt"))
	if err != nil || !public.Equal(request.PublicKey) {
		t.Errorf("the request is for another key, %v", err)
	}
}

func TestKeysNewRequestNeedsApp(t *testing.T) {
	t.Parallel()
	dir, r := newKeyDir(t, "--company", "x")
	if !errors.Is(r.err, keys.ErrIncomplete) {
		t.Errorf("got %v", r.err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was written all the same")
	}
}

// A single file that is there keeps all of them from being made.
func TestKeysNewOverwritesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	noError(t, os.WriteFile(filepath.Join(dir, "pepper.key"), []byte("precious"), 0o600))
	noError(t, os.Symlink("/nowhere", filepath.Join(dir, "column.key")))
	r := runWith(t, nil, "keys", "new", dir)
	if !errors.Is(r.err, errKeysExist) {
		t.Fatalf("got %v", r.err)
	}
	for _, name := range []string{"pepper.key", "column.key"} {
		if !strings.Contains(r.err.Error(), filepath.Join(dir, name)) {
			t.Errorf("%s is not named: %v", name, r.err)
		}
	}
	entries, err := os.ReadDir(dir)
	noError(t, err)
	if len(entries) != 2 || string(readIn(t, dir, "pepper.key")) != "precious" {
		t.Errorf("changed: %v", entries)
	}
}

// Disk full, or a file that appears meanwhile: what was written goes again.
func TestWriteKeysAllOrNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := writeKeys(dir, []keyFile{{name: "a"}, {name: "b"}, {name: "absent/c"}})
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	entries, err := os.ReadDir(dir)
	noError(t, err)
	if len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestRotateColumn(t *testing.T) {
	t.Parallel()
	s := newBareServerEnv(t)
	before, err := keys.LoadColumnCipher(s.path("column.key"))
	noError(t, err)
	sealed, err := before.Seal([]byte("x"), nil)
	noError(t, err)

	r := runWith(t, nil, "keys", "rotate-column", s.path("column.key"))
	noError(t, r.err)
	after, err := keys.LoadColumnCipher(s.path("column.key"))
	noError(t, err)
	if _, err := after.Open(sealed, nil); err != nil {
		t.Errorf("what was sealed before: %v", err)
	}
	fresh, err := after.Seal([]byte("x"), nil)
	noError(t, err)
	if _, err := before.Open(fresh, nil); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("the fresh key does not seal: %v", err)
	}
	if diff := cmp.Diff(before.Index("p"), after.Index("p")); diff != "" {
		t.Errorf("indexes changed: %s", diff)
	}
	checkNoKey(t, r.out, s.read("column.key"))
	noError(t, keys.CheckMode(s.path("column.key")))
}

func TestRotatePepper(t *testing.T) {
	t.Parallel()
	s := newBareServerEnv(t)
	before, err := keys.LoadPepper(s.path("pepper.key"))
	noError(t, err)
	want, err := before.Tag(before.Current(), []byte("x"))
	noError(t, err)

	noError(t, runWith(t, nil, "keys", "rotate-pepper", s.path("pepper.key")).err)
	after, err := keys.LoadPepper(s.path("pepper.key"))
	noError(t, err)
	got, err := after.Tag(before.Current(), []byte("x"))
	if err != nil || string(got) != string(want) {
		t.Errorf("old hashes: %v", err)
	}
	if after.Current() == before.Current() {
		t.Error("the old key still makes new hashes")
	}
}

// The file keeps its owner, its place behind a symlink, and nothing is left beside it.
func TestRotateKeepsPlace(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Log("not root: the owner stays by itself")
	}
	s := newBareServerEnv(t)
	link := filepath.Join(t.TempDir(), "column.key")
	noError(t, os.Symlink(s.path("column.key"), link))
	if os.Geteuid() == 0 {
		noError(t, os.Chown(s.path("column.key"), 65534, 65534))
	}
	before, err := os.ReadDir(s.dir)
	noError(t, err)
	owner := ownerOf(t, s.path("column.key"))

	noError(t, runWith(t, nil, "keys", "rotate-column", link).err)
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	if got := ownerOf(t, s.path("column.key")); got != owner {
		t.Errorf("owner %d became %d", owner, got)
	}
	after, err := os.ReadDir(s.dir)
	noError(t, err)
	if len(after) != len(before) {
		t.Errorf("left behind: %v", after)
	}
}

func ownerOf(t *testing.T, path string) uint32 {
	t.Helper()
	info, err := os.Stat(path)
	noError(t, err)
	return info.Sys().(*syscall.Stat_t).Uid
}

// A file that cannot be rotated stays as it was.
func TestRotateRefused(t *testing.T) {
	t.Parallel()
	s := newBareServerEnv(t)
	s.write("started.key", string(s.read("column.key")))
	s.write("started.key.new", "of a rotation that was killed")
	for _, c := range []struct {
		name, word, file string
		is               error
	}{
		{"other kind", "rotate-pepper", "column.key", keys.ErrFormat},
		{"not a key", "rotate-column", "app_public_key.txt", keys.ErrFormat},
		{"absent", "rotate-column", "absent", os.ErrNotExist},
		{"another one under way", "rotate-column", "started.key", os.ErrExist},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, _ := os.ReadFile(s.path(c.file))
			r := runWith(t, nil, "keys", c.word, s.path(c.file))
			if !errors.Is(r.err, c.is) {
				t.Errorf("got %v, want %v", r.err, c.is)
			}
			after, _ := os.ReadFile(s.path(c.file))
			if string(after) != string(before) {
				t.Error("the file changed")
			}
		})
	}
}
