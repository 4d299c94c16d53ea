package httpapi_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"fundpass/store/storetest"
)

// BenchmarkPurgeBesideReads measures GET /v1/password alone and during Purge, which finds two
// million old rows. x-idle is the ratio of the two 99th percentiles, rows the number of rows
// that one call deletes per kind within its minute. Run it with -benchtime=1x.
func BenchmarkPurgeBesideReads(b *testing.B) {
	const rows = 2_000_000
	h := newEnv(b)
	p := h.linkedClient(h.citizen())
	var idle, beside []time.Duration
	var went int
	for b.Loop() {
		h.exec(`INSERT INTO idempotency_records (center_id, scope, key_digest, request_digest, run, lease_until, created_at)
			SELECT $1, sha256(i::text::bytea), sha256('k'), sha256('r'), gen_random_uuid(), $2::timestamptz, $2::timestamptz FROM generate_series(1, $3::int) i`,
			storetest.Center, time.Now().AddDate(0, 0, -30), rows)
		h.exec(`ANALYZE idempotency_records`) // as autovacuum does
		h.exec(`CHECKPOINT`)
		idle = append(idle, p.look(b, 5*time.Second, nil)...)
		purged := make(chan struct{})
		go func() {
			defer close(purged)
			if err := h.db.Operations().Purge(context.Background()); err != nil {
				b.Error(err)
			}
		}()
		beside = append(beside, p.look(b, time.Hour, purged)...)
		kept := h.count(`SELECT count(*) FROM idempotency_records`)
		went += rows - kept
		h.exec(`TRUNCATE idempotency_records`)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(went)/float64(b.N), "rows")
	b.ReportMetric(p99(idle), "p99-idle-µs")
	b.ReportMetric(p99(beside), "p99-beside-µs")
	b.ReportMetric(p99(beside)/p99(idle), "x-idle")
}

// look requests the password's state 100 times per second until the end.
func (p *client) look(b *testing.B, limit time.Duration, end <-chan struct{}) (took []time.Duration) {
	b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for stop := time.After(limit); ; {
		select {
		case <-stop:
			return took
		case <-end:
			return took
		case <-tick.C:
		}
		begun := time.Now()
		req, err := http.NewRequest("GET", p.url+"/v1/password", nil)
		must(b, err)
		req.Header.Set("Authorization", "Bearer "+p.token)
		rsp, err := http.DefaultClient.Do(req)
		must(b, err)
		_, err = io.Copy(io.Discard, rsp.Body)
		must(b, err)
		must(b, rsp.Body.Close())
		if rsp.StatusCode != http.StatusOK {
			b.Fatal(rsp.Status)
		}
		took = append(took, time.Since(begun))
	}
}

func p99(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)*99/100].Microseconds())
}
