package store_test

import (
	"crypto/rand"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// BenchmarkProofRow compares the session of a request of the app, whose proof is spent in a row of
// its own, with the same session without that: run both sub-benchmarks in turn (-count) and
// compare their medians.
func BenchmarkProofRow(b *testing.B) {
	e := newDeviceEnv(b)
	s := e.add("a")
	for _, tt := range []struct {
		name string
		read func() error
	}{
		{"without", func() error { _, err := e.db.OpenedSession(b.Context(), s.TokenDigest, s.Device); return err }},
		{"with", func() error {
			digest := make([]byte, 32)
			_, _ = rand.Read(digest)
			_, err := e.db.DeviceSession(b.Context(), s.TokenDigest, store.Proof{Thumbprint: s.Device, Digest: digest, ExpiresAt: e.db.Now().Add(4 * time.Minute)})
			return err
		}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			var failed atomic.Int64
			b.SetParallelism(8)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if tt.read() != nil {
						failed.Add(1)
					}
				}
			})
			if failed.Load() > 0 {
				b.Fatalf("%d failed", failed.Load())
			}
		})
	}
}

// BenchmarkProofPurge deletes expired rows of proofs and reports their size: at 3,300 requests a
// second, ten minutes of them have to go in one.
func BenchmarkProofPurge(b *testing.B) {
	const rows = 300_000
	db := storetest.Open(b, storetest.DSN(b))
	probe := storetest.ProbeOf(db)
	for b.Loop() {
		b.StopTimer()
		probe.MustExec(`TRUNCATE dpop_proofs`)
		probe.MustExec(`INSERT INTO dpop_proofs (center_id, proof_digest, expires_at)
			SELECT center_id, sha256(n::text::bytea), '2020-01-01'::timestamptz + n * interval '300 microseconds'
			FROM centers, generate_series(1, $1::int) n`, rows)
		var size int
		if err := probe.Get(&size, `SELECT pg_total_relation_size('dpop_proofs')`); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(size)/rows, "B/row")
		b.StartTimer()
		if err := db.Operations().Purge(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	var left int
	if err := probe.Get(&left, `SELECT count(*) FROM dpop_proofs`); err != nil || left > 0 {
		b.Fatalf("%d left, %v", left, err)
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
