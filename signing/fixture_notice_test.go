package signing_test

import (
	"net/url"
	"testing"
	"time"

	"fundpass/keys"
	"fundpass/keys/calendar"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

const (
	currentSN = "0123456789abcdef0123456789abcdef"
	nextSN    = "fedcba9876543210fedcba9876543210"
)

var contentKey = []byte("sixteen bytes...")

// newSim returns a simulator whose key is alipayKey.
func newSim(t testing.TB, cfg alipaysim.Config) *alipaysim.Sim {
	t.Helper()
	cfg.AppID, cfg.AppKey, cfg.Key, cfg.ContentKey = appID, &ownKey().PublicKey, alipayKey(), contentKey
	sim, err := alipaysim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range people {
		p.Phone = "19900000001"
		sim.Add(p)
	}
	return sim
}

func write(t testing.TB, sim *alipaysim.Sim, n alipaysim.Notice) alipaysim.Notification {
	t.Helper()
	notification, err := sim.Write(n)
	if err != nil {
		t.Fatalf("%+v: %v", n, err)
	}
	return notification
}

// certKeyring trusts alipayKey under currentSN and otherKey under nextSN.
func certKeyring(t testing.TB) *keys.AlipayKeyring {
	t.Helper()
	keyring, err := keys.NewAlipayKeyring(appID, ownKey(), []keys.AlipayKey{
		{SN: currentSN, Public: &alipayKey().PublicKey, Source: "current.crt"},
		{SN: nextSN, Public: &otherKey().PublicKey, Source: "next.crt"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return keyring
}

// message returns the parameters of a From-Ant message with changes; "-" removes one.
func message(changes map[string]string) url.Values {
	form := url.Values{
		"version": {"1.1"}, "msg_method": {signing.MethodCancelled}, "utc_timestamp": {"1767294245000"},
		"notify_id": {"2026010200000000000001"}, "charset": {"UTF-8"}, "app_id": {appID}, "sign_type": {"RSA2"},
		"biz_content": {`{"cancel_time":1767294240000,"open_id":"074aCitizen","app_id":"` + appID + `"}`},
	}
	return changed(form, changes)
}

func changed(form url.Values, changes map[string]string) url.Values {
	for name, value := range changes {
		if value == "-" {
			form.Del(name)
		} else {
			form.Set(name, value)
		}
	}
	return form
}

// signed signs form under rule and returns it as a body.
func signed(t testing.TB, form url.Values, rule signing.Rule) []byte {
	t.Helper()
	text, err := signing.Canonical(form, rule)
	if err != nil {
		t.Fatal(err)
	}
	form.Set("sign", alipaySigns(t, text))
	return []byte(form.Encode())
}

// accept verifies body and fails the test if it is rejected.
func accept(t testing.TB, keyring *keys.AlipayKeyring, body []byte) signing.Notification {
	t.Helper()
	n, err := signing.VerifyNotification(keyring, body, formType)
	if err != nil {
		t.Fatalf("rejected: %v", err)
	}
	return n
}

// at returns a clock that always returns now.
func at(now time.Time) func() time.Time { return func() time.Time { return now } }

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, calendar.Beijing)
