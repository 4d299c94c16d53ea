package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// A model is one history under test: the environment and its expected state.
type model struct {
	*env
	centre        provingCentre
	rt            *rapid.T
	luck          *rand.Rand     // of the current step; nil excludes unlikely events
	notifications *alipaysim.Sim // writes notices by the environment's clock
	told          *tally

	humans    []*human
	accounts  []*modelAccount
	users     []*modelUser
	sessions  []*modelSession
	pendings  []*modelPending
	transfers []*modelTransfer
	changes   []*modelChange
	resets    []*modelReset
	posts     []*modelNotification
	deeds     []*deed
	payloads  map[string]*modelUser // by phone number: the first user to send it
	signed    map[string][]byte     // by phone number: the result of my.getPhoneNumber
}

// A human is a natural person. Names and numbers are invented.
type human struct {
	who           string
	name, newName string
	number        string // 18 digits
	phone         string
}

// short returns the 15-digit form of the number.
func (h *human) short() string  { return h.number[:6] + h.number[8:17] }
func (h *human) String() string { return h.who }

// A modelAccount is a fund account in the centre's data.
type modelAccount struct {
	label               string
	no, id              string // id: see idOf
	owner               *human
	name, number, phone string // as in the centre's file
	status              string
	initial             bool // the password is the last six of the 18 digits
	password            string
	former              []string
	version             int
	frozen              bool // the password
	code                string
	codeEnds            time.Time
	tries               map[*modelUser]int // maximum number of tries at the code
}

func (a *modelAccount) String() string { return a.label }

func (a *modelAccount) ended() bool { return store.Account{Status: a.status}.Ended() }

// A modelUser is an Alipay user: the human whom Alipay certifies, and what has been proven to
// the user.
type modelUser struct {
	alipaysim.Person
	label      string
	human      *human
	link       *modelLink
	visitor    *store.Visitor // access token of the last sign-in
	authorised time.Time      // of the link: the sign-in before it, or the latest since
	proven     map[*human]bool
	shown, was map[*human]bool   // humans whose face was verified first; former owners of the user
	consents   map[string]string // purpose: "given", "withdrawn", "unsure"
}

func (u *modelUser) String() string { return u.label }

// A modelLink is a link that is expected to exist.
type modelLink struct {
	account *modelAccount
	human   *human // the human who was proven
}

// A modelSession is a session and its client.
type modelSession struct {
	*client
	label         string
	user          *modelUser
	number        string // the verified phone number
	ended         string // the reason of its end; "" if it may be valid
	created, seen time.Time
}

func (s *modelSession) String() string { return s.label }

// A modelPending is a link that waits for a face verification.
type modelPending struct {
	label, id, certifyID string
	session              *modelSession
	account              *modelAccount
	human                *human
	version              int
	opened               time.Time
	passed, closed       bool
	transfer, requested  bool   // whether the form set transfer; whether a transfer was requested
	code                 string // a reset code replaced the password, which may be frozen
	first                bool   // the face was verified before the password
	name                 string // the claimed number in that case
}

// A modelChange is an open or closed change.
type modelChange struct {
	path    string
	user    *modelUser
	account *modelAccount
	human   *human
	version int
	opened  time.Time
	closed  bool
	done    string // the password that it set
}

// A modelReset is an open or closed reset.
type modelReset struct {
	path, certifyID string
	session         *modelSession
	account         *modelAccount
	human           *human
	version         int
	opened          time.Time
	passed, closed  bool
	done            string
}

// A modelNotification is a notification of a cancelled authorisation.
type modelNotification struct {
	alipaysim.Notification
	user  *modelUser
	at    time.Time
	taken bool
}

var unprovenCount atomic.Int64

// invented returns a number that no other history uses.
func invented() int { return int(unprovenCount.Add(1)) }

// inventedPassword returns a password that satisfies all rules.
func inventedPassword() string {
	name := "Copper-"
	for _, digit := range fmt.Sprint(invented()) {
		name += []string{"ba", "ko", "ri", "nu", "te", "sa", "mi", "lo", "ve", "du"}[digit-'0']
	}
	return name
}

