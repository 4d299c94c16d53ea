package httpapi_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/selfservice"
	"fundpass/signing/alipaysim"
)

// A provingCentre is what a centre asks of somebody who links.
type provingCentre struct {
	set, initial []selfservice.Proof // as Config.Proof and Config.InitialProof
	consent      selfservice.ConsentMode
	relink       selfservice.Relink
}

var provingCentres = map[string]provingCentre{
	"certdoc":   {set: []selfservice.Proof{selfservice.ProofCertdoc}, initial: []selfservice.Proof{selfservice.ProofCertdoc}, consent: selfservice.ConsentRecorded},
	"any proof": {set: []selfservice.Proof{selfservice.ProofCertdoc, selfservice.ProofFace, selfservice.ProofPhone}, initial: []selfservice.Proof{selfservice.ProofCertdoc, selfservice.ProofFace}, consent: selfservice.ConsentRecorded},
	"face":      {set: []selfservice.Proof{selfservice.ProofFace, selfservice.ProofPhone}, initial: []selfservice.Proof{selfservice.ProofFace}, consent: selfservice.ConsentRecorded},
	"asked":     {set: []selfservice.Proof{selfservice.ProofFace, selfservice.ProofCertdoc}, initial: []selfservice.Proof{selfservice.ProofFace}, consent: selfservice.ConsentRequired},
	"no proof":  {set: []selfservice.Proof{selfservice.ProofNone}, initial: []selfservice.Proof{selfservice.ProofFace}, consent: selfservice.ConsentRecorded},

	"relink at once":   {[]selfservice.Proof{selfservice.ProofCertdoc, selfservice.ProofFace}, []selfservice.Proof{selfservice.ProofFace}, selfservice.ConsentRecorded, selfservice.Relink{Offered: true}},
	"relink in a day":  {[]selfservice.Proof{selfservice.ProofCertdoc, selfservice.ProofFace, selfservice.ProofPhone}, []selfservice.Proof{selfservice.ProofFace}, selfservice.ConsentRecorded, selfservice.Relink{Offered: true, Window: 24 * time.Hour}},
	"relink by face":   {[]selfservice.Proof{selfservice.ProofFace}, []selfservice.Proof{selfservice.ProofFace}, selfservice.ConsentRecorded, selfservice.Relink{Offered: true, Window: 24 * time.Hour}},
	"relink, no proof": {[]selfservice.Proof{selfservice.ProofNone}, []selfservice.Proof{selfservice.ProofFace}, selfservice.ConsentRecorded, selfservice.Relink{Offered: true}},
}

func (c provingCentre) options() []houseOption {
	return []houseOption{withProof(joined(c.set)), withInitialProof(joined(c.initial)), withConsent(c.consent), withSpraying(99, 9999, 99_999),
		func(f *Config) { f.Relink = c.relink }}
}

// share is how many histories a centre plays: a window takes its time.
func (c provingCentre) share(n int) int {
	if c.relink.Window > 0 {
		return 2 * n
	}
	return n
}

func joined(all []selfservice.Proof) selfservice.Proof {
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = string(p)
	}
	return selfservice.Proof(strings.Join(texts, ","))
}

// mustHappen are answers without which the histories show nothing. A few histories have the
// frequent ones, whatever is drawn, tens of times; rare ones are among many histories alone.
var mustHappen, rare = []string{
	"link OK", "link LINK_REFUSED", "link LINK_PROOF_REQUIRED", "link ended", "confirm link OK", "confirm link LINK_GONE", "open change OK", "open reset OK",
	"read OK", "phone OK", "give consent OK", "face first LINK_PROOF_REQUIRED", "lost and sent again",
}, []string{
	"link ALREADY_LINKED", "unlink OK", "read NOT_LINKED", "withdraw consent OK", "authorisation cancelled", "erased", "handed out", "relink OK", "relink RELINK_WAITING",
	"object OK", "read relinks OK", "accounts OK", "choose OK", "choose NO_SUCH_ACCOUNT", "guess codes LINK_REFUSED",
	"confirm change OK", "confirm change CHANGE_GONE", "confirm reset OK", "confirm reset RESET_GONE", "freeze OK", "phone PHONE_REFUSED",
	"link moved", "first answer again", "read SESSION_EXPIRED", "relink RELINK_REFUSED", "relink ALREADY_LINKED", "confirm link RELINK_WAITING",
	"confirm relink OK", "confirm relink RELINK_WAITING", "confirm relink RELINK_GONE", "confirm relink RELINK_REFUSED", "cancel relink OK", "object RELINK_GONE",
	"linked after a face", "lost, of somebody else's document", "a user reused", "objected by freeze", "taken over by face", "taken over by code", "choose ACCOUNT_CLOSED", "choose PASSWORD_FROZEN",
}

