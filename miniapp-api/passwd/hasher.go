package passwd

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"fundpass/keys"
	"fundpass/miniapp-api/passwd/argon2id"
)

// ErrPassword is returned for what cannot be a password.
var ErrPassword = errors.New("passwd: empty, too long or not UTF-8")

// Errors of the pool that a Hasher hashes in. ErrBusy means that nothing was done; it is a
// BusyError, which says when to come back.
var (
	ErrBusy     = argon2id.ErrBusy
	ErrClosed   = argon2id.ErrClosed
	ErrReleased = argon2id.ErrReleased
)

// Who asks for a place in the pool, and how they are turned away. Users of a Hasher need
// nothing else of the package below.
type (
	Caller    = argon2id.Caller
	BusyError = argon2id.BusyError
)

// The default cost: the OWASP password storage sheet's first choice, about
// 50 checks a second and core.
const (
	defaultMemory  = 19 << 10 // KiB
	defaultTime    = 2
	defaultThreads = 1
)

// HasherConfig configures NewHasher. Every field but Pepper has a default.
type HasherConfig struct {
	Pepper  *keys.Pepper
	Memory  uint32 // KiB a hash, 19456 by default
	Time    uint32 // passes, 2 by default
	Threads uint8  // 1 by default; more allocate their memory for every hash
	Slots   int    // hashes at once, as many as processors by default

	Wait time.Duration // the longest wait for a slot, 2 s by default
}

// A Hasher hashes passwords in an argon2id.Pool of Slots places: others wait as long as
// Wait, everybody else is told ErrBusy. It is safe for concurrent use.
type Hasher struct {
	pepper *keys.Pepper
	params params
	dummy  string
	pool   *argon2id.Pool
	hashed atomic.Int64
}

// NewHasher starts the pool; Close stops it. It panics without a Pepper and for a cost
// outside the bounds of a stored hash: both are mistakes of the program.
func NewHasher(c HasherConfig) *Hasher {
	h := &Hasher{pepper: c.Pepper}
	h.params = params{cmp.Or(c.Memory, defaultMemory), cmp.Or(c.Time, defaultTime), cmp.Or(c.Threads, defaultThreads)}
	if h.pepper == nil || !h.params.valid() {
		panic("passwd: NewHasher: no pepper, or cost out of bounds")
	}
	h.pool = argon2id.NewPool(argon2id.Config{Slots: c.Slots, Wait: c.Wait})
	nobody := stored{params: h.params, kids: []uint32{h.pepper.Current()}, salt: make([]byte, saltSize), tag: make([]byte, tagSize)}
	rand.Read(nobody.salt)
	rand.Read(nobody.tag)
	h.dummy = nobody.String()
	return h
}

// Close stops the pool. Hashes that run are finished; later calls and those that wait get
// ErrClosed.
func (h *Hasher) Close() { h.pool.Close() }

// Waiting returns how many callers wait for a place at this moment.
func (h *Hasher) Waiting() int { return h.pool.Waiting() }

// Hashed returns how many passwords have been hashed, for whatever reason.
func (h *Hasher) Hashed() int64 { return h.hashed.Load() }

// A Slot is a place in the pool, see argon2id.Slot, in which a Hasher hashes.
type Slot struct {
	*argon2id.Slot
	hasher *Hasher
}

