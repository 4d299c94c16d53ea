package keycmd

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

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys"
)

// newKeyDir runs keys new with a directory that does not exist.
func newKeyDir(t *testing.T, flags ...string) (dir string, r cmdtest.Result) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	r = cmdtest.Run(t, nil, append([]string{"keys", "new", dir}, flags...)...)
	return dir, r
}

func readIn(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	cmdtest.NoError(t, err)
	return data
}

// TestKeysNew checks that every file is usable for what the table says and readable by
// its owner only.
func TestKeysNew(t *testing.T) {
	t.Parallel()
	dir, r := newKeyDir(t)
	cmdtest.NoError(t, r.Err)
	private, err := keys.ParsePrivateKey(readIn(t, dir, "app_private_key.pem"))
	cmdtest.NoError(t, err)
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
	cmdtest.NoError(t, err)
	_, err = keys.LoadPepper(filepath.Join(dir, "pepper.key"))
	cmdtest.NoError(t, err)

	entries, err := os.ReadDir(dir)
	cmdtest.NoError(t, err)
	if len(entries) != 8 {
		t.Errorf("%d files", len(entries))
	}
	for _, e := range entries {
		cmdtest.NoError(t, keys.CheckMode(filepath.Join(dir, e.Name())))
		if !strings.Contains(r.Out, filepath.Join(dir, e.Name())) {
			t.Errorf("the table does not explain %s", e.Name())
		}
		if e.Name() != envFileName { // holds no secret
			cmdtest.CheckNoKey(t, r.Out+string(readIn(t, dir, envFileName)), readIn(t, dir, e.Name()))
		}
	}
	cmdtest.NoError(t, keys.CheckMode(dir))
	for _, word := range []string{"FUNDPASS_APP_KEY_FILE", "FUNDPASS_COLUMN_KEY_FILE", "FUNDPASS_PEPPER_FILE", "FUNDPASS_TRANSPORT_KEY_FILES", "接口加签方式"} {
		if !strings.Contains(r.Out, word) {
			t.Errorf("the table does not say %s", word)
		}
	}
}

func TestKeysNewRequest(t *testing.T) {
	t.Parallel()
	dir, r := newKeyDir(t, "--app-id", cmdtest.TestAppID, "--company", "某某市住房公积金管理中心")
	cmdtest.NoError(t, r.Err)
	block, _ := pem.Decode(readIn(t, dir, "app.csr"))
	request, err := x509.ParseCertificateRequest(block.Bytes)
	cmdtest.NoError(t, err)
	cmdtest.NoError(t, request.CheckSignature())
	if request.Subject.CommonName != cmdtest.TestAppID || request.Subject.Organization[0] != "某某市住房公积金管理中心" {
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
	if !errors.Is(r.Err, keys.ErrIncomplete) {
		t.Errorf("got %v", r.Err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was written")
	}
}

// TestKeysNewOverwritesNothing checks that nothing is written if a single file exists.
func TestKeysNewOverwritesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmdtest.NoError(t, os.WriteFile(filepath.Join(dir, "pepper.key"), []byte("precious"), 0o600))
	cmdtest.NoError(t, os.Symlink("/nowhere", filepath.Join(dir, "column.key")))
	r := cmdtest.Run(t, nil, "keys", "new", dir)
	if !errors.Is(r.Err, errKeysExist) {
		t.Fatalf("got %v", r.Err)
	}
	for _, name := range []string{"pepper.key", "column.key"} {
		if !strings.Contains(r.Err.Error(), filepath.Join(dir, name)) {
			t.Errorf("%s is not named: %v", name, r.Err)
		}
	}
	entries, err := os.ReadDir(dir)
	cmdtest.NoError(t, err)
	if len(entries) != 2 || string(readIn(t, dir, "pepper.key")) != "precious" {
		t.Errorf("changed: %v", entries)
	}
}

// TestWriteKeysAllOrNothing checks that a failed write removes the files already written.
func TestWriteKeysAllOrNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := writeKeys(dir, []keyFile{{name: "a"}, {name: "b"}, {name: "absent/c"}})
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	entries, err := os.ReadDir(dir)
	cmdtest.NoError(t, err)
	if len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestRotateColumn(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	before, err := keys.LoadColumnCipher(s.Path("column.key"))
	cmdtest.NoError(t, err)
	sealed, err := before.Seal([]byte("x"), nil)
	cmdtest.NoError(t, err)

	r := cmdtest.Run(t, nil, "keys", "rotate-column", s.Path("column.key"))
	cmdtest.NoError(t, r.Err)
	after, err := keys.LoadColumnCipher(s.Path("column.key"))
	cmdtest.NoError(t, err)
	if _, err := after.Open(sealed, nil); err != nil {
		t.Errorf("what was sealed before: %v", err)
	}
	fresh, err := after.Seal([]byte("x"), nil)
	cmdtest.NoError(t, err)
	if _, err := before.Open(fresh, nil); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("the new key does not encrypt: %v", err)
	}
	if diff := cmp.Diff(before.Index("p"), after.Index("p")); diff != "" {
		t.Errorf("indexes changed: %s", diff)
	}
	cmdtest.CheckNoKey(t, r.Out, s.Read("column.key"))
	cmdtest.NoError(t, keys.CheckMode(s.Path("column.key")))
}

