package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A deviceEnv has a person with devices, on a clock that the test moves.
type deviceEnv struct {
	t       testing.TB
	dsn     string
	db      *store.DB
	account store.Account
	ahead   atomic.Int64
}

func newDeviceEnv(t testing.TB) *deviceEnv {
	t.Helper()
	e := &deviceEnv{t: t, dsn: storetest.Shared(t)}
	e.db = e.server()
	importAll(t, e.db, depositor(1, hashed))
	e.account = importedAccount(t, e.db, depositor(1, hashed))
	return e
}

// server returns another process on the same database and clock.
func (e *deviceEnv) server() *store.DB {
	return storetest.Open(e.t, e.dsn, storetest.WithNow(func() time.Time { return time.Now().Add(time.Duration(e.ahead.Load())) }))
}

// signIn signs in with a device, which is added if it may be.
func (e *deviceEnv) signIn(key string, add bool) (token []byte, err error) {
	e.ahead.Add(int64(time.Second)) // the order of use is that of the calls
	token = []byte(uuid.NewString())
	return token, e.db.SignIn(e.t.Context(), store.SignIn{Channel: store.ChannelApp, TokenDigest: token, Account: e.account,
		Device: &store.SignInDevice{Thumbprint: []byte(key), Label: store.DeviceLabel{Name: "name of " + key}, Add: add}})
}

// session returns the session of a token and a device with a proof of its own.
func (e *deviceEnv) session(token []byte, key string) (store.Session, error) {
	return e.db.DeviceSession(e.t.Context(), token, e.proof(key))
}

func (e *deviceEnv) proof(key string) store.Proof {
	return store.Proof{Thumbprint: []byte(key), Digest: []byte(uuid.NewString()), ExpiresAt: e.db.Now().Add(time.Minute)}
}

// add signs in with a new device and returns its session.
func (e *deviceEnv) add(key string) store.Session {
	e.t.Helper()
	token, err := e.signIn(key, true)
	noError(e.t, err)
	s, err := e.session(token, key)
	noError(e.t, err)
	return s
}

// names returns the names of the person's devices.
func (e *deviceEnv) names(s store.Session) (all []string) {
	e.t.Helper()
	devices, err := e.db.Devices(e.t.Context(), s)
	noError(e.t, err)
	for _, d := range devices {
		all = append(all, d.Name)
	}
	return all
}

// A device is added only where the sign-in may add it, once, and is known then.
func TestDeviceIsAddedOnce(t *testing.T) {
	t.Parallel()
	e := newDeviceEnv(t)
	if _, err := e.signIn("a", false); !errors.Is(err, store.ErrDevice) {
		t.Errorf("an unknown device: %v", err)
	}
	if got := column(t, e.db, `SELECT 'row' FROM sessions UNION ALL SELECT 'row' FROM devices`); len(got) > 0 {
		t.Errorf("the refused sign-in wrote %v", got)
	}
	s := e.add("a")
	for _, add := range []bool{false, true} {
		if _, err := e.signIn("a", add); err != nil {
			t.Errorf("again, may add %v: %v", add, err)
		}
	}
	if d := cmp.Diff([]string{"name of a"}, e.names(s)); d != "" {
		t.Error(d)
	}
	for key, want := range map[string]bool{"a": true, "b": false} {
		if known, err := e.db.KnowsDevice(t.Context(), e.account.PersonDigest, []byte(key)); err != nil || known != want {
			t.Errorf("device %s known: %v %v", key, known, err)
		}
	}
	if known, _ := e.db.KnowsDevice(t.Context(), []byte("another person"), []byte("a")); known {
		t.Error("another person knows the device")
	}
	events := column(t, e.db, `SELECT concat(kind, ' ', channel) FROM events WHERE kind LIKE 'device%'`)
	if d := cmp.Diff([]string{"device_added app"}, events); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"device_added sms"}, column(t, e.db, `SELECT concat(kind, ' ', medium) FROM outbox`)); d != "" {
		t.Error(d)
	}
}