// begin adds three people: one with two accounts and three Alipay users, one with an account
// and two users, and one with an Alipay user only. It links some of them.
func (w *model) begin() {
	w.drawLuck()
	names := [][3]string{{"Ouyang", "欧阳测试", "欧阳新名"}, {"Sima", "司马样例", "司马改称"}, {"Shangguan", "上官演示", "上官换字"}}
	for _, n := range names {
		i := invented()
		born := time.Date(1920, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i/900)
		w.humans = append(w.humans, &human{n[0], n[1], n[2], idNumber(born.Format("20060102"), i%900), fmt.Sprintf("1990%07d", i)})
	}
	numbers := w.accountNumbers(2)
	numbers = append(numbers, strings.TrimLeft(numbers[0], "0")) // another human's
	for i, owner := range []int{0, 0, 1} {
		w.openAccount(fmt.Sprint("account ", i+1), numbers[i], w.humans[owner])
	}
	w.accounts[2].initial = w.slip(2) // an initial password
	for i, owner := range []int{0, 0, 1, 2, 0, 1} {
		w.addUser(fmt.Sprintf("user %d (%s)", i+1, w.humans[owner]), w.humans[owner])
	}
	for _, a := range w.accounts {
		w.file(a)
	}
	for _, u := range w.users[:3] {
		s := w.open(u)
		if w.centre.consent == selfservice.ConsentRequired && !w.slip(4) {
			w.agree(s, purposes)
		}
		switch {
		case w.centre.transfer.Offered && !w.slip(6): // starts linked, or requests the link
			w.plainly(func() {
				if w.do(s, w.linkForm(s, w.anyOf(u.human))); len(w.pendings) > 0 && w.pendings[len(w.pendings)-1].session == s {
					w.showFace()
				}
			})
		case w.slip(2):
			w.do(s, w.linkForm(s, w.anyOf(u.human)))
		}
	}
}

// plainly runs f without unlikely events.
func (w *model) plainly(f func()) {
	luck := w.luck
	w.luck = nil
	defer func() { w.luck = luck }()
	f()
}

// accountNumbers returns the numbers in the order in which the product prefers accounts, so
// that a repeated history is deterministic.
func (w *model) accountNumbers(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("00%d", 8_800_000_000+invented())
	}
	slices.SortFunc(all, func(a, b string) int { return bytes.Compare(w.numberDigest(a), w.numberDigest(b)) })
	return all
}

func (w *model) numberDigest(no string) []byte {
	return w.cipher.Index("account number", []byte(w.center), []byte(no))
}

func (w *model) openAccount(label, no string, owner *human) {
	a := &modelAccount{label: label, no: no, owner: owner, name: owner.name, number: owner.number, phone: owner.phone,
		status: store.StatusNormal, password: inventedPassword(), version: 1}
	w.accounts = append(w.accounts, a)
}

func (w *model) addUser(label string, h *human) {
	i := invented()
	u := &modelUser{label: label, human: h, proven: map[*human]bool{}, shown: map[*human]bool{}, was: map[*human]bool{}, consents: map[string]string{}, Person: alipaysim.Person{
		Person: fmt.Sprint("unproven-", i), Story: "face_pending", Name: h.name, IDType: document.Citizen, IDNumber: h.number, Phone: h.phone,
		OpenID: fmt.Sprintf("open-unproven-%d-%s", i, uuid.NewString()), Certified: !w.slip(4),
	}}
	if w.slip(2) { // an application that identified citizens by user_id before
		u.UserID = fmt.Sprintf("2088%012d", i)
	}
	w.users = append(w.users, u)
	w.tellAlipay(u)
}

func (w *model) tellAlipay(u *modelUser) { w.sim.Add(u.Person); w.notifications.Add(u.Person) }

// file returns the centre's file with the account's current state.
func (w *model) file(a *modelAccount) {
	doc, err := w.documents().Parse(document.Citizen, a.number)
	must(w.t, err)
	if a.initial {
		a.password = doc.Number[12:]
	}
	d := store.Depositor{Status: a.status, DocumentKey: doc.Key(),
		Person: store.Person{Name: a.name, IDType: document.Citizen, IDNumber: doc.Number, Phone: a.phone, AccountNo: a.no}}
	if a.initial {
		d.InitialRule = "id-last6"
	} else {
		d.Hash, err = w.server.Hasher.Hash(context.Background(), passwd.NewSecret(a.password))
		must(w.t, err)
	}
	done, err := w.db.Roster().ImportDepositors(context.Background(), []store.Depositor{d})
	must(w.t, err)
	if done.Refused > 0 {
		w.t.Fatalf("the centre's file is refused %s", a)
	}
}

// note adds a line to the history, which rapid prints if the history fails.
func (w *model) note(format string, args ...any) { w.rt.Logf("· "+format, args...) }

func (w *model) now() time.Time { return w.clock.Now() }

// linkedTo returns the user who is linked to the account.
func (w *model) linkedTo(a *modelAccount) *modelUser {
	i := slices.IndexFunc(w.users, func(u *modelUser) bool { return u.link != nil && u.link.account == a })
	if i < 0 {
		return nil
	}
	return w.users[i]
}

func (w *model) identity(u *modelUser) []byte {
	return w.cipher.Index("identity", []byte(store.ProviderAlipay), []byte(w.appID), []byte("open_id"), []byte(u.OpenID))
}

// byDigest returns the account with this digest.
func (w *model) byDigest(digest []byte) *modelAccount {
	for _, a := range w.accounts {
		if bytes.Equal(w.numberDigest(a.no), digest) {
			return a
		}
	}
	return nil
}
