package argon2id

import (
	"bytes"
	"encoding/binary"
	"sync"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/blake2b"
)

// Version is the version of argon2 in the text of a hash: 1.3.
const Version = argon2.Version

// Params is the cost of one key.
type Params struct {
	Memory  uint32 // KiB
	Time    uint32 // passes over the memory
	Threads uint8  // 1 is computed in the Arena, more by x/crypto
}

// An Arena computes argon2id (RFC 9106) in memory that it reuses. The zero Arena is ready to use, by one
// goroutine at a time.
//
// x/crypto/argon2 allocates new memory for every key and computes in its own goroutines, so that its
// caller controls neither the memory nor the thread. This package therefore implements the case that
// is used most, a single thread, and leaves the others to x/crypto. NewPool compares the two once, and
// the tests do so for random parameters.
type Arena struct {
	blocks   []block
	portable bool // in tests: compress without instructions that not every processor has
}

const (
	blockWords  = 128 // of 8 bytes: a block has 1 KiB
	syncPoints  = 4   // slices of a pass
	variant     = 2   // argon2id, RFC 9106 section 3.2
	blockSize   = 8 * blockWords
	h0Size      = blake2b.Size
	firstBlocks = 2 // computed from the password, not from other blocks
)

type block [blockWords]uint64

// Key fills out with the argon2id key of a password and a salt. It panics for an empty
// output, no pass or no thread, because it would otherwise return bytes of earlier
// hashes.
func (a *Arena) Key(out, password, salt []byte, p Params) {
	if len(out) == 0 || p.Time == 0 || p.Threads == 0 {
		panic("argon2id: no output, no pass or no thread")
	}
	if p.Threads != 1 {
		k := argon2.IDKey(password, salt, p.Time, p.Memory, p.Threads, uint32(len(out)))
		copy(out, k)
		clear(k)
		return
	}
	a.resize(max(int(p.Memory)/syncPoints, firstBlocks) * syncPoints)
	a.start(uint32(len(out)), password, salt, p)
	for pass := range p.Time {
		for slice := range uint32(syncPoints) {
			a.segment(pass, slice, p.Time)
		}
	}
	var last [blockSize]byte
	a.blocks[len(a.blocks)-1].put(&last)
	longHash(out, last[:])
	clear(last[:])
}

// resize sets the number of blocks and reuses the memory of earlier hashes. It does not
// clear it, because the first pass writes every block before reading it.
func (a *Arena) resize(n int) {
	if cap(a.blocks) < n {
		a.blocks = make([]block, n)
	}
	a.blocks = a.blocks[:n]
}

// start computes the first blocks, RFC 9106 section 3.2, steps 1 to 4.
func (a *Arena) start(outSize uint32, password, salt []byte, p Params) {
	h, _ := blake2b.New512(nil) // fails only with an invalid key
	word := func(n uint32) { h.Write(binary.LittleEndian.AppendUint32(nil, n)) }
	for _, n := range []uint32{1, outSize, p.Memory, p.Time, Version, variant} {
		word(n)
	}
	for _, part := range [][]byte{password, salt, nil, nil} { // no secret, no associated data
		word(uint32(len(part)))
		h.Write(part)
	}
	var seed [h0Size + 8]byte
	h.Sum(seed[:0])
	var buf [blockSize]byte
	for i := range uint32(firstBlocks) {
		binary.LittleEndian.PutUint32(seed[h0Size:], i)
		longHash(buf[:], seed[:])
		a.blocks[i].get(&buf)
	}
	clear(seed[:])
	clear(buf[:])
}

// segment fills a segment of the memory, RFC 9106 section 3.2, steps 5 and 6.
func (a *Arena) segment(pass, slice, time uint32) {
	n := uint32(len(a.blocks))
	at := position{pass: pass, slice: slice, segmentLength: n / syncPoints}
	keepMask := ^uint64(0)
	if pass == 0 {
		keepMask = 0 // there is no earlier pass
		if slice == 0 {
			at.index = firstBlocks
		}
	}
	independent := pass == 0 && slice < syncPoints/2
	counter := block{0: uint64(pass), 2: uint64(slice), 3: uint64(n), 4: uint64(time), 5: variant}
	var zero, addresses block
	for ; at.index < at.segmentLength; at.index++ {
		now := slice*at.segmentLength + at.index
		before := &a.blocks[(now+n-1)%n]
		random := before[0]
		if independent {
			if counter[6] == 0 || at.index%blockWords == 0 {
				counter[6]++
				a.compress(&addresses, &zero, &counter, 0)
				a.compress(&addresses, &zero, &addresses, 0)
			}
			random = addresses[at.index%blockWords]
		}
		a.compress(&a.blocks[now], before, &a.blocks[at.reference(random)], keepMask)
	}
}

func (a *Arena) compress(out, x, y *block, keepMask uint64) {
	if a.portable {
		compressPortable(out, x, y, keepMask)
		return
	}
	compress(out, x, y, keepMask)
}

// A position identifies the block to fill by its index within its segment.
type position struct{ pass, slice, index, segmentLength uint32 }

// reference returns the index of the block to mix in, RFC 9106 section 3.4.2, for one
// lane.
func (p position) reference(random uint64) uint32 {
	area, begin := p.slice*p.segmentLength+p.index-1, uint32(0)
	if p.pass > 0 {
		area, begin = (syncPoints-1)*p.segmentLength+p.index-1, (p.slice+1)%syncPoints*p.segmentLength
	}
	x := random & 0xffffffff
	x = x * x >> 32
	x = uint64(area) * x >> 32
	return (begin + area - 1 - uint32(x)) % (syncPoints * p.segmentLength)
}

func (b *block) get(from *[blockSize]byte) {
	for i := range b {
		b[i] = binary.LittleEndian.Uint64(from[8*i:])
	}
}

func (b *block) put(to *[blockSize]byte) {
	for i, w := range b {
		binary.LittleEndian.PutUint64(to[8*i:], w)
	}
}

// longHash is H' of RFC 9106 section 3.3: BLAKE2b with an output of any length.
func longHash(out, in []byte) {
	in = append(binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(in)), uint32(len(out))), in...)
	defer clear(in)
	for len(out) > blake2b.Size {
		sum := blake2b.Sum512(in)
		n := copy(out, sum[:blake2b.Size/2])
		out, in = out[n:], append(in[:0], sum[:]...)
	}
	h, _ := blake2b.New(len(out), nil) // fails only for an invalid size or key
	h.Write(in)
	h.Sum(out[:0])
}

// selfTest compares the arena with x/crypto, so that a processor or compiler that
// computes it wrong does not make hashes that no other can verify.
var selfTest = sync.OnceFunc(func() {
	var a Arena
	var got [32]byte
	password, salt := []byte("password"), []byte("somesaltsomesalt")
	a.Key(got[:], password, salt, Params{Memory: 64, Time: 2, Threads: 1})
	if !bytes.Equal(got[:], argon2.IDKey(password, salt, 2, 64, 1, uint32(len(got)))) {
		panic("argon2id: the arena does not agree with x/crypto")
	}
})