// No history lets an Alipay user act on an account, or read of it, whose present holder
// has not proven themselves to that very user, by a right password, or a clerk's code,
// and a proof that the centre accepts, in one flow; nor does a session act after its
// link has ended, as by somebody who took it over: the same person, to whom the holder
// did not object. FUNDPASS_HISTORIES says how many histories each centre plays, or half
// of what it plays. Each run draws new ones; a failure says with which -rapid.seed its own is
// played again.
func TestNobodyActsUnproven(t *testing.T) {
	t.Parallel()
	histories := testenv.Rounds(5, 100)
	if n, err := strconv.Atoi(os.Getenv("FUNDPASS_HISTORIES")); err == nil {
		histories = n
	}
	told := &tally{seen: map[string]int{}}
	t.Run("centres", func(t *testing.T) {
		for name, c := range provingCentres {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for left := c.share(histories); left > 0 && !t.Failed(); left -= housefull {
					playHistories(t, c, min(left, housefull), told)
				}
			})
		}
	})
	t.Log(told)
	if histories > housefull {
		mustHappen = append(mustHappen, rare...)
	}
	for _, must := range mustHappen {
		if told.seen[must] == 0 && !t.Failed() {
			t.Errorf("never seen: %s", must)
		}
	}
}

// acts of a history have each as many steps as rapid gives it, 30 on average.
const acts = 3

// housefull is how many histories one house sees; rapid's default of checks.
const housefull = 100

// playHistories plays so many in a house of its own. rapid wants more: the rest of its
// checks are empty, except while it shortens a history that failed.
func playHistories(t *testing.T, c provingCentre, n int, told *tally) {
	h := newHouse(t, c.options()...)
	var err error
	h.sim, err = alipaysim.New(alipaysim.Config{AppID: h.appID, AppKey: &testKeys().PublicKey, Key: callbackKey(), ContentKey: testContentKey})
	must(t, err)
	later, err := alipaysim.New(alipaysim.Config{AppID: h.appID, AppKey: &testKeys().PublicKey, Key: callbackKey(), Now: h.clock.Now})
	must(t, err)
	h.restart(c.options()...)
	outside, failed := h.t, false
	rapid.Check(t, func(rt *rapid.T) {
		if n--; n < 0 && !failed {
			return
		}
		h.t = judge{outside, rt, &failed}
		defer func() { h.t = outside }()
		w := &play{house: h, centre: c, rt: rt, letters: later, told: told, payloads: map[string]*modelUser{}, signed: map[string][]byte{}}
		told.count("histories")
		w.begin()
		for range acts {
			rt.Repeat(map[string]func(*rapid.T){"": func(*rapid.T) { w.checkLinks(); w.checkScopes() }, "step": func(*rapid.T) { w.anyStep() }})
		}
	})
}

// A judge leaves it to rapid what becomes of a failure: it shortens the history.
type judge struct {
	testing.TB
	rapid  *rapid.T
	failed *bool
}

func (j judge) Errorf(format string, args ...any) { *j.failed = true; j.rapid.Errorf(format, args...) }
func (j judge) Error(args ...any)                 { *j.failed = true; j.rapid.Error(args...) }
func (j judge) Fatalf(format string, args ...any) { *j.failed = true; j.rapid.Fatalf(format, args...) }
func (j judge) Fatal(args ...any)                 { *j.failed = true; j.rapid.Fatal(args...) }

