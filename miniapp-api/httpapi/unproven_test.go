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

// A provingCentre is the configuration of a centre.
type provingCentre struct {
	set, initial []selfservice.Proof // as Config.Proof and Config.InitialProof
	consent      selfservice.ConsentMode
	transfer     selfservice.TransferPolicy
}

var provingCentres = map[string]provingCentre{
	"certdoc":   {set: []selfservice.Proof{selfservice.ProofCertdoc}, initial: []selfservice.Proof{selfservice.ProofCertdoc}, consent: selfservice.ConsentRecorded},
	"any proof": {set: []selfservice.Proof{selfservice.ProofCertdoc, selfservice.ProofFace, selfservice.ProofPhone}, initial: []selfservice.Proof{selfservice.ProofCertdoc, selfservice.ProofFace}, consent: selfservice.ConsentRecorded},
	"face":      {set: []selfservice.Proof{selfservice.ProofFace, selfservice.ProofPhone}, initial: []selfservice.Proof{selfservice.ProofFace}, consent: selfservice.ConsentRecorded},
	"asked":     {set: []selfservice.Proof{selfservice.ProofFace, selfservice.ProofCertdoc}, initial: []selfservice.Proof{selfservice.ProofFace}, consent: selfservice.ConsentRequired},
	"no proof":  {set: []selfservice.Proof{selfservice.ProofNone}, initial: []selfservice.Proof{selfservice.ProofFace}, consent: selfservice.ConsentRecorded},

	"transfer at once":   {[]selfservice.Proof{selfservice.ProofCertdoc, selfservice.ProofFace}, []selfservice.Proof{selfservice.ProofFace}, selfservice.ConsentRecorded, selfservice.TransferPolicy{Offered: true}},
	"transfer in a day":  {[]selfservice.Proof{selfservice.ProofCertdoc, selfservice.ProofFace, selfservice.ProofPhone}, []selfservice.Proof{selfservice.ProofFace}, selfservice.ConsentRecorded, selfservice.TransferPolicy{Offered: true, Window: 24 * time.Hour}},
	"transfer by face":   {[]selfservice.Proof{selfservice.ProofFace}, []selfservice.Proof{selfservice.ProofFace}, selfservice.ConsentRecorded, selfservice.TransferPolicy{Offered: true, Window: 24 * time.Hour}},
	"transfer, no proof": {[]selfservice.Proof{selfservice.ProofNone}, []selfservice.Proof{selfservice.ProofFace}, selfservice.ConsentRecorded, selfservice.TransferPolicy{Offered: true}},
}

func (c provingCentre) options() []envOption {
	return []envOption{withProof(joined(c.set)), withInitialProof(joined(c.initial)), withConsent(c.consent), withSpraying(99, 9999, 99_999),
		func(f *Config) { f.Transfer = c.transfer }}
}

// share returns the number of histories for a centre; one with a window takes longer.
func (c provingCentre) share(n int) int {
	if c.transfer.Window > 0 {
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

// mustHappen are the answers that the histories must contain to be meaningful. A few histories
// contain each frequent one tens of times; the rare ones are expected only in many histories.
var mustHappen, rare = []string{
	"link OK", "link LINK_REFUSED", "link LINK_PROOF_REQUIRED", "link ended", "confirm link OK", "confirm link LINK_GONE", "open change OK", "open reset OK",
	"read OK", "phone OK", "give consent OK", "face first LINK_PROOF_REQUIRED", "lost and sent again",
}, []string{
	"link ALREADY_LINKED", "unlink OK", "read NOT_LINKED", "withdraw consent OK", "authorisation cancelled", "erased", "handed out", "request transfer OK", "request transfer TRANSFER_WAITING",
	"reject OK", "read transfers OK", "accounts OK", "choose OK", "choose NO_SUCH_ACCOUNT", "try codes LINK_REFUSED",
	"confirm change OK", "confirm change CHANGE_GONE", "confirm reset OK", "confirm reset RESET_GONE", "freeze OK", "phone PHONE_REFUSED",
	"link moved", "first answer again", "read SESSION_EXPIRED", "request transfer TRANSFER_REJECTED", "request transfer ALREADY_LINKED", "confirm link TRANSFER_WAITING",
	"confirm transfer OK", "confirm transfer TRANSFER_WAITING", "confirm transfer TRANSFER_GONE", "confirm transfer TRANSFER_REJECTED", "cancel transfer OK", "reject TRANSFER_GONE",
	"linked after a face", "lost, of somebody else's document", "a user reused", "rejected by freeze", "taken over by face", "taken over by code", "choose ACCOUNT_CLOSED", "choose PASSWORD_FROZEN",
}

// In no history does an Alipay user act on an account or read it unless the account's current
// holder was proven to that user, by a right password or a reset code and an accepted proof, in
// one procedure. No session acts after its link has ended. A user who takes a link over is the
// same person, and the holder did not reject the transfer.
//
// FUNDPASS_HISTORIES sets the number of histories per centre. Each run draws new ones; a
// failure prints the -rapid.seed that repeats it.
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
				for left := c.share(histories); left > 0 && !t.Failed(); left -= historiesPerEnv {
					runHistories(t, c, min(left, historiesPerEnv), told)
				}
			})
		}
	})
	t.Log(told)
	if histories > historiesPerEnv {
		mustHappen = append(mustHappen, rare...)
	}
	for _, must := range mustHappen {
		if told.seen[must] == 0 && !t.Failed() {
			t.Errorf("never seen: %s", must)
		}
	}
}

