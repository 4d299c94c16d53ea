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

// ErrPassword is returned for a string that cannot be a password.
var ErrPassword = errors.New("passwd: empty, too long or not UTF-8")

// Errors of the pool of a Hasher. ErrBusy is a BusyError, which says when to retry; nothing was
// done.
var (
	ErrBusy     = argon2id.ErrBusy
	ErrClosed   = argon2id.ErrClosed
	ErrReleased = argon2id.ErrReleased
)

// Types of package argon2id that users of a Hasher need.
type (
	Caller     = argon2id.Caller
	BusyError  = argon2id.BusyError
	Pool       = argon2id.Pool
	PoolConfig = argon2id.Config
)

// NewPool starts a pool for several Hashers; see argon2id.NewPool.
func NewPool(c PoolConfig) *Pool { return argon2id.NewPool(c) }

// The default cost is the first choice of OWASP's password storage cheat sheet. It allows about
// 50 verifications per second and core.
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
	Threads uint8  // 1 by default; with more, every hash allocates its memory

	// Of the Hasher's own pool.
	Slots int           // hashes at once, as many as processors by default
	Wait  time.Duration // the longest wait for a slot, 2 s by default

	// Pool is shared with other Hashers instead, fairly between their tenants. Slots and
	// Wait are then those of the pool.
	Pool   *Pool
	Tenant string
}

// A Hasher hashes passwords in the places of a Pool. Callers wait for a place for at most
// the pool's Wait; others get ErrBusy. It is safe for concurrent use.
type Hasher struct {
	pepper *keys.Pepper
	params params
	dummy  string
	own    *Pool // nil if the pool is shared
	tenant *argon2id.Tenant
	hashed atomic.Int64
}

// NewHasher starts the pool, unless it is shared; Close stops it. It panics without a Pepper
// and for a cost out of the bounds of a stored hash, which are errors of the program.
func NewHasher(c HasherConfig) *Hasher {
	h := &Hasher{pepper: c.Pepper}
	h.params = params{cmp.Or(c.Memory, defaultMemory), cmp.Or(c.Time, defaultTime), cmp.Or(c.Threads, defaultThreads)}
	if h.pepper == nil || !h.params.valid() {
		panic("passwd: NewHasher: no pepper, or cost out of bounds")
	}
	pool := c.Pool
	if pool == nil {
		pool = NewPool(PoolConfig{Slots: c.Slots, Wait: c.Wait})
		h.own = pool
	}
	h.tenant = pool.Tenant(c.Tenant)
	unknown := stored{params: h.params, kids: []uint32{h.pepper.Current()}, salt: make([]byte, saltSize), tag: make([]byte, tagSize)}
	rand.Read(unknown.salt)
	rand.Read(unknown.tag)
	h.dummy = unknown.String()
	return h
}

// Close stops the Hasher's own pool. Running hashes are finished; later and waiting calls
// return ErrClosed. It does nothing to a shared pool.
func (h *Hasher) Close() {
	if h.own != nil {
		h.own.Close()
	}
}

// Waiting returns the number of the tenant's callers that wait for a place.
func (h *Hasher) Waiting() int { return h.tenant.Waiting() }

// Hashed returns the number of hashes computed so far.
func (h *Hasher) Hashed() int64 { return h.hashed.Load() }

// A Slot is a place in the pool, in which a Hasher hashes. See argon2id.Slot.
type Slot struct {
	*argon2id.Slot
	hasher *Hasher
}

