package roster

import (
	"fmt"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// legacySum is what an old system kept by an unsalted kind, in hex.
func legacySum(kind string) func(string) string {
	return func(s string) string {
		digest, err := passwd.LegacyDigest(kind, passwd.NewSecret(s))
		if err != nil {
			panic(err) // a kind of these tests that passwd does not know
		}
		return digest
	}
}

// oldKinds are digests of "901041", by OpenSSL and the crypt of the C library.
// 901041 is also the initial password of whoever has the passport XA9901041.
var oldKinds = []struct{ kind, text string }{
	{"md5", "{md5}1b276168061d3509b4f59b86a2227df7"},
	{"md5-md5", "{md5-md5}2a44b7607b8cdc8ba8acdec8111b7b2c"},
	{"sm3-before", "{sm3-before}hex:00ff24$0e5a81d8ee6fcb2061fa26893f3b73138c91e5f3cd00ca4b0a923a35440f9fa5"},
	{"sha1-after", "{sha1-after}text:盐$7b3434f7d1dfbdf0b50406afa5065570f8586b7b"},
	{"sha256-hmac", "{sha256-hmac}base64:c2FsdA==$D2WtnKexYKH7uhPi3toDH3Chzb1/MWk3DWYE3JYS/Y8="},
	{"bcrypt", "$2y$05$abcdefghijklmnopqrstuuHlAN.uruBJzPHeARD2zkyleHIO7raVm"},
	{"pbkdf2-sha256", "pbkdf2_sha256$1000$pinch$pNszD4Xf9vds7yykicZL0HBGB/WKOZVS+yG1Jy5Ga54="},
	{"pbkdf2-sha512", "$pbkdf2-sha512$i=1000,l=64$cGluY2g$Oay1ftIcen0iwDb9UJ4/mvPgX3RT3vSb9vbMc2xQ8pGeLgIqREeO4NZtJUeuoTZ5njNtv0HotJeA2b50HDmiPg"},
}

// mustLegacy reads an old digest.
func mustLegacy(t testing.TB, text string) passwd.Legacy {
	t.Helper()
	l, err := passwd.ParseLegacy(text)
	cmdtest.NoError(t, err)
	return l
}

func TestInitialBehindDigest(t *testing.T) {
	t.Parallel()
	p := store.Person{IDType: "01", IDNumber: "99010119560307001X", AccountNo: "880000654321"}
	rules := []string{"id-last6", "account-last6", "111111", "no-such-rule"}
	for _, tt := range []struct{ name, password, rule string }{
		{"id", "07001X", "id-last6"},
		{"id with small x", "07001x", "id-last6"},
		{"account", "654321", "account-last6"},
		{"for all", "111111", "111111"},
		{"none", "07001Y", ""},
		{"rule of another city", "000000", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, kind := range []string{"md5", "sha1", "sha256", "sha512", "sm3", "md5-md5"} {
				d := mustLegacy(t, "{"+kind+"}"+legacySum(kind)(tt.password))
				rule, found := initialRule(d, rules, subjectOf(p))
				if rule != tt.rule || found != (tt.rule != "") {
					t.Errorf("%s: got %q, %v", kind, rule, found)
				}
			}
		})
	}
	for _, old := range oldKinds {
		rule, found := initialRule(mustLegacy(t, old.text), rules, passwd.Subject{IDType: "03", IDNumber: "XA9901041"})
		if rule != "id-last6" || !found {
			t.Errorf("%s: got %q, %v", old.kind, rule, found)
		}
	}
}

// legacyRoster is one line for each kind, of people who all once got 901041.
func legacyRoster(t testing.TB, idNumber func(int) string) string {
	t.Helper()
	text := "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,CSMM,JMMM\n"
	for i, old := range oldKinds {
		text += fmt.Sprintf("88000000001%d,ANNA,03,%s,01,,\"%s\"\n", i, idNumber(i), old.text)
	}
	return cmdtest.TempFile(t, text+"880000000099,ANNA,03,XA9901099,01,id-last6,\n")
}

func otherNumber(i int) string { return fmt.Sprintf("XB88%05d", i) }