func TestRotatePepper(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	before, err := keys.LoadPepper(s.Path("pepper.key"))
	cmdtest.NoError(t, err)
	want, err := before.Tag(before.Current(), []byte("x"))
	cmdtest.NoError(t, err)

	cmdtest.NoError(t, cmdtest.Run(t, nil, "keys", "rotate-pepper", s.Path("pepper.key")).Err)
	after, err := keys.LoadPepper(s.Path("pepper.key"))
	cmdtest.NoError(t, err)
	got, err := after.Tag(before.Current(), []byte("x"))
	if err != nil || string(got) != string(want) {
		t.Errorf("old hashes: %v", err)
	}
	if after.Current() == before.Current() {
		t.Error("new hashes still use the old key")
	}
}

// TestRotateKeepsPlace checks that a rotated file keeps its owner and its symlink, and
// that no other file remains.
func TestRotateKeepsPlace(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Log("not root: the owner cannot change")
	}
	s := cmdtest.NewBareEnv(t)
	link := filepath.Join(t.TempDir(), "column.key")
	cmdtest.NoError(t, os.Symlink(s.Path("column.key"), link))
	if os.Geteuid() == 0 {
		cmdtest.NoError(t, os.Chown(s.Path("column.key"), 65534, 65534))
	}
	before, err := os.ReadDir(s.Dir)
	cmdtest.NoError(t, err)
	owner := ownerOf(t, s.Path("column.key"))

	cmdtest.NoError(t, cmdtest.Run(t, nil, "keys", "rotate-column", link).Err)
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	if got := ownerOf(t, s.Path("column.key")); got != owner {
		t.Errorf("owner %d became %d", owner, got)
	}
	after, err := os.ReadDir(s.Dir)
	cmdtest.NoError(t, err)
	if len(after) != len(before) {
		t.Errorf("left behind: %v", after)
	}
}

func ownerOf(t *testing.T, path string) uint32 {
	t.Helper()
	info, err := os.Stat(path)
	cmdtest.NoError(t, err)
	return info.Sys().(*syscall.Stat_t).Uid
}

// TestRotateRefused checks that a file that cannot be rotated stays unchanged.
func TestRotateRefused(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	s.Write("started.key", string(s.Read("column.key")))
	s.Write("started.key.new", "of a rotation that was killed")
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
			before, _ := os.ReadFile(s.Path(c.file))
			r := cmdtest.Run(t, nil, "keys", c.word, s.Path(c.file))
			if !errors.Is(r.Err, c.is) {
				t.Errorf("got %v, want %v", r.Err, c.is)
			}
			after, _ := os.ReadFile(s.Path(c.file))
			if string(after) != string(before) {
				t.Error("the file changed")
			}
		})
	}
}