// Reserve takes a place in the pool, or waits in the queue for one, see
// argon2id.Pool.Reserve. Errors: ErrBusy, ErrClosed, the context's.
func (h *Hasher) Reserve(ctx context.Context, c Caller) (*Slot, error) {
	slot, err := h.pool.Reserve(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Slot{slot, h}, nil
}

// Hash reserves a place for the program itself and hashes in it, see Slot.Hash and Reserve.
func (h *Hasher) Hash(ctx context.Context, s Secret) (string, error) {
	slot, err := h.Reserve(ctx, Caller{})
	if err != nil {
		return "", err
	}
	defer slot.Release()
	return slot.Hash(ctx, s)
}

// Verify reserves a place for the program itself and verifies in it, see Slot.Verify and Reserve.
func (h *Hasher) Verify(ctx context.Context, hash string, s Secret) (ok, upgrade bool, err error) {
	slot, err := h.Reserve(ctx, Caller{})
	if err != nil {
		return false, false, err
	}
	defer slot.Release()
	return slot.Verify(ctx, hash, s)
}

// Dummy reserves a place for the program itself and does the work of Verify for nobody, see Slot.Dummy.
func (h *Hasher) Dummy(ctx context.Context, s Secret) error {
	slot, err := h.Reserve(ctx, Caller{})
	if err != nil {
		return err
	}
	defer slot.Release()
	return slot.Dummy(ctx, s)
}

// Hash returns the text to store for a password. The password counts whole, in
// NFC: nothing is cut off or trimmed. Errors: ErrPassword, ErrReleased,
// ErrClosed, the context's.
func (s *Slot) Hash(ctx context.Context, password Secret) (string, error) {
	if !password.usable() {
		return "", ErrPassword
	}
	in := input(password)
	defer clear(in)
	return s.seal(ctx, in, "")
}

// Verify reports whether password made hash, and whether the caller should
// store a new hash of it: the cost is below today's, the newest pepper key is
// not the only one, or there is a legacy digest in it. A hash that costs more
// than today's is not replaced for that alone: a server with an old setting must
// not undo what another one strengthened. It takes longer than Dummy, though. A
// password that cannot be one costs the same and is wrong. Errors: ErrHash,
// keys.ErrUnknownPepper, ErrReleased, ErrClosed, the context's.
func (s *Slot) Verify(ctx context.Context, hash string, password Secret) (ok, upgrade bool, err error) {
	st, err := parseHash(hash)
	if err != nil {
		return false, false, err
	}
	in := input(password)
	defer clear(in)
	tag, err := s.tag(ctx, st, func() []byte { return st.throughLegacy(in) })
	if err != nil {
		return false, false, err
	}
	h := s.hasher
	ok = subtle.ConstantTimeCompare(tag, st.tag) == 1 && password.usable()
	stale := st.params.work() < h.params.work() || !slices.Equal(st.kids, []uint32{h.pepper.Current()}) || st.pre != ""
	return ok, ok && stale, nil
}

// Dummy takes as long as Verify and says nothing: for people who do not exist
// and for initial passwords, of which no hash is stored.
func (s *Slot) Dummy(ctx context.Context, password Secret) error {
	_, _, err := s.Verify(ctx, s.hasher.dummy, password)
	return err
}

// input returns the bytes of a password. The caller clears them; the strings
// they are made from stay until the collector takes them.
func input(s Secret) []byte {
	if !s.usable() {
		return nil
	}
	return []byte(s.Normalised())
}

// throughLegacy is what argon2id works on for a password: itself, or its legacy
// digest.
func (s stored) throughLegacy(password []byte) []byte {
	if s.pre == "" || password == nil {
		return password
	}
	old, _ := parseScheme(s.pre) // parseHash did it before
	return old.sum(password)
}

// seal hashes bytes with a new salt and the current parameters and key.
func (s *Slot) seal(ctx context.Context, in []byte, pre string) (string, error) {
	h := s.hasher
	st := stored{params: h.params, kids: []uint32{h.pepper.Current()}, pre: pre, salt: make([]byte, saltSize)}
	rand.Read(st.salt)
	var err error
	if st.tag, err = s.tag(ctx, st, func() []byte { return in }); err != nil {
		return "", err
	}
	return st.String(), nil
}

// tag runs argon2id in this slot and the keyed steps after it. in, too, runs in
// the slot: a legacy digest may be as much work as the rest.
func (s *Slot) tag(ctx context.Context, st stored, in func() []byte) ([]byte, error) {
	key := make([]byte, tagSize)
	defer clear(key)
	cost := argon2id.Params(st.params)
	if err := s.Do(ctx, func(a *argon2id.Arena) { a.Key(key, in(), st.salt, cost) }); err != nil {
		return nil, err
	}
	s.hasher.hashed.Add(1)
	return s.hasher.tagged(key, st.kids)
}