// Every kind is imported, opens with the password, and is counted.
func TestImportEveryLegacyKind(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	out := mustImport(s, legacyRoster(t, otherNumber))
	cmdtest.WantIn(t, out, counts(len(oldKinds)+1, len(oldKinds)+1, 0, 0, 0), "password lines found to be initial", "initial rule 1 0")
	db, h := s.Open(), s.Hasher()
	for i, old := range oldKinds {
		cmdtest.WantIn(t, out, old.kind+" 1 0")
		a := s.Account(db, "03", otherNumber(i), "")
		if a == nil || a.State != store.PasswordSet || a.InitialRule != "" || !strings.Contains(a.Hash, "pre="+old.kind) {
			t.Fatalf("%s: got %+v", old.kind, a)
		}
		for typed, want := range map[string]bool{"901041": true, "901042": false} {
			if ok, upgrade, err := h.Verify(t.Context(), a.Hash, passwd.NewSecret(typed)); ok != want || upgrade != want || err != nil {
				t.Errorf("%s, %s: %v, %v, %v", old.kind, typed, ok, upgrade, err)
			}
		}
	}
}

// An initial password is found behind its digest; behind a slow one when asked for.
func TestImportFindsInitialPasswords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		slow bool
	}{{"quick kinds", nil, false}, {"all kinds", []string{"--try-initial"}, true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := cmdtest.NewEnv(t)
			number := func(i int) string { return fmt.Sprintf("X%d9901041", i) }
			path := legacyRoster(t, number)
			out := mustImport(s, append(tt.args, path)...)
			db := s.Open()
			for i, old := range oldKinds {
				want := tt.slow || !mustLegacy(t, old.text).Slow()
				a := s.Account(db, "03", number(i), "")
				if a == nil || (a.InitialRule == "id-last6" && a.State == store.PasswordMustChange && a.Hash == "") != want {
					t.Fatalf("%s: got %+v", old.kind, a)
				}
				found := map[bool]int{true: 1}[want]
				cmdtest.WantIn(t, out, fmt.Sprintf("%s 1 %d", old.kind, found))
			}
			cmdtest.WantIn(t, mustImport(s, append(tt.args, path)...), counts(len(oldKinds)+1, 0, 0, len(oldKinds)+1, 0))
		})
	}
}

// A digest that cannot be taken over is refused with its line and the bound it
// breaks; the report does not hold it.
func TestImportRefusesDigests(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	const of53 = "abcdefghijklmnopqrstuuRWUgMyyCUnsDr8evYotXg5ZXVF/HhzS"
	text := "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,JMMM\n"
	for i, digest := range []string{
		"$2b$13$" + of53, "pbkdf2_sha256$1000001$pinch$+4T4/doyO16+ZhE4kihp/kGkjFYiA7F5ClBs1uzAFGw=", "{md4}900150983cd24fb0d6963f7d28e17f72",
		"{md5-after}pinch$900150983cd24fb0d6963f7d28e17f72", "{md5}900150983cd24fb0d6963f7d28e17f7", "clear text",
	} {
		text += fmt.Sprintf("88000000001%d,ANNA,03,XA990104%d,01,%s\n", i, i, digest)
	}
	path := cmdtest.TempFile(t, text)
	out := mustImport(s, path, "--allow-refused")
	cmdtest.WantIn(t, out, counts(6, 0, 0, 0, 6))
	report := string(cmdtest.ReadFile(t, path+".refused.csv"))
	cmdtest.WantIn(t, report,
		",2,JMMM,\"old digest cannot be imported: bcrypt cost is not 4 to 12\"",
		",3,JMMM,\"old digest cannot be imported: PBKDF2 iterations times blocks of output are not 1 to 1000000\"",
		",4,JMMM,\"old digest cannot be imported: unknown kind\"",
		",5,JMMM,\"old digest cannot be imported: salt is not hex:, base64: or text: and a salt\"",
		",6,JMMM,\"old digest cannot be imported: digest is not 16 bytes in hex or base64\"",
		",7,JMMM,")
	for _, secret := range []string{of53, "pinch", "900150983cd24fb0d6963f7d28e17f7", "clear text", "+4T4"} {
		if strings.Contains(report+out, secret) {
			t.Errorf("%q is in the report", secret)
		}
	}
}
