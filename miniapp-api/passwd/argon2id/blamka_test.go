package argon2id

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// checkCompress compares compress with compressPortable, for a separate output and for one
// that is x or y.
func checkCompress(t *testing.T, out, x, y block) {
	t.Helper()
	for _, keepMask := range []uint64{0, ^uint64(0)} {
		want := out
		compressPortable(&want, &x, &y, keepMask)
		got, before := out, [2]block{x, y}
		compress(&got, &x, &y, keepMask)
		if got != want || [2]block{x, y} != before {
			t.Fatalf("keep mask %x: compress differs from compressPortable for x = %x, y = %x, out = %x", keepMask, x, y, out)
		}
		wantX, gotX := x, x
		compressPortable(&wantX, &wantX, &y, keepMask)
		compress(&gotX, &gotX, &y, keepMask)
		wantY, gotY := y, y
		compressPortable(&wantY, &x, &wantY, keepMask)
		compress(&gotY, &x, &gotY, keepMask)
		if gotX != wantX || gotY != wantY {
			t.Fatalf("keep mask %x: compress to x or y differs from compressPortable for x = %x, y = %x", keepMask, x, y)
		}
	}
}

func fill(word func() uint64) (b block) {
	for i := range b {
		b[i] = word()
	}
	return b
}

// TestCompress compares the two implementations for random blocks and for words at the limits
// of carries and products.
func TestCompress(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		checkCompress(t, fill(random.Uint64), fill(random.Uint64), fill(random.Uint64))
	}
	words := []uint64{0, 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, ^uint64(0), 0xaaaaaaaaaaaaaaaa}
	edge := func() uint64 { return words[random.IntN(len(words))] }
	for _, x := range words {
		for _, y := range words {
			checkCompress(t, fill(edge), fill(func() uint64 { return x }), fill(func() uint64 { return y }))
		}
	}
	for range 1000 {
		checkCompress(t, fill(edge), fill(edge), fill(edge))
	}
	for i := range blockWords { // a single bit
		var x block
		x[i] = 1 << (i % 64)
		checkCompress(t, block{}, x, block{})
	}
}

func FuzzCompress(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0xff})
	f.Add([]byte{0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, bytes []byte) {
		at := 0
		word := func() uint64 { // repeats the input
			var b [8]byte
			for i := range b {
				if len(bytes) > 0 {
					b[i] = bytes[at%len(bytes)]
				}
				at++
			}
			return binary.LittleEndian.Uint64(b[:])
		}
		checkCompress(t, fill(word), fill(word), fill(word))
	})
}