// Reserve reserves a place in the pool, or waits for one; see argon2id.Pool.Reserve. It
// returns ErrBusy, ErrClosed or the error of ctx.
func (h *Hasher) Reserve(ctx context.Context, c Caller) (*Slot, error) {
	slot, err := h.tenant.Reserve(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Slot{slot, h}, nil
}

// Hash reserves a place for the program itself and calls Slot.Hash.
func (h *Hasher) Hash(ctx context.Context, s Secret) (string, error) {
	slot, err := h.Reserve(ctx, Caller{})
	if err != nil {
		return "", err
	}
	defer slot.Release()
	return slot.Hash(ctx, s)
}

// Verify reserves a place for the program itself and calls Slot.Verify.
func (h *Hasher) Verify(ctx context.Context, hash string, s Secret) (ok, upgrade bool, err error) {
	slot, err := h.Reserve(ctx, Caller{})
	if err != nil {
		return false, false, err
	}
	defer slot.Release()
	return slot.Verify(ctx, hash, s)
}

// Dummy reserves a place for the program itself and calls Slot.Dummy.
func (h *Hasher) Dummy(ctx context.Context, s Secret) error {
	slot, err := h.Reserve(ctx, Caller{})
	if err != nil {
		return err
	}
	defer slot.Release()
	return slot.Dummy(ctx, s)
}

// Hash returns the hash to store for a password. It hashes the complete password in NFC,
// without trimming. It returns ErrPassword, ErrReleased, ErrClosed or the error of ctx.
func (s *Slot) Hash(ctx context.Context, password Secret) (string, error) {
	if !password.usable() {
		return "", ErrPassword
	}
	in := passwordBytes(password)
	defer clear(in)
	return s.seal(ctx, in, "")
}

// Verify reports whether password matches hash, and whether the caller should store a new
// hash: if the cost is lower than the current one, if the newest pepper key is not the
// only one, or if it contains a legacy digest. A hash of a higher cost is not replaced
// for that alone, because a server with an old setting must not undo what another one
// strengthened; it takes longer than Dummy, though. A string that cannot be a password
// costs the same and does not match. Verify returns ErrHash, keys.ErrUnknownPepper,
// ErrReleased, ErrClosed or the error of ctx.
func (s *Slot) Verify(ctx context.Context, hash string, password Secret) (ok, upgrade bool, err error) {
	st, err := parseHash(hash)
	if err != nil {
		return false, false, err
	}
	in := passwordBytes(password)
	defer clear(in)
	tag, err := s.tag(ctx, st, func() []byte { return st.legacyInput(in) })
	if err != nil {
		return false, false, err
	}
	h := s.hasher
	ok = subtle.ConstantTimeCompare(tag, st.tag) == 1 && password.usable()
	stale := st.params.work() < h.params.work() || !slices.Equal(st.kids, []uint32{h.pepper.Current()}) || st.pre != ""
	return ok, ok && stale, nil
}

// Dummy takes as long as Verify and has no result. It is for people who do not exist and
// for initial passwords, for which no hash is stored.
func (s *Slot) Dummy(ctx context.Context, password Secret) error {
	_, _, err := s.Verify(ctx, s.hasher.dummy, password)
	return err
}

// passwordBytes returns the bytes of a password. The caller clears them; the strings that
// they come from remain until they are garbage collected.
func passwordBytes(s Secret) []byte {
	if !s.usable() {
		return nil
	}
	return []byte(s.Normalised())
}

// legacyInput returns the input of argon2id for a password: the password itself or its
// legacy digest.
func (s stored) legacyInput(password []byte) []byte {
	if s.pre == "" || password == nil {
		return password
	}
	old, _ := parseScheme(s.pre) // parseHash has checked it
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

// tag computes argon2id in this slot and applies the pepper keys. It calls in in the
// slot, too, because a legacy digest may take as long as argon2id.
func (s *Slot) tag(ctx context.Context, st stored, in func() []byte) ([]byte, error) {
	key := make([]byte, tagSize)
	defer clear(key)
	cost := argon2id.Params(st.params)
	if err := s.Do(ctx, func(a *argon2id.Arena) { a.Key(key, in(), st.salt, cost) }); err != nil {
		return nil, err
	}
	s.hasher.hashed.Add(1)
	return s.hasher.applyPepper(key, st.kids)
}
