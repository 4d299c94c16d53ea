package httpapi_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
	"fundpass/store/storetest"
)

const (
	stormCallers = 256
	quietChanges = 20 // of a round
)

// BenchmarkTwoCenters measures the calls of a citizen of one centre who changes the password,
// while the other centre of the process is idle, and while its citizens storm it and do not wait
// when they are refused. The centres share connections and places for hashing. In "one tenant"
// they also share one turn, as if they were one centre.
func BenchmarkTwoCenters(b *testing.B) {
	for _, v := range []struct {
		name    string
		tenants [2]string
	}{{"tenants", [2]string{"a", "b"}}, {"one tenant", [2]string{"both", "both"}}} {
		b.Run(v.name, func(b *testing.B) {
			first, second := twoCenters(b, v.tenants)
			storm := newStorm(first)
			d := &visitor{env: second, citizen: second.citizen()}
			d.client = second.linkedClient(d.citizen)
			var idle, stormed []time.Duration
			for b.Loop() {
				idle = append(idle, d.change(b)...)
				stop := storm.begin(b)
				stormed = append(stormed, d.change(b)...)
				stop()
			}
			quiet, loud := percentile(idle, 99), percentile(stormed, 99)
			b.ReportMetric(percentile(idle, 50)*1e3, "b_p50_idle_ms")
			b.ReportMetric(percentile(stormed, 50)*1e3, "b_p50_stormed_ms")
			b.ReportMetric(quiet*1e3, "b_p99_idle_ms")
			b.ReportMetric(loud*1e3, "b_p99_stormed_ms")
			b.ReportMetric(loud/quiet, "ratio")
			b.ReportMetric(float64(d.refused)/float64(b.N), "b_refused/round")
			b.ReportMetric(float64(storm.served.Load())/float64(b.N), "a_served/round")
			b.ReportMetric(float64(storm.refused.Load())/float64(b.N), "a_refused/round")
		})
	}
}

// twoCenters returns two centres of one process, with hashes of the usual cost.
func twoCenters(b *testing.B, tenants [2]string) (first, second *env) {
	b.Helper()
	dsns := [2]string{storetest.Shared(b), storetest.Shared(b)}
	server, err := store.Connect(b.Context(), store.ServerConfig{DSN: dsns[0]})
	must(b, err)
	b.Cleanup(func() { must(b, server.Close()) })
	pool := passwd.NewPool(passwd.PoolConfig{})
	b.Cleanup(pool.Close)
	var all [2]*env
	for i, dsn := range dsns {
		cipher, pepper := storetest.NewColumnCipher(b), storetest.NewPepper(b)
		center, app := storetest.CenterOf(dsn)
		db, err := server.OpenCenter(b.Context(), store.CenterConfig{Center: center, AppID: app, ColumnCipher: cipher, Pepper: pepper})
		must(b, err)
		all[i] = newEnvWith(b, dsn, cipher, pepper, func(c *Config) {
			c.Proof, c.RequestTime, c.DB = selfservice.ProofNone, 0, db
			c.Hasher = passwd.NewHasher(passwd.HasherConfig{Pepper: pepper, Pool: pool, Tenant: tenants[i]})
		})
	}
	return all[0], all[1]
}

// A visitor is a citizen who changes the password again and again.
type visitor struct {
	*env
	client  *client
	citizen citizen
	changes int
	refused int
}

// patience is how long a call is repeated. Without turns a refused visitor may starve.
const patience = 30 * time.Second

// change makes changes, for at most 20 s, and returns how long each call took until it succeeded,
// with the time for which the server asked to wait. It ends with the first that does not succeed.
func (d *visitor) change(b *testing.B) (took []time.Duration) {
	b.Helper()
	for begun := time.Now(); len(took) < 2*quietChanges && time.Since(begun) < 20*time.Second; {
		d.changes++
		next := inWords(d.changes)
		open, first := d.timed(b, changesPath, m{"id_number": d.citizen.IDNumber, "old_password": d.citizen.Password})
		took = append(took, first)
		if open.Code != "OK" {
			return took
		}
		confirmed, second := d.timed(b, changesPath+"/"+open.get(b, "id").(string)+"/confirm", twice(next))
		took = append(took, second)
		if confirmed.Code != "OK" {
			return took
		}
		d.citizen.Password = next
	}
	return took
}

func (d *visitor) timed(b *testing.B, path string, body m) (reply, time.Duration) {
	b.Helper()
	for begun := time.Now(); ; d.refused++ {
		r := d.client.post(path, body)
		if r.Code != "OK" && r.Code != "BUSY" {
			b.Fatal(r.Raw)
		}
		if r.Code == "OK" || time.Since(begun) > patience {
			return r, time.Since(begun)
		}
		time.Sleep(time.Duration(r.Retry) * time.Second)
	}
}

// A storm are citizens of a centre who begin changes without a pause.
type storm struct {
	env             *env
	clients         []*client
	citizens        []citizen
	served, refused atomic.Int64
}

func newStorm(h *env) *storm {
	s := &storm{env: h}
	for range stormCallers {
		c := h.citizen()
		s.citizens, s.clients = append(s.citizens, c), append(s.clients, h.linkedClient(c))
	}
	return s
}

// begin starts the storm, waits until callers are refused, and returns a function that ends it.
func (s *storm) begin(b *testing.B) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	before := s.refused.Load()
	var wg sync.WaitGroup
	for i, p := range s.clients {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				r := p.post(changesPath, s.env.changeOf(s.citizens[i], s.citizens[i].Password), key(fmt.Sprint(before, i, n)))
				switch r.Code {
				case "OK":
					s.served.Add(1)
				case "BUSY", "RESULT_UNKNOWN": // the second if the time of the request ends first
					s.refused.Add(1)
				default:
					b.Error(r.Raw)
					return
				}
			}
		})
	}
	for s.refused.Load() == before {
		time.Sleep(time.Millisecond)
	}
	return func() { cancel(); wg.Wait() }
}

// percentile returns a percentile in seconds.
func percentile(all []time.Duration, percent int) float64 {
	slices.Sort(all)
	return all[min(len(all)-1, len(all)*percent/100)].Seconds()
}
