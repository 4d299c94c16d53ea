package httpapi_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// requestPart matches the part in which two replies to strangers may differ.
var requestPart = regexp.MustCompile(`"request_id":"[^"]*"`)

// T7: an unknown person, a wrong name, a wrong password, another person's document and a locked
// account get the same reply, byte by byte.
func TestRefusalsLookAlike(t *testing.T) {
	t.Parallel()
	for _, proof := range []selfservice.Proof{selfservice.ProofCertdoc, selfservice.ProofNone} {
		t.Run(string(proof), func(t *testing.T) {
			t.Parallel()
			h := newEnv(t, withProof(proof), withSpraying(9, 200, 600))
			victim, linkedOne, locked, frozen := h.citizen(), h.citizen(), h.citizen(), h.citizen()
			h.linkedClient(linkedOne)
			stranger := h.citizen()
			unknown := h.citizen().Person
			unknown.IDNumber = idNumber("19560307", 999)
			for range 6 {
				h.logIn(stranger).post("/v1/link", withPassword(locked.linkBody(), "wrong-password"))
			}
			h.exec(`UPDATE password_credentials SET state = 'frozen'
				WHERE account_id IN (SELECT account_id FROM accounts WHERE account_no_digest = $1)`, h.accountDigest(frozen))
			bodies := map[string]m{
				"unknown person":  withPassword(citizen{Person: unknown}.linkBody(), "wrong-password"),
				"wrong password":  withPassword(victim.linkBody(), "wrong-password"),
				"wrong name":      with(victim.linkBody(), "name", "王五"),
				"wrong account":   with(victim.linkBody(), "account_no", "00000000"),
				"locked":          locked.linkBody(),
				"linked already":  withPassword(linkedOne.linkBody(), "wrong-password"),
				"password frozen": frozen.linkBody(),
				"one too many":    victim.linkBody(),
			}
			sprayer := h.citizen()
			for range 9 {
				h.logIn(sprayer).post("/v1/link", withPassword(h.citizen().linkBody(), "wrong-password"))
			}
			var first string
			for name, body := range bodies {
				before := h.server.Hasher.Hashed()
				who := stranger
				if name == "one too many" {
					who = sprayer
				}
				r := h.logIn(who).post("/v1/link", body).want(t, "LINK_REFUSED")
				if n := h.server.Hasher.Hashed() - before; n != 1 {
					t.Errorf("%s: %d hashes, want 1 for everybody", name, n)
				}
				look := fmt.Sprint(r.HTTP, requestPart.ReplaceAllString(r.Raw, ""), strippedHeaders(r.Header))
				if first == "" {
					first = look
				} else if look != first {
					t.Errorf("%s looks different:\n%s\n%s", name, look, first)
				}
			}
		})
	}
}

func with(body m, key string, value any) m { body[key] = value; return body }

func withPassword(body m, password string) m { return with(body, "password", password) }

func strippedHeaders(h http.Header) http.Header {
	h = h.Clone()
	h.Del("X-Request-Id")
	h.Del("Date")
	return h
}

// T8: the time of a refusal is a multiple of the response quantum. BenchmarkRefusalTiming
// measures the remaining difference.
func TestRefusalsTakeWholeQuanta(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	before := time.Now()
	h.logIn(h.citizen()).post("/v1/link", withPassword(h.citizen().linkBody(), "wrong-password")).want(t, "LINK_REFUSED")
	if took := time.Since(before); took < responseQuantum {
		t.Errorf("a refusal returned after %v, before the first quantum", took)
	}
}

// refused tries a link that must be refused, and repeats it after BUSY.
func refused(t *testing.T, p *client, body m, headers ...header) reply {
	t.Helper()
	r := p.post("/v1/link", body, headers...)
	for tries := 0; r.Code == "BUSY" && tries < 20; tries++ {
		r = p.post("/v1/link", body, headers...)
	}
	return r.want(t, "LINK_REFUSED")
}

// T1, T6: strangers neither link with the right password nor lock the owner.
func TestStrangersCannotLockTheOwner(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	victim := h.citizen(func(c *citizen) { c.InitialRule = "id-last6"; c.Password = c.IDNumber[12:] })
	var wg sync.WaitGroup
	for i := range testenv.Rounds(10, 40) {
		wg.Go(func() {
			stranger := h.citizen(func(c *citizen) { c.Person.Person = fmt.Sprintf("stranger%d", i); c.IDNumber = idNumber("19700101", i) })
			p := h.logIn(stranger)
			for range testenv.Rounds(6, 25) {
				refused(t, p, victim.linkBody()) // the right password
			}
		})
	}
	wg.Wait()
	p := h.logIn(victim)
	p.post("/v1/link", victim.linkBody()).want(t, "OK")
	change := p.openChange(victim)
	p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
}