// A tally counts what was answered.
type tally struct {
	mu   sync.Mutex
	seen map[string]int
}

func (t *tally) count(what string) { t.mu.Lock(); defer t.mu.Unlock(); t.seen[what]++ }

func (t *tally) String() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(t.seen)) {
		fmt.Fprintf(&b, "%s: %d · ", what, t.seen[what])
	}
	return b.String()
}

// A step is something that can happen, and how often it does.
type step struct {
	name   string
	weight int
	take   func(*play)
}

// steps are what can happen. A new one is a method of play and a line here.
var steps = []step{
	{"log in", 7, (*play).logIn}, {"read", 10, (*play).read}, {"link", 11, (*play).link}, {"send again", 5, (*play).sendAgain},
	{"show a face", 6, (*play).showFace}, {"confirm link", 6, (*play).confirmLink}, {"show phone", 4, (*play).showPhone},
	{"open change", 6, (*play).openChange}, {"confirm change", 6, (*play).confirmChange}, {"cancel change", 1, (*play).cancelChange},
	{"open reset", 6, (*play).openReset}, {"confirm reset", 5, (*play).confirmReset}, {"cancel reset", 1, (*play).cancelReset},
	{"give consent", 4, (*play).giveConsent}, {"withdraw consent", 2, (*play).withdrawConsent},
	{"unlink", 3, (*play).unlink}, {"freeze", 1, (*play).freeze}, {"sign out", 1, (*play).signOut},
	{"status", 3, (*play).changeStatus}, {"open again", 3, (*play).openAgain}, {"merge", 2, (*play).merge}, {"give away", 3, (*play).giveAway},
	{"rename", 2, (*play).rename}, {"renumber", 2, (*play).renumber}, {"phone on file", 2, (*play).filePhone}, {"issue code", 4, (*play).issueCode},
	{"cancel authorisation", 2, (*play).cancelAuthorisation}, {"deliver", 2, (*play).deliverLetter}, {"new number", 1, (*play).newNumber},
	{"ask for a link", 8, (*play).askRelink}, {"await a relink", 20, (*play).awaitRelink}, {"confirm relink", 5, (*play).confirmRelink},
	{"cancel relink", 1, (*play).cancelRelink}, {"object", 6, (*play).objectRelink}, {"read relinks", 4, (*play).readRelinks},
	{"accounts", 2, (*play).readAccounts}, {"choose", 4, (*play).chooseAccount},
	{"erase", 1, (*play).erasePerson}, {"export", 1, (*play).exportPerson}, {"lose an answer", 2, (*play).loseAnswer}, {"time", 2, (*play).passTime},
	{"retry what was lost", 4, (*play).retryLost}, {"guess codes", 2, (*play).guessCodes}, {"reuse a user", 1, (*play).reuseUser},
	{"face first", 6, (*play).faceFirst}, {"link after a face", 3, (*play).linkAfterAnyFace},
}

// anyStep takes one of them. Two numbers are all that it draws, so that rapid shortens a
// history in little time: which step, and the luck with which it goes.
func (w *play) anyStep() {
	all := 0
	for _, s := range steps {
		all += s.weight
	}
	u := rapid.Uint64().Draw(w.rt, "step")
	n := int(u) % all
	if u > 255 { // rapid prefers small numbers: those are the first steps
		n = int(mixed(u) % uint64(all))
	}
	w.drawLuck()
	for _, s := range steps {
		if n -= s.weight; n < 0 {
			w.clock.Advance(2 * time.Second) // so that no two steps are at one moment
			s.take(w)
			w.told.count("steps")
			return
		}
	}
}

// drawLuck decides how the next step goes: 0 lets nothing unlikely happen.
func (w *play) drawLuck() {
	w.luck = nil
	if luck := rapid.Uint64().Draw(w.rt, "luck"); luck > 0 {
		w.luck = rand.New(rand.NewPCG(luck, 6))
	}
}

// mixed spreads numbers, of which rapid prefers small ones (the end of MurmurHash3).
func mixed(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
