package httpapi_test

import (
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/crypto/argon2"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// The benchmarks of this file report ratios; both sides run alternately in one process.

// fullHasher returns a hasher with production costs.
func fullHasher(h *env) envOption {
	return func(c *Config) {
		slots := runtime.NumCPU()
		c.Hasher = passwd.NewHasher(passwd.HasherConfig{Pepper: h.pepper, Slots: slots})
		h.t.Cleanup(c.Hasher.Close)
	}
}

// BenchmarkPasswordStatus compares GET /v1/password with an Echo handler that makes the same
// two indexed reads with prepared statements. Both run over HTTP.
func BenchmarkPasswordStatus(b *testing.B) {
	h := newEnv(b)
	p := h.linkedClient(h.citizen())
	bare := httptest.NewServer(bareEcho(b, h, p))
	defer bare.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
	get := func(url string, times int) time.Duration {
		begun := time.Now()
		for range times {
			req, _ := http.NewRequest("GET", url, nil)
			req.Header.Set("Authorization", "Bearer "+p.token)
			rsp, err := client.Do(req)
			if err != nil || rsp.StatusCode != 200 {
				b.Fatal(rsp, err)
			}
			io.Copy(io.Discard, rsp.Body)
			rsp.Body.Close()
		}
		return time.Since(begun)
	}
	var ours, theirs []float64
	const turn = 50
	for b.Loop() {
		theirs = append(theirs, get(bare.URL+"/v1/password", turn).Seconds()/turn)
		ours = append(ours, get(h.url+"/v1/password", turn).Seconds()/turn)
	}
	b.ReportMetric(median(ours)*1e6, "µs/fundpass")
	b.ReportMetric(median(theirs)*1e6, "µs/bare")
	b.ReportMetric(median(ours)/median(theirs), "ratio")
}

func bareEcho(b *testing.B, h *env, p *client) http.Handler {
	db, err := sql.Open("postgres", h.dsn)
	must(b, err)
	b.Cleanup(func() { db.Close() })
	session, err := db.Prepare(`SELECT s.identity_digest, s.sealed, s.seen_at, l.account_id, l.person_digest FROM sessions s
		LEFT JOIN links l ON l.center_id = s.center_id AND l.provider = s.provider AND l.identity_digest = s.identity_digest
		WHERE s.center_id = $1 AND s.token_digest = $2`)
	must(b, err)
	status, err := db.Prepare(`SELECT c.state, a.status, c.changed_at, coalesce(b.attempts, 0), coalesce(b.tier, 0), b.locked_until
		FROM password_credentials c
		JOIN accounts a ON a.center_id = c.center_id AND a.account_id = c.account_id
		LEFT JOIN lockouts b ON b.center_id = c.center_id AND b.person_digest = $3 AND b.scope = $4
		WHERE c.center_id = $1 AND c.account_id = $2 AND c.kind = 'password'`)
	must(b, err)
	var token []byte
	must(b, db.QueryRow(`SELECT token_digest FROM sessions`).Scan(&token))
	rules := h.server.Policy.Public()
	e := echo.New()
	e.GET("/v1/password", func(c echo.Context) error {
		var identity, sealed, person []byte
		var account, state, code string
		var seen time.Time
		var changed, locked *time.Time
		var attempts, tier int
		ctx := c.Request().Context()
		if err := session.QueryRowContext(ctx, h.center, token).Scan(&identity, &sealed, &seen, &account, &person); err != nil {
			return err
		}
		if err := status.QueryRowContext(ctx, h.center, account, person, store.OwnerScope).Scan(&state, &code, &changed, &attempts, &tier, &locked); err != nil {
			return err
		}
		return c.JSON(200, map[string]any{"state": state, "changed_at": changed, "remaining_attempts": 5 - attempts, "locked_until": locked, "rules": rules})
	})
	return e
}

func median(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/2]
}

// cpu returns the processor time of this process.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// bareHashes returns the processor time of n argon2id hashes.
func bareHashes(n int) time.Duration {
	begun := cpu()
	for i := range n {
		argon2.IDKey(fmt.Appendf(nil, "password %d", i), []byte("sixteen bytes of"), 2, 19*1024, 1, 32)
	}
	return cpu() - begun
}

// BenchmarkChange compares the processor time of a change over HTTP, including the client, with
// that of its two argon2id hashes.
func BenchmarkChange(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			h := newEnv(b)
			h.server = h.newServer(fullHasher(h))
			h.url = h.listen(h.server)
			clients := make([]*client, callers)
			people := make([]citizen, callers)
			for i := range clients {
				people[i] = h.citizen()
				clients[i] = h.linkedClient(people[i])
			}
			var ours, theirs []float64
			var shed atomic.Int64
			rounds, peak := 0, 0.0
			for b.Loop() {
				rounds++
				theirs = append(theirs, bareHashes(2*8).Seconds()/8)
				forgetPeak()
				var done atomic.Int64
				begun := cpu()
				var wg sync.WaitGroup
				for i := range clients {
					wg.Go(func() {
						for range max(1, 8/callers) {
							changeOnce(h, clients[i], &people[i], inWords(rounds*1000+int(done.Add(1))), &shed)
						}
					})
				}
				wg.Wait()
				ours = append(ours, (cpu()-begun).Seconds()/float64(done.Load()))
				peak = max(peak, peakMB())
			}
			b.ReportMetric(median(ours)*1e3, "cpu-ms/change")
			b.ReportMetric(median(theirs)*1e3, "cpu-ms/two-hashes")
			b.ReportMetric(median(ours)/median(theirs), "ratio")
			b.ReportMetric(float64(shed.Load())/float64(b.N), "shed/round")
			b.ReportMetric(peak, "peak-MB")
		})
	}
}

// comeBack waits as long as a busy server asks, plus a random time, because citizens do not act
// in step.
func comeBack(r reply) {
	wait := time.Duration(r.Retry) * time.Second
	time.Sleep(wait + rand.N(wait+1))
}

// inWords spells a number, so that no rule about digits or sequences applies.
func inWords(n int) string {
	words := []string{"Owl", "Fox", "Elk", "Hen", "Cod", "Bee", "Yak", "Gnu", "Rat", "Ibis"}
	var b strings.Builder
	for _, digit := range fmt.Sprintf("%06d", n) {
		b.WriteString(words[digit-'0'])
	}
	return b.String()
}

// forgetPeak frees memory and resets peakMB (Linux, proc(5)).
func forgetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// changeOnce makes one change and retries as the server asks.
func changeOnce(h *env, p *client, c *citizen, next string, shed *atomic.Int64) {
	again := func(call func() reply) reply {
		for {
			r := call()
			if r.Code == "OK" {
				return r
			}
			if r.Code != "BUSY" {
				panic(r.Raw)
			}
			shed.Add(1)
			comeBack(r)
		}
	}
	open := again(func() reply {
		return p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password})
	})
	path := "/v1/password/changes/" + open.get(h.t, "id").(string) + "/confirm"
	again(func() reply { return p.post(path, twice(next)) })
	c.Password = next
}

// peakMB returns the peak memory of this process in MB.
func peakMB() float64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			return kb / 1024
		}
	}
	return 0
}
