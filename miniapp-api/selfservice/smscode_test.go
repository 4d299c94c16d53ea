package selfservice

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
	"fundpass/store/storetest"
)

// A codeEnv is a service that sends codes to two persons, of whom the second has no phone.
type codeEnv struct {
	*Service
	t   *testing.T
	now time.Time

	reachable, unreachable store.Account
}

func newCodeEnv(t *testing.T) *codeEnv {
	t.Helper()
	e := &codeEnv{t: t, now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	pepper := storetest.NewPepper(t)
	hasher := passwd.NewHasher(passwd.HasherConfig{Pepper: pepper, Memory: 64, Time: 1, Threads: 1, Slots: 4, Wait: testenv.Patience})
	t.Cleanup(hasher.Close)
	db := storetest.Open(t, storetest.Shared(t), storetest.WithPepper(pepper), storetest.WithColumnCipher(storetest.NewColumnCipher(t)),
		storetest.WithNow(func() time.Time { return e.now }))
	var err error
	e.Service, err = New(Config{DB: db, Policy: passwd.Default(), Hasher: hasher, Provider: unusedProvider{}, Proof: ProofCertdoc, ConsentTexts: []ConsentText{}, SMS: true})
	must(t, err)
	e.reachable, e.unreachable = e.depositor("1", "14200000001"), e.depositor("2", "0571-88888888")
	return e
}

func (e *codeEnv) depositor(n, phone string) store.Account {
	e.t.Helper()
	key := []byte("document " + n)
	_, err := e.db.Roster().ImportDepositors(e.t.Context(), []store.Depositor{{
		Person: store.Person{Name: "测试", IDType: "01", IDNumber: n, Phone: phone, AccountNo: n}, Status: store.StatusNormal, DocumentKey: key, Hash: "h",
	}})
	must(e.t, err)
	a, err := e.db.AccountByNumber(e.t.Context(), n)
	must(e.t, err)
	return a
}

// sent returns the code of the one SMS that is due.
func (e *codeEnv) sent() passwd.Secret {
	e.t.Helper()
	due, _, err := e.db.Outbox().DueSMS(e.t.Context(), 10, store.MediumSMS)
	must(e.t, err)
	if len(due) != 1 {
		e.t.Fatalf("%d SMS", len(due))
	}
	n, err := e.db.Outbox().Notice(due[0])
	must(e.t, err)
	return passwd.NewSecret(n.Code)
}

// is compares an error by code and data.
func (e *codeEnv) is(err error, want *Error) {
	e.t.Helper()
	var got *Error
	if !errors.As(err, &got) || got.Code != want.Code || got.RetryAfter != want.RetryAfter ||
		(got.Remaining == nil) != (want.Remaining == nil) || want.Remaining != nil && *got.Remaining != *want.Remaining {
		e.t.Errorf("got %+v, want %+v", err, want)
	}
}

// A code is accepted once, however it is typed, with the purpose and in the session it was
// requested for.
func TestSendAndCheckCode(t *testing.T) {
	t.Parallel()
	e := newCodeEnv(t)
	ctx := t.Context()
	code, err := e.sendCode(ctx, Caller{Binding: []byte("session"), Channel: "x"}, codeForReset, e.reachable)
	must(t, err)
	if code.Phone != "142******01" || !code.ExpiresAt.Equal(e.now.Add(5*time.Minute)) {
		t.Errorf("got %+v", code)
	}
	right := e.sent()
	if _, ok := readDigits(right.Reveal(), smsCodeDigits); !ok {
		t.Errorf("%d characters", len(right.Reveal()))
	}
	check := func(p codePurpose, binding string, typed string) error {
		return e.checkCode(ctx, p, e.reachable, []byte(binding), code.ID, passwd.NewSecret(typed))
	}
	for _, unreadable := range []string{"", "12345", "1234567", "12345a", "１２３４５"} {
		if err := check(codeForReset, "session", unreadable); !errors.Is(err, ErrBadRequest) {
			t.Errorf("%q: %v", unreadable, err)
		}
	}
	e.is(check(codeForLink, "session", right.Reveal()), ErrCodeGone)
	e.is(check(codeForReset, "other", right.Reveal()), ErrCodeGone)
	wrong := "000000"
	if right.Reveal() == wrong {
		wrong = "000001"
	}
	e.is(check(codeForReset, "session", wrong), ErrCodeWrong.withRemaining(2))
	wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, right.Reveal())
	must(t, check(codeForReset, "session", wide[:9]+" "+wide[9:]))
	e.is(check(codeForReset, "session", right.Reveal()), ErrCodeGone)
}

// The refusals say how long to wait.
func TestSendCodeRefusals(t *testing.T) {
	t.Parallel()
	e := newCodeEnv(t)
	send := func(a store.Account) error {
		_, err := e.sendCode(t.Context(), Caller{Binding: []byte("session"), Channel: "x"}, codeForSignIn, a)
		return err
	}
	e.is(send(e.unreachable), ErrNoPhone)
	shared := e.depositor("3", "14200000003")
	e.depositor("4", "14200000003")
	e.is(send(shared), ErrNoPhone)
	must(t, send(e.reachable))
	e.is(send(e.reachable), ErrCodeLimit.WithRetryAfter(60))
	e.now = e.now.Add(59500 * time.Millisecond)
	e.is(send(e.reachable), ErrCodeLimit.WithRetryAfter(1))
	for range store.SMSCodesPerDay - 1 {
		e.now = e.now.Add(time.Minute)
		must(t, send(e.reachable))
	}
	e.now = time.Date(2026, 3, 1, 15, 0, 0, 0, time.UTC)
	e.is(send(e.reachable), ErrCodeLimit.WithRetryAfter(60*60+1))
	e.sms = false
	e.is(send(e.reachable), ErrNotOffered)
}

// Whoever only claims to be a person gets the same answers for one who is reachable, who has no
// phone and who is unknown; only the first gets an SMS.
func TestSendCodeToClaimed(t *testing.T) {
	t.Parallel()
	e := newCodeEnv(t)
	ctx, session := t.Context(), []byte("session")
	caller := Caller{Binding: session, Channel: "x", Network: "192.0.2.1"}
	for name, a := range map[string]store.Account{
		"reachable": e.reachable, "unreachable": e.unreachable, "unknown": {PersonDigest: []byte("unknown")},
	} {
		code, err := e.sendCodeToClaimed(ctx, caller, codeForReset, a)
		must(t, err)
		if code.ID == uuid.Nil || code.Phone != "" || !code.ExpiresAt.Equal(e.now.Add(store.SMSCodeLife)) {
			t.Errorf("%s: %+v", name, code)
		}
		_, err = e.sendCodeToClaimed(ctx, caller, codeForReset, a)
		e.is(err, ErrCodeLimit.WithRetryAfter(60))
		wrong := passwd.NewSecret("000000")
		if name == "reachable" && e.sent().Equal(wrong) {
			wrong = passwd.NewSecret("000001")
		}
		for left := 2; left >= 0; left-- {
			e.is(e.checkCode(ctx, codeForReset, a, session, code.ID, wrong), ErrCodeWrong.withRemaining(left))
		}
		e.is(e.checkCode(ctx, codeForReset, a, session, code.ID, wrong), ErrCodeGone)
	}
	if due, _, err := e.db.Outbox().DueSMS(ctx, 10, store.MediumSMS); err != nil || len(due) != 0 {
		t.Errorf("%d more SMS, %v", len(due), err)
	}
}
