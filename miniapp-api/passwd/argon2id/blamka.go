package argon2id

import "math/bits"

// The functions in this file access only memory of the calling worker. They are excluded from the race
// detector, which would make a hash ten times slower.

// A compression is one call of the compression function G, RFC 9106 section 3.5.
type compression struct {
	out, x, y *block
	q         block
	keepMask  uint64
}

// compressPortable writes G(x, y), XORed with the bits of out in keepMask, to out. out may be x
// or y.
//
//go:norace
func compressPortable(out, x, y *block, keepMask uint64) {
	m := compression{out: out, x: x, y: y, keepMask: keepMask}
	for i := 0; i < blockWords; i += 16 {
		m.row(i)
	}
	for i := 0; i < 16; i += 2 {
		m.column(i)
	}
}

// row applies the permutation P of section 3.6 to a row of x XOR y and writes it to q.
// Like column, it is unrolled so that the compiler keeps the words in registers, because
// a hash spends most of its time here.
//
//go:norace
func (m *compression) row(i int) {
	q, x, y := (*[16]uint64)(m.q[i:]), (*[16]uint64)(m.x[i:]), (*[16]uint64)(m.y[i:])
	v0, v1, v2, v3 := x[0]^y[0], x[1]^y[1], x[2]^y[2], x[3]^y[3]
	v4, v5, v6, v7 := x[4]^y[4], x[5]^y[5], x[6]^y[6], x[7]^y[7]
	v8, v9, v10, v11 := x[8]^y[8], x[9]^y[9], x[10]^y[10], x[11]^y[11]
	v12, v13, v14, v15 := x[12]^y[12], x[13]^y[13], x[14]^y[14], x[15]^y[15]
	v0, v4, v8, v12 = secondHalf(firstHalf(v0, v4, v8, v12))
	v1, v5, v9, v13 = secondHalf(firstHalf(v1, v5, v9, v13))
	v2, v6, v10, v14 = secondHalf(firstHalf(v2, v6, v10, v14))
	v3, v7, v11, v15 = secondHalf(firstHalf(v3, v7, v11, v15))
	v0, v5, v10, v15 = secondHalf(firstHalf(v0, v5, v10, v15))
	v1, v6, v11, v12 = secondHalf(firstHalf(v1, v6, v11, v12))
	v2, v7, v8, v13 = secondHalf(firstHalf(v2, v7, v8, v13))
	v3, v4, v9, v14 = secondHalf(firstHalf(v3, v4, v9, v14))
	q[0], q[1], q[2], q[3] = v0, v1, v2, v3
	q[4], q[5], q[6], q[7] = v4, v5, v6, v7
	q[8], q[9], q[10], q[11] = v8, v9, v10, v11
	q[12], q[13], q[14], q[15] = v12, v13, v14, v15
}

// column applies P to a column of q and the final XOR of G with x, y and out.
//
//go:norace
func (m *compression) column(i int) {
	out, q, keepMask := (*[114]uint64)(m.out[i:]), (*[114]uint64)(m.q[i:]), m.keepMask
	x, y := (*[114]uint64)(m.x[i:]), (*[114]uint64)(m.y[i:])
	v0, v1, v2, v3 := q[0], q[1], q[16], q[17]
	v4, v5, v6, v7 := q[32], q[33], q[48], q[49]
	v8, v9, v10, v11 := q[64], q[65], q[80], q[81]
	v12, v13, v14, v15 := q[96], q[97], q[112], q[113]
	v0, v4, v8, v12 = secondHalf(firstHalf(v0, v4, v8, v12))
	v1, v5, v9, v13 = secondHalf(firstHalf(v1, v5, v9, v13))
	v2, v6, v10, v14 = secondHalf(firstHalf(v2, v6, v10, v14))
	v3, v7, v11, v15 = secondHalf(firstHalf(v3, v7, v11, v15))
	v0, v5, v10, v15 = secondHalf(firstHalf(v0, v5, v10, v15))
	v1, v6, v11, v12 = secondHalf(firstHalf(v1, v6, v11, v12))
	v2, v7, v8, v13 = secondHalf(firstHalf(v2, v7, v8, v13))
	v3, v4, v9, v14 = secondHalf(firstHalf(v3, v4, v9, v14))
	out[0] = out[0]&keepMask ^ x[0] ^ y[0] ^ v0
	out[1] = out[1]&keepMask ^ x[1] ^ y[1] ^ v1
	out[16] = out[16]&keepMask ^ x[16] ^ y[16] ^ v2
	out[17] = out[17]&keepMask ^ x[17] ^ y[17] ^ v3
	out[32] = out[32]&keepMask ^ x[32] ^ y[32] ^ v4
	out[33] = out[33]&keepMask ^ x[33] ^ y[33] ^ v5
	out[48] = out[48]&keepMask ^ x[48] ^ y[48] ^ v6
	out[49] = out[49]&keepMask ^ x[49] ^ y[49] ^ v7
	out[64] = out[64]&keepMask ^ x[64] ^ y[64] ^ v8
	out[65] = out[65]&keepMask ^ x[65] ^ y[65] ^ v9
	out[80] = out[80]&keepMask ^ x[80] ^ y[80] ^ v10
	out[81] = out[81]&keepMask ^ x[81] ^ y[81] ^ v11
	out[96] = out[96]&keepMask ^ x[96] ^ y[96] ^ v12
	out[97] = out[97]&keepMask ^ x[97] ^ y[97] ^ v13
	out[112] = out[112]&keepMask ^ x[112] ^ y[112] ^ v14
	out[113] = out[113]&keepMask ^ x[113] ^ y[113] ^ v15
}

// firstHalf and secondHalf are the halves of GB, section 3.6, small enough to be inlined.
func firstHalf(a, b, c, d uint64) (uint64, uint64, uint64, uint64) {
	a = multiplyAdd(a, b)
	d = bits.RotateLeft64(d^a, -32)
	c = multiplyAdd(c, d)
	b = bits.RotateLeft64(b^c, -24)
	return a, b, c, d
}

func secondHalf(a, b, c, d uint64) (uint64, uint64, uint64, uint64) {
	a = multiplyAdd(a, b)
	d = bits.RotateLeft64(d^a, -16)
	c = multiplyAdd(c, d)
	b = bits.RotateLeft64(b^c, -63)
	return a, b, c, d
}

func multiplyAdd(x, y uint64) uint64 { return x + y + 2*uint64(uint32(x))*uint64(uint32(y)) }
