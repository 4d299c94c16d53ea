package signing_test

import (
	"crypto/rsa"
	"sync"
	"sync/atomic"
	"testing"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

func keyringOf(t testing.TB, trusted ...*rsa.PublicKey) *keys.AlipayKeyring {
	t.Helper()
	var alipay []keys.AlipayKey
	for _, key := range trusted {
		alipay = append(alipay, keys.AlipayKey{Public: key})
	}
	keyring, err := keys.NewAlipayKeyring(appID, ownKey(), alipay)
	if err != nil {
		t.Fatal(err)
	}
	return keyring
}

// During a rotation, with both keys trusted and old notifications repeated, every genuine
// notification is accepted and every forged one is rejected.
func TestRotationConcurrent(t *testing.T) {
	t.Parallel()
	sim := newSim(t, alipaysim.Config{})
	old := sim.AlipayKey()
	var keyring atomic.Pointer[keys.AlipayKeyring]
	keyring.Store(keyringOf(t, old))
	var genuine, forged atomic.Int64
	var traffic sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		traffic.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				trusted := keyring.Load() // one keyring for each message, as in the server
				for _, fault := range []string{"", "wrong_key", "altered"} {
					notification, err := sim.Write(alipaysim.Notice{Person: "ok", Kind: signing.MethodCancelled, Fault: fault})
					if err != nil {
						t.Error(err)
						return
					}
					_, err = signing.VerifyNotification(trusted, notification.Body, notification.ContentType)
					if err != nil && trusted != keyring.Load() { // signed with a key that was added later
						_, err = signing.VerifyNotification(keyring.Load(), notification.Body, notification.ContentType)
					}
					if (err == nil) != (fault == "") {
						t.Errorf("%q: %v", fault, err)
					}
				}
				genuine.Add(1)
				forged.Add(2)
			}
		})
	}
	waitFor(t, &genuine, 40)
	next, err := sim.NextKey()
	if err != nil {
		t.Fatal(err)
	}
	keyring.Store(keyringOf(t, old, next))
	waitFor(t, &genuine, 40)
	if err := sim.RotateKey(); err != nil {
		t.Fatal(err)
	}
	repeated := write(t, sim, alipaysim.Notice{Person: "ok", Kind: signing.MethodCancelled, Key: "old"})
	accept(t, keyring.Load(), repeated.Body)
	waitFor(t, &genuine, 40)
	keyring.Store(keyringOf(t, next))
	waitFor(t, &genuine, 40)
	close(stop)
	traffic.Wait()
	if _, err := signing.VerifyNotification(keyring.Load(), repeated.Body, formType); err == nil {
		t.Error("the old key is trusted after its removal")
	}
	t.Logf("%d genuine, %d forged", genuine.Load(), forged.Load())
}

// waitFor waits until count has grown by n.
func waitFor(t testing.TB, count *atomic.Int64, n int64) {
	t.Helper()
	until := count.Load() + n
	testenv.Eventually(t, "there is traffic", func() bool { return count.Load() >= until })
}

// Messages with unknown certificates cause no download and do not affect the
// verification of genuine messages.
func TestUnknownSNFlood(t *testing.T) {
	t.Parallel()
	keyring := certKeyring(t)
	sim := newSim(t, alipaysim.Config{})
	good := write(t, sim, alipaysim.Notice{Person: "ok", Kind: signing.MethodCancelled})
	bad := write(t, sim, alipaysim.Notice{Person: "ok", Kind: signing.MethodCancelled, Fault: "unknown_sn"})
	var flood sync.WaitGroup
	for range 1000 {
		flood.Go(func() {
			if _, err := signing.VerifyNotification(keyring, bad.Body, formType); err == nil {
				t.Error("accepted")
			}
		})
	}
	for range 100 {
		accept(t, keyring, good.Body)
	}
	flood.Wait()
	if n := sim.Calls(""); n != 0 {
		t.Errorf("%d calls to Alipay", n)
	}
}
