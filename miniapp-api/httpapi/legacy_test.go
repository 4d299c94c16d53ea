package httpapi_test

import (
	"strings"
	"testing"

	"fundpass/keys"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
	"fundpass/store/storetest"
)

// stored returns the stored hash of a citizen's password.
func (h *env) stored(c citizen) (hash string, version int) {
	h.t.Helper()
	must(h.t, h.raw().QueryRow(`SELECT hash, version FROM password_credentials c JOIN accounts a USING (center_id, account_id)
		WHERE account_no_digest = $1`, h.accountDigest(c)).Scan(&hash, &version))
	return hash, version
}

// putHash replaces the stored hash as an import would.
func (h *env) putHash(c citizen, hash string) {
	h.t.Helper()
	_, err := h.raw().Exec(`UPDATE password_credentials SET hash = $2
		WHERE account_id = (SELECT account_id FROM accounts WHERE account_no_digest = $1)`, h.accountDigest(c), hash)
	must(h.t, err)
}

// costlyDigests are digests of "Quiet-River-58".
var costlyDigests = map[string]string{
	"bcrypt":        "$2a$05$abcdefghijklmnopqrstuuYYbAxFJytQA9a2woSGglZMNCISTa5L6",
	"pbkdf2-sha256": "pbkdf2_sha256$1000$pinch$p2ByjI0lgRL5Qsbrn0+uIMjwWczILqausvYcL+Lano8=",
	"sm3-after":     "{sm3-after}text:pinch$997d44f3f6d0020d893cf5b0a22323fd0a5fd8ac72a65a481bc2696fc6366329",
}

// A password stored as bcrypt, PBKDF2 or salted digest links, is then stored as a current hash,
// can be changed and is in the history.
func TestCostlyLegacyPassword(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	for kind, text := range costlyDigests {
		t.Run(kind, func(t *testing.T) {
			c := h.citizen(func(c *citizen) { c.Password = "Quiet-River-58" })
			l, err := passwd.ParseLegacy(text)
			must(t, err)
			hash, err := h.server.Hasher.Wrap(t.Context(), l)
			must(t, err)
			h.putHash(c, hash)
			p := h.logIn(c)
			p.post("/v1/link", withPassword(c.linkBody(), "Quiet-River-59")).want(t, "LINK_REFUSED")
			if now, _ := h.stored(c); now != hash {
				t.Error("a failed attempt replaced the hash")
			}
			p.post("/v1/link", c.linkBody()).want(t, "OK")
			upgraded, version := h.stored(c)
			if strings.Contains(upgraded, "pre=") || version != 1 || !strings.HasPrefix(upgraded, "$argon2id$v=19$m=64,t=1,p=1,kid=") {
				t.Errorf("version %d: %s", version, upgraded)
			}
			change := p.openChange(c)
			p.post(change+"/confirm", twice(c.Password)).want(t, "PASSWORD_SAME")
			p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
			c.Password = "Copper-Kettle-77"
			p.post(p.openChange(c)+"/confirm", twice("Quiet-River-58")).want(t, "PASSWORD_REUSED")
			if _, version := h.stored(c); version != 2 {
				t.Errorf("version %d after the change", version)
			}
		})
	}
}

// During a pepper rotation all hashes get the new key in addition to the old one, an open
// change continues, and a used password gets a hash with the new key alone.
func TestPepperRotation(t *testing.T) {
	t.Parallel()
	file, err := keys.NewPepperKey()
	must(t, err)
	rotated, err := keys.RotatePepper(file)
	must(t, err)
	before, err := keys.ParsePepper(file)
	must(t, err)
	after, err := keys.ParsePepper(rotated)
	must(t, err)

	h := newEnvWith(t, storetest.Shared(t), storetest.NewColumnCipher(t), before)
	c := h.citizen()
	hasher := passwd.NewHasher(passwd.HasherConfig{Pepper: before, Memory: 64, Time: 1, Slots: 1})
	t.Cleanup(hasher.Close)
	hash, err := hasher.Hash(t.Context(), passwd.NewSecret(c.Password))
	must(t, err)
	h.putHash(c, hash)
	p := h.linkedClient(c)
	change := p.openChange(c)

	h.pepper = after // every server is restarted with the new file
	server := h.newServer()
	p.url = h.listen(server)
	read, err := h.db.Operations().Hashes(t.Context(), [16]byte{})
	must(t, err)
	next, changed, err := server.Hasher.Rekey(read[0].Hash)
	if len(read) != 1 || !changed {
		t.Fatalf("%d hashes, changed %v", len(read), changed)
	}
	must(t, err)
	n, err := h.db.Operations().ReplaceHashes(t.Context(), []store.NewHash{{Old: read[0], Hash: next}})
	must(t, err)
	if now, _ := h.stored(c); n != 1 || len(pepperKeys(t, now)) != 2 {
		t.Fatalf("%d replaced: %s", n, now)
	}
	p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": "Quiet-River-0"}).want(t, "OLD_PASSWORD_WRONG")
	if got := p.get(change).get(t, "state"); got != store.ChangeOpen {
		t.Errorf("the open change is %v", got)
	}
	change = p.openChange(c)
	if now, _ := h.stored(c); len(pepperKeys(t, now)) != 1 || pepperKeys(t, now)[0] != after.Current() {
		t.Errorf("after its use: %s", now)
	}
	p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
}

func pepperKeys(t testing.TB, hash string) []uint32 {
	t.Helper()
	kids, err := passwd.PepperKeys(hash)
	must(t, err)
	return kids
}
