package miniapp

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/keys"
	"fundpass/signing/alipaysim"
)

// callbackKey is a key the tests sign with as Alipay.
var callbackKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// A besieged house is in certificate mode and has one genuine sender and many forgers,
// who name certificates nobody holds.
type besieged struct {
	*house
	client *http.Client
	sn     string
}

const forgers = 64

func newBesieged(t testing.TB) besieged {
	t.Helper()
	b := besieged{house: newHouse(t), sn: strings.Repeat("5", 32)}
	real := b.sim // the gateway: it counts our calls
	var err error
	b.sim, err = alipaysim.New(alipaysim.Config{AppID: testAppID, AppKey: &testKeys().PublicKey,
		Certificates: &alipaysim.Certificates{App: strings.Repeat("1", 32), Root: strings.Repeat("2", 32), Alipay: b.sn}})
	must(t, err)
	ring, err := keys.NewRing(testAppID, testKeys(), []keys.AlipayKey{{SN: b.sn, Public: b.sim.AlipayKey(), Source: "sim.crt"}})
	must(t, err)
	must(t, b.server.alipay.Replace(ring))
	b.house.sim = b.sim
	before := real.Calls("")
	t.Cleanup(func() {
		if n := real.Calls("") - before; n != 0 {
			t.Errorf("%d calls to the gateway", n)
		}
	})
	transport := &http.Transport{MaxIdleConnsPerHost: forgers + 1}
	t.Cleanup(transport.CloseIdleConnections)
	b.client = &http.Client{Transport: transport}
	return b
}

// post returns the answer and how long it took.
func (b besieged) post(letter alipaysim.Letter) (string, time.Duration) {
	begun := time.Now()
	rsp, err := b.client.Post(b.url+letter.Path, letter.ContentType, bytes.NewReader(letter.Body))
	if err != nil {
		return err.Error(), 0
	}
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if err != nil {
		return err.Error(), 0
	}
	return string(body), time.Since(begun)
}

func (b besieged) letter() alipaysim.Letter {
	b.t.Helper()
	return b.write(alipaysim.Notice{Kind: "alipay.open.app.api.field.changed"})
}

// genuine posts so many letters, one after another, and returns the times in
// milliseconds, sorted.
func (b besieged) genuine(n int) []float64 {
	b.t.Helper()
	letters := make([]alipaysim.Letter, n)
	for i := range letters {
		letters[i] = b.letter()
	}
	times := make([]float64, n)
	for i, letter := range letters {
		answer, took := b.post(letter)
		if answer != "success" {
			b.t.Errorf("a genuine notice was answered %q", answer)
		}
		times[i] = took.Seconds() * 1e3
	}
	slices.Sort(times)
	return times
}

// siege posts forged letters until stop says so of how many were posted.
func (b besieged) siege(stop func(posted int64) bool) (posted int64) {
	b.t.Helper()
	letter := b.letter()
	if !bytes.Contains(letter.Body, []byte(b.sn)) {
		b.t.Fatal("the simulator names no certificate")
	}
	var count atomic.Int64
	var wg sync.WaitGroup
	for range forgers {
		wg.Go(func() {
			for {
				n := count.Add(1)
				if stop(n) {
					return
				}
				forged := letter
				forged.Body = bytes.Replace(letter.Body, []byte(b.sn), fmt.Appendf(nil, "%032x", n), 1)
				if answer, _ := b.post(forged); answer != "fail" {
					b.t.Errorf("a forged notice was answered %q", answer)
					return
				}
			}
		})
	}
	wg.Wait()
	return count.Load() - forgers
}

// T13: a thousand notices that name unknown certificates, in parallel with a hundred
// genuine ones: none is taken, none is looked up anywhere, and no genuine one is lost.
func TestUnknownCertificates(t *testing.T) {
	t.Parallel()
	b := newBesieged(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		if n := b.siege(func(posted int64) bool { return posted > 1000 }); n != 1000 {
			t.Errorf("%d forged notices were posted", n)
		}
	})
	b.genuine(100)
	wg.Wait()
	if n := b.count(`SELECT count(*) FROM notifications`); n != 100 {
		t.Errorf("%d notices were kept, want the 100 genuine ones", n)
	}
	if n := strings.Count(b.logs.String(), "keys: no Alipay certificate with this serial number"); n != 1000 {
		t.Errorf("the log gives the cause %d times", n)
	}
}

// BenchmarkBesieged compares the 99th percentile of genuine notices with nothing else
// going on and beside 64 forgers who never pause, 1,000 forged notices at least. The
// forgers' own processor time is in it: they run on the same machine.
func BenchmarkBesieged(b *testing.B) {
	h := newBesieged(b)
	h.genuine(100) // connections, prepared statements
	var quiet, beside []float64
	var forged, turns int64
	for b.Loop() {
		quiet = append(quiet, h.genuine(100)...)
		var done atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			forged += h.siege(func(posted int64) bool { return done.Load() && posted > 1000 })
		})
		beside = append(beside, h.genuine(100)...)
		done.Store(true)
		wg.Wait()
		turns++
	}
	slices.Sort(quiet)
	slices.Sort(beside)
	p99 := func(xs []float64) float64 { return xs[len(xs)*99/100] }
	b.ReportMetric(p99(quiet), "p99-ms/quiet")
	b.ReportMetric(p99(beside), "p99-ms/beside")
	b.ReportMetric(p99(beside)/p99(quiet), "ratio")
	b.ReportMetric(float64(forged)/float64(turns), "forged/op")
}
