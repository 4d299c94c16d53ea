//go:build !amd64

package argon2id

func compress(out, x, y *block, keepMask uint64) { compressPortable(out, x, y, keepMask) }
