package alipaysim_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"fundpass/signing/alipaysim"
)

func (s fixture) write(n alipaysim.Notice) alipaysim.Notification {
	s.t.Helper()
	notification, err := s.sim.Write(n)
	if err != nil {
		s.t.Fatalf("%+v: %v", n, err)
	}
	return notification
}

func parse(t testing.TB, notification alipaysim.Notification) url.Values {
	t.Helper()
	form, err := url.ParseQuery(string(notification.Body))
	if err != nil {
		t.Fatal(err)
	}
	return form
}

// noticeText is a second implementation of the signed text.
func noticeText(form url.Values, without ...string) string {
	var names []string
	for name := range form {
		if !slices.Contains(without, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var text []string
	for _, name := range names {
		text = append(text, name+"="+form.Get(name))
	}
	return strings.Join(text, "&")
}

func signedBy(key *rsa.PublicKey, form url.Values, without ...string) bool {
	digest := sha256.Sum256([]byte(noticeText(form, append(without, "sign")...)))
	raw, err := base64.StdEncoding.DecodeString(form.Get("sign"))
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], raw) == nil
}

// TestNotificationFamilies checks the parameters of each family and the rule of its signature.
func TestNotificationFamilies(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	seen := map[string]bool{}
	for kind := range alipaysim.Kinds() {
		notification := s.write(alipaysim.Notice{Person: "old", Kind: kind})
		form := parse(t, notification)
		v1, v2 := signedBy(s.sim.AlipayKey(), form, "sign_type"), signedBy(s.sim.AlipayKey(), form)
		keeps := form.Has("service") || form.Has("method") && form.Has("notify_type")
		if v1 == keeps || v2 != keeps {
			t.Errorf("%s: V1 %v, V2 %v", kind, v1, v2)
		}
		path := "/alipay/notifications"
		if strings.HasPrefix(kind, "spi.") {
			path = "/alipay/spi"
		}
		if notification.Path != path || form.Get("sign_type") != "RSA2" || form.Get("charset") != "UTF-8" || form.Has("alipay_cert_sn") {
			t.Errorf("%s: %s %v", kind, notification.Path, form)
		}
		if notification.NotifyID != form.Get("notify_id") || seen[notification.NotifyID] && notification.NotifyID != "" {
			t.Errorf("%s: notify_id %q", kind, notification.NotifyID)
		}
		seen[notification.NotifyID] = true
		if text := noticeText(form); !strings.Contains(text, appID) {
			t.Errorf("%s does not have the application id: %s", kind, text)
		}
	}
}

func TestNotificationTimes(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{}) // 2026-03-01 20:30 UTC is the next morning in Beijing
	for kind, want := range map[string]string{
		"alipay.open.auth.userauth.cancelled": "utc_timestamp=1772397000000",
		"trade_status_sync":                   "notify_time=2026-03-02 04:30:00",
		"servicemarket_order_notify":          "notify_time=2026-03-02 04:30:00",
		"alipay.service.check":                "<CreateTime><![CDATA[1772397000000]]></CreateTime>",
		"spi.alipay.demo":                     "utc_timestamp=1772397000&",
	} {
		if text := noticeText(parse(t, s.write(alipaysim.Notice{Person: "ok", Kind: kind}))); !strings.Contains(text, want) {
			t.Errorf("%s: %s", kind, text)
		}
	}
}

func TestNotificationMistakes(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	for _, c := range []struct {
		notice alipaysim.Notice
		want   error
	}{
		{alipaysim.Notice{Person: "ok", Kind: "cancelled"}, alipaysim.ErrKind},
		{alipaysim.Notice{Person: "ok"}, alipaysim.ErrKind},
		{alipaysim.Notice{Person: "nobody", Kind: "alipay.x"}, alipaysim.ErrUnknownPerson},
		{alipaysim.Notice{Kind: "alipay.open.auth.userauth.cancelled"}, alipaysim.ErrUnknownPerson},
		{alipaysim.Notice{Kind: "alipay.x", Fault: "fire"}, alipaysim.ErrUnknownFault},
		{alipaysim.Notice{Kind: "alipay.x", Key: "old"}, alipaysim.ErrNoOldKey},
	} {
		if notification, err := s.sim.Write(c.notice); !errors.Is(err, c.want) || notification.Body != nil {
			t.Errorf("%+v: %v", c.notice, err)
		}
	}
}