// T2: without a second proof many users share one counter for a person.
func TestManyUsersShareTheLimit(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone))
	victim := h.citizen()
	users := testenv.Rounds(15, 50)
	var wg sync.WaitGroup
	for i := range users {
		wg.Go(func() {
			p := h.logIn(h.citizen(func(c *citizen) { c.Person.Person = fmt.Sprintf("attacker%d", i); c.IDNumber = idNumber("19800101", i) }))
			for n := range 4 {
				p.post("/v1/link", withPassword(victim.linkBody(), fmt.Sprintf("wrong-%d-%d", i, n))).want(t, "LINK_REFUSED")
			}
		})
	}
	wg.Wait()
	if got := h.count(`SELECT attempts + 5 * tier FROM lockouts WHERE person_digest = $1`, h.personDigest(victim)); got != 5 {
		t.Errorf("%d attempts were checked, want 5", got)
	}
	if got := h.count(`SELECT refused FROM lockouts WHERE person_digest = $1`, h.personDigest(victim)); got != 4*users-5 {
		t.Errorf("%d attempts were refused, want %d", got, 4*users-5)
	}
	h.logIn(victim).post("/v1/link", victim.linkBody()).want(t, "LINK_REFUSED") // the right password is locked, too
	h.clock.Advance(16 * time.Minute)
	h.logIn(victim).post("/v1/link", victim.linkBody()).want(t, "OK")
}

// T5: all spellings of a number share one counter.
func TestSpellingsShareTheLimit(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone))
	victim := h.citizen(func(c *citizen) { c.IDNumber = numberEndingInX("19560307") })
	n := victim.IDNumber
	old, between := n[:6]+n[8:17], func(blank string) string { return n[:6] + blank + n[6:14] + blank + n[14:] }
	spellings := []string{
		n, strings.ToLower(n), " " + n, n + " ", n[:6] + " " + n[6:], fullWidth(n), fullWidth(strings.ToLower(n)), old,
		n[:17] + "Ｘ", n[:17] + "ｘ", fullWidth(n[:9]) + n[9:], fullWidth(old), old[:6] + " " + old[6:], "\u3000" + old + "\u2003",
		between(" "), between("\u3000"), between("\u00a0"), between("\u2009"), between("\u202f"),
		strings.Join(strings.Split(n, ""), " "), strings.Join(strings.Split(fullWidth(n), ""), "\u3000"), between("   "),
	}
	if len(spellings) < 20 {
		t.Fatalf("only %d spellings", len(spellings))
	}
	p := h.logIn(h.citizen())
	for _, s := range spellings {
		p.post("/v1/link", withPassword(with(victim.linkBody(), "id_number", s), "wrong-password")).want(t, "LINK_REFUSED")
	}
	if got := h.count(`SELECT refused FROM lockouts WHERE person_digest = $1`, h.personDigest(victim)); got != len(spellings)-5 || h.count(`SELECT count(*) FROM lockouts`) != 1 {
		t.Errorf("%d attempts were refused, want %d of one counter that the spellings share", got, len(spellings)-5)
	}
	for _, s := range []string{n + "\u200b", n[:17], n + "1", n[:17] + "0", "", "一二三", n[:10] + "99" + n[12:],
		n[:6] + "-" + n[6:], n + "\n", "\t" + n, "\ufeff" + n, n[:17] + "×", n[:17] + "\u0425", n[:17] + "\u2169", "'" + n, n + n, strings.ReplaceAll(n, "0", "O"), n[:6] + "\u2060" + n[6:]} {
		p.post("/v1/link", with(victim.linkBody(), "id_number", s)).want(t, "BAD_REQUEST")
	}
}

func numberEndingInX(birthday string) string {
	for seq := 1; ; seq++ {
		if n := idNumber(birthday, seq); n[17] == 'X' {
			return n
		}
	}
}

func fullWidth(s string) string {
	return strings.Map(func(r rune) rune { return r + 0xfee0 }, s)
}

