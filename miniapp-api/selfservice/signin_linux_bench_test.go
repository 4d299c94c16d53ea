package selfservice

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/passwd"
)

// BenchmarkSignIn compares the CPU time of a sign-in in this process with that of one hash of
// the usual cost.
func BenchmarkSignIn(b *testing.B) {
	h := newSignInCentre(b)
	hasher := passwd.NewHasher(passwd.HasherConfig{Pepper: h.pepper, Slots: 1, Wait: testenv.Patience})
	b.Cleanup(hasher.Close)
	h.hasher = hasher
	d := h.depositor(1)
	hash, err := hasher.Hash(b.Context(), passwd.NewSecret(rightPassword1))
	must(b, err)
	var signing, hashing time.Duration
	for i := 0; b.Loop(); i++ {
		begun := cpuTime(b)
		in := formOf(d, rightPassword1)
		in.TokenDigest = []byte(uuid.NewString())
		_, err := h.SignIn(b.Context(), browser(fmt.Sprint(i), "192.0.2.1"), in)
		must(b, err)
		between := cpuTime(b)
		slot, err := hasher.Reserve(b.Context(), passwd.Caller{})
		must(b, err)
		if right, _, err := slot.Verify(b.Context(), hash, passwd.NewSecret(rightPassword1)); err != nil || !right {
			b.Fatal(right, err)
		}
		slot.Release()
		signing, hashing = signing+between-begun, hashing+cpuTime(b)-between
	}
	b.ReportMetric(float64(signing.Microseconds())/float64(b.N), "µs-CPU/sign-in")
	b.ReportMetric(float64(hashing.Microseconds())/float64(b.N), "µs-CPU/hash")
	b.ReportMetric(float64(signing)/float64(hashing), "ratio")
}

// cpuTime returns the CPU time of this process.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
