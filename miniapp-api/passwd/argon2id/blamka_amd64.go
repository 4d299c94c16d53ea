package argon2id

import "golang.org/x/sys/cpu"

// compress is compressPortable in the fastest way that the processor offers. A hash spends
// 97 % of a password change here, and the compiler does not use vector instructions.
func compress(out, x, y *block, keepMask uint64) {
	if cpu.X86.HasAVX2 {
		compressAVX2(out, x, y, keepMask)
		return
	}
	compressPortable(out, x, y, keepMask)
}

//go:noescape
func compressAVX2(out, x, y *block, keepMask uint64)