// T18: of concurrent links over two processes at most one succeeds per person and per Alipay
// user.
func TestRacingLinks(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	urls := []string{h.url, h.listen(h.newServer())}
	race := func(clients []*client, bodies []m) (won int) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i, p := range clients {
			p.url = urls[i%2]
			wg.Go(func() {
				r := p.post("/v1/link", bodies[i])
				mu.Lock()
				defer mu.Unlock()
				switch r.Code {
				case "OK":
					won++
				case "ALREADY_LINKED", "LINK_REFUSED", "BUSY": // five concurrent right attempts use up the tier; the others get BUSY
				default:
					t.Errorf("loser got %s", r.Raw)
				}
			})
		}
		wg.Wait()
		return won
	}
	t.Run("50 users, one account", func(t *testing.T) {
		c := h.citizen()
		clients, bodies := make([]*client, 50), make([]m, 50)
		for i := range clients { // one citizen with fifty Alipay accounts
			double := c
			double.Person.Person, double.OpenID = fmt.Sprintf("%s-%d", c.Person.Person, i), fmt.Sprintf("%s-%d", c.OpenID, i)
			h.sim.Add(double.Person)
			clients[i], bodies[i] = h.logIn(double), c.linkBody()
		}
		if won := race(clients, bodies); won != 1 {
			t.Errorf("%d links, want 1", won)
		}
		if got := h.count(`SELECT count(*) FROM links WHERE person_digest = $1`, h.personDigest(c)); got != 1 {
			t.Errorf("%d links in the database", got)
		}
	})
	t.Run("one user, 20 accounts", func(t *testing.T) {
		c := h.citizen()
		clients, bodies := make([]*client, 20), make([]m, 20)
		for i := range clients { // accounts of one person, taps on many
			extra := c
			extra.AccountNo = fmt.Sprintf("%s%02d", c.AccountNo, i)
			h.deposit(extra)
			clients[i], bodies[i] = h.logIn(c), extra.linkBody()
		}
		race(clients, bodies)
		if got := h.count(`SELECT count(*) FROM links WHERE person_digest = $1`, h.personDigest(c)); got != 1 {
			t.Errorf("%d links in the database", got)
		}
		p := h.logIn(c) // the concurrent requests did not lock the owner
		p.get("/v1/link").want(t, "OK")
		if left := p.get("/v1/password").get(t, "remaining_attempts").(float64); left != 5 {
			t.Errorf("%v attempts left", left)
		}
	})
}

func TestSeveralAccounts(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	second := c
	second.AccountNo, second.Password = c.AccountNo+"02", "Other-Lantern-5"
	h.deposit(second)
	p := h.logIn(c)
	p.post("/v1/link", withPassword(second.linkBody(), c.Password)).want(t, "LINK_REFUSED") // the other account's password
	spelt := with(second.linkBody(), "account_no", " "+second.AccountNo[:4]+"\u3000"+second.AccountNo[4:12]+"０２")
	r := p.post("/v1/link", spelt).want(t, "OK")
	if got := r.get(t, "account").(map[string]any)["account_no"].(string); !strings.HasSuffix(got, "02") {
		t.Errorf("linked %s", got)
	}
	p.post("/v1/link/remove", m{"password": second.Password}).want(t, "OK")
	body := c.linkBody()
	delete(body, "account_no")
	h.logIn(c).post("/v1/link", body)
}

func TestNotCertified(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen(func(c *citizen) { c.Certified = false })
	h.logIn(c).post("/v1/link", c.linkBody()).want(t, "LINK_REFUSED")
	passport := h.citizen(func(c *citizen) { c.IDType, c.IDNumber, c.Name = "03", "E12345678", "ANNA SMITH" })
	h.logIn(passport).post("/v1/link", passport.linkBody()).want(t, "OK")
	other := h.citizen(func(c *citizen) { c.IDType, c.IDNumber = "99", "A1234567" })
	r := h.logIn(other).post("/v1/link", other.linkBody()).want(t, "BAD_REQUEST")
	if len(r.Errors) != 1 || r.Errors[0].Field != "id_type" {
		t.Errorf("a document Alipay cannot compare: %s", r.Raw)
	}
}

// A right password resets the attempts before it also where the link is refused for another
// reason.
func TestRightPasswordOfALinkedPerson(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone))
	c, other := h.citizen(), h.citizen()
	h.linkedClient(c)
	p := h.logIn(other)
	for range 3 {
		p.post("/v1/link", withPassword(c.linkBody(), "wrong-password")).want(t, "LINK_REFUSED")
	}
	p.post("/v1/link", c.linkBody()).want(t, "ALREADY_LINKED")
	var attempts, pending int
	must(t, h.raw().QueryRow(`SELECT attempts, cardinality(pending) FROM lockouts WHERE person_digest = $1 AND scope = $2`,
		h.personDigest(c), store.PublicScope).Scan(&attempts, &pending))
	if attempts != 0 || pending != 0 {
		t.Errorf("%d attempts are counted and %d pending, want none", attempts, pending)
	}
}
