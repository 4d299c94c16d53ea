package httpapi_test

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
	"fundpass/keys/testenv"
	"fundpass/signing/alipaysim"
)

// callbackKey is the key with which the tests sign as Alipay.
var callbackKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// A besieged environment is in certificate mode and has one genuine sender and many forgers,
// who name unknown certificates.
type besieged struct {
	*env
	client *http.Client
	sn     string
}

func newBesieged(t testing.TB) besieged {
	t.Helper()
	b := besieged{env: newEnv(t), sn: strings.Repeat("5", 32)}
	gateway := b.sim // counts calls
	var err error
	b.sim, err = alipaysim.New(alipaysim.Config{AppID: b.appID, AppKey: &testKeys().PublicKey,
		Certificates: &alipaysim.Certificates{App: strings.Repeat("1", 32), Root: strings.Repeat("2", 32), Alipay: b.sn}})
	must(t, err)
	keyring, err := keys.NewAlipayKeyring(b.appID, testKeys(), []keys.AlipayKey{{SN: b.sn, Public: b.sim.AlipayKey(), Source: "sim.crt"}})
	must(t, err)
	must(t, b.server.Alipay.Replace(keyring))
	b.env.sim = b.sim
	before := gateway.Calls("")
	t.Cleanup(func() {
		if n := gateway.Calls("") - before; n != 0 {
			t.Errorf("%d calls to the gateway", n)
		}
	})
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	b.client = &http.Client{Transport: transport}
	return b
}

// post returns the answer and its time.
func (b besieged) post(notification alipaysim.Notification) (string, time.Duration) {
	begun := time.Now()
	rsp, err := b.client.Post(b.url+notification.Path, notification.ContentType, bytes.NewReader(notification.Body))
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

func (b besieged) notification() alipaysim.Notification {
	b.t.Helper()
	return b.write(alipaysim.Notice{Kind: "alipay.open.app.api.field.changed"})
}

// genuine posts n notifications in sequence and returns their times in milliseconds, sorted.
// beside runs in parallel with each unless it is nil.
func (b besieged) genuine(n int, beside func()) []float64 {
	b.t.Helper()
	notifications := make([]alipaysim.Notification, n)
	for i := range notifications {
		notifications[i] = b.notification()
	}
	times := make([]float64, n)
	var others sync.WaitGroup
	for i, notification := range notifications {
		if beside != nil {
			others.Go(beside)
		}
		answer, took := b.post(notification)
		if answer != "success" {
			b.t.Errorf("a genuine notification was answered %q", answer)
		}
		times[i] = took.Seconds() * 1e3
	}
	others.Wait()
	slices.Sort(times)
	return times
}

// A forgery is a notification with a different certificate number each time.
type forgery struct {
	besieged
	notification alipaysim.Notification
	count        *atomic.Int64
}

func (b besieged) forgery() forgery {
	b.t.Helper()
	f := forgery{b, b.notification(), new(atomic.Int64)}
	if !bytes.Contains(f.notification.Body, []byte(b.sn)) {
		b.t.Fatal("the simulator names no certificate")
	}
	return f
}

// atOnce posts n forged notifications concurrently.
func (f forgery) atOnce(n int) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			forged := f.notification
			forged.Body = bytes.Replace(forged.Body, []byte(f.sn), fmt.Appendf(nil, "%032x", f.count.Add(1)), 1)
			if answer, _ := f.post(forged); answer != "fail" {
				f.t.Errorf("a forged notification was answered %q", answer)
			}
		})
	}
	wg.Wait()
}

// T13: of notifications that name unknown certificates, ten beside each genuine one, none is
// accepted or looked up, and no genuine one is lost.
func TestUnknownCertificates(t *testing.T) {
	t.Parallel()
	b := newBesieged(t)
	f := b.forgery()
	genuine := testenv.Rounds(20, 100)
	b.genuine(genuine, func() { f.atOnce(10) })
	if n := b.count(`SELECT count(*) FROM notifications`); n != genuine {
		t.Errorf("%d notifications were stored, want the %d genuine ones", n, genuine)
	}
	if n := strings.Count(b.logs.String(), "keys: no Alipay certificate with this serial number"); n != 10*genuine {
		t.Errorf("the log contains the cause %d times", n)
	}
}

// BenchmarkBesieged compares the 99th percentile of 100 genuine notifications alone and with
// ten forged ones beside each. All senders run on the same machine.
func BenchmarkBesieged(b *testing.B) {
	h := newBesieged(b)
	f := h.forgery()
	h.genuine(100, func() { f.atOnce(10) }) // connections, prepared statements
	var quiet, beside []float64
	for b.Loop() {
		quiet = append(quiet, h.genuine(100, nil)...)
		beside = append(beside, h.genuine(100, func() { f.atOnce(10) })...)
	}
	slices.Sort(quiet)
	slices.Sort(beside)
	p99 := func(xs []float64) float64 { return xs[len(xs)*99/100] }
	b.ReportMetric(p99(quiet), "p99-ms/quiet")
	b.ReportMetric(p99(beside), "p99-ms/beside")
	b.ReportMetric(p99(beside)/p99(quiet), "ratio")
	b.ReportMetric(median(beside)/median(quiet), "ratio-median")
}