// T: a token without the device's proof is nothing, on every channel.
func TestBoundSessionNeedsItsDevice(t *testing.T) {
	t.Parallel()
	e := newDeviceEnv(t)
	s := e.add("a")
	if string(s.Device) != "a" || s.Link == nil || s.Channel != store.ChannelApp {
		t.Errorf("session %+v", s)
	}
	if _, err := e.db.Session(t.Context(), s.TokenDigest); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the token alone: %v", err)
	}
	before := column(t, e.db, `SELECT 1 FROM dpop_proofs`)
	if _, err := e.session(s.TokenDigest, "thief"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another key: %v", err)
	}
	if after := column(t, e.db, `SELECT 1 FROM dpop_proofs`); len(after) != len(before) {
		t.Error("a stranger's proof was stored")
	}
	plain := mustSignIn(t, e.db, "site", e.account)
	if _, err := e.session(plain.TokenDigest, "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a token of another channel with a proof: %v", err)
	}
	e.ahead.Add(int64(store.SessionIdle + time.Second))
	if _, err := e.session(s.TokenDigest, "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an idle session: %v", err)
	}
}

// Of 100 parallel uses of one proof on two servers one succeeds, with a session and without.
func TestProofIsUsedOnce(t *testing.T) {
	t.Parallel()
	e := newDeviceEnv(t)
	s := e.add("a")
	for name, use := range map[string]func(*store.DB, store.Proof) error{
		"session": func(db *store.DB, p store.Proof) error {
			_, err := db.DeviceSession(t.Context(), s.TokenDigest, p)
			return err
		},
		"sign-in": func(db *store.DB, p store.Proof) error { return db.SpendProof(t.Context(), p) },
	} {
		servers, p := []*store.DB{e.db, e.server()}, e.proof("a")
		var race sync.WaitGroup
		var used atomic.Int64
		for i := range 100 {
			race.Go(func() {
				switch err := use(servers[i%2], p); {
				case err == nil:
					used.Add(1)
				case !errors.Is(err, store.ErrSpent):
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		race.Wait()
		if used.Load() != 1 {
			t.Errorf("%s: one proof was used %d times", name, used.Load())
		}
	}
}

// Proofs are forgotten when they have expired, not before, and devices half a year after their
// last use.
func TestPurgeOfDevices(t *testing.T) {
	t.Parallel()
	e := newDeviceEnv(t)
	p := e.proof("a")
	noError(t, e.db.SpendProof(t.Context(), p))
	s := e.add("a")
	for _, tt := range []struct {
		after   time.Duration
		spent   bool
		devices int
	}{{30 * time.Second, true, 1}, {2 * time.Minute, false, 1}, {179 * 24 * time.Hour, false, 1}, {2 * 24 * time.Hour, false, 0}} {
		e.ahead.Add(int64(tt.after))
		noError(t, e.db.Operations().Purge(t.Context()))
		if n := len(column(t, e.db, `SELECT 1 FROM dpop_proofs WHERE proof_digest = $1`, p.Digest)); (n == 1) != tt.spent {
			t.Errorf("after another %v: %d proofs", tt.after, n)
		}
		if n := len(column(t, e.db, `SELECT 1 FROM devices`)); n != tt.devices || len(e.names(s)) != tt.devices {
			t.Errorf("after another %v: %d devices", tt.after, n)
		}
	}
}

// A device that is too long unused is a new one before it is purged, too.
func TestUnusedDeviceIsNew(t *testing.T) {
	t.Parallel()
	e := newDeviceEnv(t)
	e.add("a")
	e.ahead.Add(int64(181 * 24 * time.Hour))
	if _, err := e.signIn("a", false); !errors.Is(err, store.ErrDevice) {
		t.Errorf("unused: %v", err)
	}
	if known, _ := e.db.KnowsDevice(t.Context(), e.account.PersonDigest, []byte("a")); known {
		t.Error("unused, and known")
	}
	if d := cmp.Diff([]string{"name of a"}, e.names(e.add("a"))); d != "" {
		t.Error(d)
	}
}

// One device more than a person may have ends the one unused for longest, with its sessions.
func TestDevicesHaveALimit(t *testing.T) {
	t.Parallel()
	e := newDeviceEnv(t)
	first := e.add("0")
	for i := 1; i < store.MaxDevices; i++ {
		e.add(fmt.Sprint(i))
	}
	_, err := e.signIn("0", false) // now 1 is the oldest
	noError(t, err)
	last := e.add("more")
	if got := e.names(last); len(got) != store.MaxDevices || got[0] != "name of more" || got[1] != "name of 0" || got[4] != "name of 2" {
		t.Errorf("devices %v", got)
	}
	if _, err := e.session(first.TokenDigest, "0"); err != nil {
		t.Errorf("the session of a device that is left: %v", err)
	}
	if _, err := e.signIn("1", false); !errors.Is(err, store.ErrDevice) {
		t.Errorf("the device that made room: %v", err)
	}
}

// Ending a device ends its sessions and no other, and the device needs a code again.
func TestEndDevice(t *testing.T) {
	t.Parallel()
	e := newDeviceEnv(t)
	lost, mine := e.add("lost"), e.add("mine")
	_, err := e.signIn("lost", false)
	noError(t, err)
	importAll(t, e.db, depositor(2, hashed))
	family := &deviceEnv{t: t, db: e.db, account: importedAccount(t, e.db, depositor(2, hashed))}
	partner := family.add("lost") // the same device, of another person
	id := column(t, e.db, `SELECT device_id::text FROM devices WHERE jkt = 'lost' AND person_digest = $1`, e.account.PersonDigest)[0]

	if _, err := e.db.EndDevice(t.Context(), partner, uuid.MustParse(id)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another person's device: %v", err)
	}
	ended, err := e.db.EndDevice(t.Context(), mine, uuid.MustParse(id))
	if noError(t, err); ended != 2 {
		t.Errorf("%d sessions ended, want 2", ended)
	}
	if _, err := e.session(lost.TokenDigest, "lost"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the session of the ended device: %v", err)
	}
	if _, err := e.session(mine.TokenDigest, "mine"); err != nil {
		t.Errorf("the session of this device: %v", err)
	}
	if _, err := family.session(partner.TokenDigest, "lost"); err != nil {
		t.Errorf("the session of another person on the device: %v", err)
	}
	if _, err := e.signIn("lost", false); !errors.Is(err, store.ErrDevice) {
		t.Errorf("a sign-in with the ended device: %v", err)
	}
	if _, err := e.db.EndDevice(t.Context(), mine, uuid.MustParse(id)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("ended twice: %v", err)
	}
	e.add("lost")
	if got := column(t, e.db, `SELECT 1 FROM events WHERE kind = 'device_ended'`); len(got) != 1 {
		t.Errorf("%d events", len(got))
	}
}

// Of sign-ins that race with the end of their device, none leaves a session.
func TestEndDeviceRacesSignIns(t *testing.T) {
	t.Parallel()
	e := newDeviceEnv(t)
	mine := e.add("mine")
	for i := range 10 {
		key := fmt.Sprint("lost", i)
		e.add(key)
		id := column(t, e.db, `SELECT device_id::text FROM devices WHERE jkt = $1`, []byte(key))[0]
		var race sync.WaitGroup
		for range 8 {
			race.Go(func() {
				if _, err := e.signIn(key, false); err != nil && !errors.Is(err, store.ErrDevice) {
					t.Error(err)
				}
			})
		}
		race.Go(func() {
			if _, err := e.db.EndDevice(t.Context(), mine, uuid.MustParse(id)); err != nil {
				t.Error(err)
			}
		})
		race.Wait()
		if n := len(column(t, e.db, `SELECT 1 FROM sessions WHERE device_jkt = $1`, []byte(key))); n > 0 {
			t.Fatalf("%d sessions of an ended device", n)
		}
	}
}

// Racing first sign-ins with one device add it once, and those with many keep to the limit.
func TestRacingNewDevices(t *testing.T) {
	t.Parallel()
	e := newDeviceEnv(t)
	var race sync.WaitGroup
	for i := range 40 {
		race.Go(func() {
			if _, err := e.signIn(fmt.Sprint(i%8), true); err != nil {
				t.Error(err)
			}
		})
	}
	race.Wait()
	if n := len(column(t, e.db, `SELECT 1 FROM devices WHERE ended_at IS NULL`)); n != store.MaxDevices {
		t.Errorf("%d devices", n)
	}
}
