package alipaysim_test

import (
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"sync"
	"testing"

	"fundpass/signing/alipaysim"
)

func TestRotateKey(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	first := s.sim.AlipayKey()
	next, err := s.sim.NextKey()
	if err != nil || next.Equal(first) {
		t.Fatal("the next key is the current key", err)
	}
	if again, err := s.sim.NextKey(); err != nil || !again.Equal(next) {
		t.Error("NextKey returned another key", err)
	}
	if !s.sim.AlipayKey().Equal(first) {
		t.Error("NextKey rotated the key")
	}
	if err := s.sim.RotateKey(); err != nil || !s.sim.AlipayKey().Equal(next) {
		t.Error("not rotated", err)
	}
	if a := s.call("alipay.user.info.share", map[string]string{"auth_token": "x"}); !a.signed {
		t.Error("an answer is not signed with the new key")
	}
	form := parse(t, s.write(alipaysim.Notice{Kind: "trade_status_sync", Key: "old"}))
	if !signedBy(first, form, "sign_type") {
		t.Error("not signed with the old key")
	}
}

// NextKey, RotateKey and Write may be called concurrently.
func TestRotateKeyRace(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			next, err := s.sim.NextKey()
			if err != nil || next == nil {
				t.Error(err)
			}
			if err := s.sim.RotateKey(); err != nil {
				t.Error(err)
			}
			if _, err := s.sim.Write(alipaysim.Notice{Kind: "trade_status_sync", Key: "old"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestKeysOverHTTP(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	type shown struct{ Old, Current, Next string }
	console := func() string {
		der, err := x509.MarshalPKIXPublicKey(s.sim.AlipayKey())
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(der)
	}
	var before, after shown
	if status := s.operate("GET", "/sim/alipay-keys", "", &before); status != http.StatusOK || before.Old != "" || before.Current != console() {
		t.Fatalf("%d %+v", status, before)
	}
	if status := s.operate("POST", "/sim/rotate-key", "", &after); status != http.StatusOK ||
		after.Old != before.Current || after.Current != before.Next || after.Current != console() || after.Next == after.Current {
		t.Errorf("%d %+v", status, after)
	}
}
