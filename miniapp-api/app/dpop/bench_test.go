package dpop

import (
	"crypto/ecdsa"
	"net/http"
	"slices"
	"testing"
	"time"
)

// BenchmarkVerify compares the check of a proof with the one ES256 verification that it cannot
// do without. Both alternate, and the metric is the ratio of their medians, so that other work
// on the machine meets both alike.
func BenchmarkVerify(b *testing.B) {
	p := newProver(b)
	proof := p.proof(b, goodClaims())
	h, v := http.Header{"Dpop": {proof}}, Verifier{Nonces: testNonces}
	sum := sum256(proof)
	r, s, err := ecdsa.Sign(nil, p.key, sum)
	if err != nil {
		b.Fatal(err)
	}
	var checks, verifications []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if _, err := v.Verify(h, testRequest, testTime); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if !ecdsa.Verify(&p.key.PublicKey, sum, r, s) {
			b.Fatal("signature")
		}
		checks, verifications = append(checks, middle.Sub(start)), append(verifications, time.Since(middle))
	}
	slices.Sort(checks)
	slices.Sort(verifications)
	middle := len(checks) / 2
	b.ReportMetric(float64(checks[middle])/float64(verifications[middle]), "of-ES256")
}
