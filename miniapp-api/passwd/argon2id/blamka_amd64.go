package argon2id

import "golang.org/x/sys/cpu"

// compress does what compressPortable does, with AVX2 if the processor has it.
func compress(out, x, y *block, keepMask uint64) {
	if cpu.X86.HasAVX2 {
		compressAVX2(out, x, y, keepMask)
		return
	}
	compressPortable(out, x, y, keepMask)
}

//go:noescape
func compressAVX2(out, x, y *block, keepMask uint64)