// acts is the number of acts of a history, each with the number of steps that rapid draws, 30
// on average.
const acts = 3

// historiesPerEnv is the number of histories per environment, rapid's default number of checks.
const historiesPerEnv = 100

// runHistories runs n histories in one environment. rapid's remaining checks are empty, except
// while it shortens a failed history.
func runHistories(t *testing.T, c provingCentre, n int, told *tally) {
	h := newEnv(t, c.options()...)
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
		h.t = failureRecorder{outside, rt, &failed}
		defer func() { h.t = outside }()
		w := &model{env: h, centre: c, rt: rt, notifications: later, told: told, payloads: map[string]*modelUser{}, signed: map[string][]byte{}}
		told.count("histories")
		w.begin()
		for range acts {
			rt.Repeat(map[string]func(*rapid.T){"": func(*rapid.T) { w.checkLinks(); w.checkScopes() }, "step": func(*rapid.T) { w.anyStep() }})
		}
	})
}

// A failureRecorder passes failures on to rapid, which shortens the history.
type failureRecorder struct {
	testing.TB
	rapid  *rapid.T
	failed *bool
}

func (j failureRecorder) Errorf(format string, args ...any) {
	*j.failed = true
	j.rapid.Errorf(format, args...)
}
func (j failureRecorder) Error(args ...any) { *j.failed = true; j.rapid.Error(args...) }
func (j failureRecorder) Fatalf(format string, args ...any) {
	*j.failed = true
	j.rapid.Fatalf(format, args...)
}
func (j failureRecorder) Fatal(args ...any) { *j.failed = true; j.rapid.Fatal(args...) }

// A tally counts answers.
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

// A step is an action with its relative frequency.
type step struct {
	name   string
	weight int
	take   func(*model)
}

// steps are the possible actions. A new one needs a method of model and a line here.
var steps = []step{
	{"log in", 7, (*model).logIn}, {"read", 10, (*model).read}, {"link", 11, (*model).link}, {"send again", 5, (*model).sendAgain},
	{"show a face", 6, (*model).showFace}, {"confirm link", 6, (*model).confirmLink}, {"show phone", 4, (*model).verifyPhone},
	{"open change", 6, (*model).openChange}, {"confirm change", 6, (*model).confirmChange}, {"cancel change", 1, (*model).cancelChange},
	{"open reset", 6, (*model).openReset}, {"confirm reset", 5, (*model).confirmReset}, {"cancel reset", 1, (*model).cancelReset},
	{"give consent", 4, (*model).giveConsent}, {"withdraw consent", 2, (*model).withdrawConsent},
	{"unlink", 3, (*model).unlink}, {"freeze", 1, (*model).freeze}, {"sign out", 1, (*model).signOut},
	{"status", 3, (*model).changeStatus}, {"open again", 3, (*model).openAgain}, {"merge", 2, (*model).merge}, {"give away", 3, (*model).giveAway},
	{"rename", 2, (*model).rename}, {"renumber", 2, (*model).renumber}, {"phone on file", 2, (*model).filePhone}, {"issue code", 4, (*model).issueCode},
	{"cancel authorisation", 2, (*model).cancelAuthorisation}, {"deliver", 2, (*model).deliverNotification}, {"new number", 1, (*model).newNumber},
	{"request a transfer", 8, (*model).requestTransfer}, {"await a transfer", 20, (*model).awaitTransfer}, {"confirm transfer", 5, (*model).confirmTransfer},
	{"cancel transfer", 1, (*model).cancelTransfer}, {"reject", 6, (*model).rejectTransfer}, {"read transfers", 4, (*model).readTransfers},
	{"accounts", 2, (*model).readAccounts}, {"choose", 4, (*model).chooseAccount},
	{"erase", 1, (*model).erasePerson}, {"export", 1, (*model).exportPerson}, {"lose an answer", 2, (*model).loseAnswer}, {"time", 2, (*model).passTime},
	{"retry what was lost", 4, (*model).retryLost}, {"try codes", 2, (*model).tryCodes}, {"reuse a user", 1, (*model).reuseUser},
	{"face first", 6, (*model).faceFirst}, {"link after a face", 3, (*model).linkAfterAnyFace},
}

// anyStep runs one step. It draws only two numbers, the step and its luck, so that rapid
// shortens a history quickly.
func (w *model) anyStep() {
	all := 0
	for _, s := range steps {
		all += s.weight
	}
	u := rapid.Uint64().Draw(w.rt, "step")
	n := int(u) % all
	if u > 255 { // rapid prefers small numbers, which select the first steps
		n = int(mixed(u) % uint64(all))
	}
	w.drawLuck()
	for _, s := range steps {
		if n -= s.weight; n < 0 {
			w.clock.Advance(2 * time.Second) // no two steps have the same time
			s.take(w)
			w.told.count("steps")
			return
		}
	}
}

// drawLuck draws the luck of the next step; 0 excludes unlikely events.
func (w *model) drawLuck() {
	w.luck = nil
	if luck := rapid.Uint64().Draw(w.rt, "luck"); luck > 0 {
		w.luck = rand.New(rand.NewPCG(luck, 6))
	}
}

// mixed spreads the small numbers that rapid prefers (the final mix of MurmurHash3).
func mixed(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