// Each fault has its documented effect only.
func TestNotificationFaults(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	isSigned := func(form url.Values) bool {
		return signedBy(s.sim.AlipayKey(), form, "sign_type") || signedBy(s.sim.AlipayKey(), form)
	}
	day := 24 * time.Hour
	stamp := func(d time.Duration) string { return start.Add(d).UTC().Add(8 * time.Hour).Format("20060102") }
	right := map[string]func(alipaysim.Notification, url.Values) bool{
		"other_app": func(_ alipaysim.Notification, f url.Values) bool {
			return isSigned(f) && !strings.Contains(noticeText(f), appID) && strings.Contains(noticeText(f), "2021999999999999")
		},
		"stale": func(l alipaysim.Notification, f url.Values) bool {
			return isSigned(f) && strings.HasPrefix(l.NotifyID, stamp(-30*day))
		},
		"future": func(l alipaysim.Notification, f url.Values) bool {
			return isSigned(f) && strings.HasPrefix(l.NotifyID, stamp(day))
		},
		"wrong_key": func(_ alipaysim.Notification, f url.Values) bool { return !isSigned(f) && len(f.Get("sign")) == 344 },
		"sha1": func(_ alipaysim.Notification, f url.Values) bool {
			digest := sha1.Sum([]byte(noticeText(f, "sign", "sign_type")))
			raw, _ := base64.StdEncoding.DecodeString(f.Get("sign"))
			return f.Get("sign_type") == "RSA" && rsa.VerifyPKCS1v15(s.sim.AlipayKey(), crypto.SHA1, digest[:], raw) == nil
		},
		"unsigned":   func(_ alipaysim.Notification, f url.Values) bool { return !f.Has("sign") },
		"altered":    func(_ alipaysim.Notification, f url.Values) bool { return !isSigned(f) && f.Has("sign") },
		"unknown_sn": func(_ alipaysim.Notification, f url.Values) bool { return len(f.Get("alipay_cert_sn")) == 32 },
		"duplicate":  func(_ alipaysim.Notification, f url.Values) bool { return len(f["charset"]) == 2 },
		"content_type": func(l alipaysim.Notification, f url.Values) bool {
			return isSigned(f) && l.ContentType == "text/plain"
		},
		"huge": func(l alipaysim.Notification, _ url.Values) bool { return len(l.Body) > 1<<20 },
	}
	for fault := range alipaysim.NoticeFaults() {
		notification := s.write(alipaysim.Notice{Person: "ok", Kind: "trade_status_sync", Fault: fault})
		if check := right[fault]; check == nil || !check(notification, parse(t, notification)) {
			t.Errorf("%s: %s %.300s", fault, notification.ContentType, notification.Body)
		}
	}
	// Every fault applies to every family.
	for kind := range alipaysim.Kinds() {
		for _, fault := range []string{"wrong_key", "altered"} {
			if form := parse(t, s.write(alipaysim.Notice{Person: "ok", Kind: kind, Fault: fault})); isSigned(form) {
				t.Errorf("%s of %s is signed correctly", fault, kind)
			}
		}
	}
}

// With charset GBK, Chinese text is encoded in GBK.
func TestNotificationGBK(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	notification := s.write(alipaysim.Notice{Kind: "alipay.open.mini.version.audit.rejected", Charset: "gbk"})
	form := parse(t, notification)
	if form.Get("charset") != "GBK" || !strings.Contains(form.Get("biz_content"), "\xcf\xb5\xcd\xb3") ||
		!strings.Contains(notification.ContentType, "GBK") || !signedBy(s.sim.AlipayKey(), form, "sign_type") {
		t.Errorf("%v", form)
	}
}

// In certificate mode the message has the serial number of the key, which a rotation changes.
func TestNotificationCertificate(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{Certificates: &alipaysim.Certificates{Alipay: "aa", AlipayNext: "bb"}})
	notice := alipaysim.Notice{Person: "ok", Kind: "alipay.open.auth.userauth.cancelled"}
	check := func(what string, n alipaysim.Notice, sn string, key *rsa.PublicKey) {
		form := parse(t, s.write(n))
		if form.Get("alipay_cert_sn") != sn || !signedBy(key, form, "sign_type", "alipay_cert_sn") {
			t.Errorf("%s: sn %q", what, form.Get("alipay_cert_sn"))
		}
	}
	old := s.sim.AlipayKey()
	check("before", notice, "aa", old)
	if err := s.sim.RotateKey(); err != nil {
		t.Fatal(err)
	}
	check("after", notice, "bb", s.sim.AlipayKey())
	notice.Key = "old"
	check("after with the old key", notice, "aa", old)
}
