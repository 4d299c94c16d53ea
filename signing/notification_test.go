package signing_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/keys"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// Messages of every family by the simulator, which shares no code with this package.
func TestFamilies(t *testing.T) {
	t.Parallel()
	sim := newSim(t, alipaysim.Config{Now: at(noon)})
	keyring := newKeyring(t, ownKey(), otherKey(), alipayKey())
	v1, v2 := signing.NotifyV1, signing.NotifyV2
	cases := []struct {
		kind   string
		want   signing.Notification
		hasBiz bool
	}{
		{signing.MethodCancelled, signing.Notification{Family: signing.FamilyFromAnt, Rule: v1, Method: signing.MethodCancelled}, true},
		{"alipay.open.auth.appauth.cancelled", signing.Notification{Family: signing.FamilyFromAnt, Rule: v1, Method: "alipay.open.auth.appauth.cancelled"}, true},
		{"alipay.open.mini.version.audit.rejected", signing.Notification{Family: signing.FamilyFromAnt, Rule: v1, Method: "alipay.open.mini.version.audit.rejected"}, true},
		{"alipay.unheard.of", signing.Notification{Family: signing.FamilyFromAnt, Rule: v1, Method: "alipay.unheard.of"}, true},
		{"trade_status_sync", signing.Notification{Family: signing.FamilyTrade, Rule: v1, Method: "trade_status_sync"}, false},
		{"servicemarket_order_notify", signing.Notification{Family: signing.FamilyEvent, Rule: v2, Method: "alipay.open.servicemarket.order.notify"}, false},
		{signing.MethodAppAuthGranted, signing.Notification{Family: signing.FamilyTrade, Rule: v1, Method: signing.MethodAppAuthGranted}, true},
		{"alipay.service.check", signing.Notification{Family: signing.FamilyService, Rule: v2, Method: "alipay.service.check", Event: "verifygw"}, false},
		{"alipay.mobile.public.message.notify", signing.Notification{Family: signing.FamilyService, Rule: v2, Method: "alipay.mobile.public.message.notify", Event: "follow"}, false},
	}
	for _, charset := range []string{"UTF-8", "GBK"} {
		for _, c := range cases {
			t.Run(charset+" "+c.kind, func(t *testing.T) {
				notification := write(t, sim, alipaysim.Notice{Person: "ok", Kind: c.kind, Charset: charset})
				got := accept(t, keyring, notification.Body)
				c.want.AppID, c.want.NotifyID, c.want.Charset, c.want.At = appID, notification.NotifyID, charset, got.At
				if got.At.Unix() != noon.Unix() || (got.BizContent != nil) != c.hasBiz {
					t.Errorf("at %v, content %s", got.At, got.BizContent)
				}
				got.BizContent = nil
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// A GBK message is verified as received and returned in UTF-8.
func TestGBKContent(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	sim := newSim(t, alipaysim.Config{})
	notification := write(t, sim, alipaysim.Notice{Kind: "alipay.open.mini.version.audit.rejected", Charset: "GBK"})
	if !strings.Contains(string(notification.Body), "%CF%B5%CD%B3") {
		t.Fatal("not sent in GBK")
	}
	if n := accept(t, keyring, notification.Body); !strings.Contains(string(n.BizContent), `"audit_reason":"系统繁忙"`) {
		t.Errorf("%s", n.BizContent)
	}
	// The second byte of 乗 is a backslash, so JSON must be parsed after the conversion.
	for _, label := range []string{"GBK", "gb2312", "UTF-8", "-"} {
		form := message(map[string]string{"charset": label, "biz_content": "{\"a\":\"\x81\x5c\"}"})
		if n := accept(t, keyring, signed(t, form, signing.NotifyV1)); string(n.BizContent) != `{"a":"乗"}` {
			t.Errorf("%s: %s", label, n.BizContent)
		}
	}
}

// Each fault of the simulator is rejected with its own error and a zero result.
func TestNotificationFaults(t *testing.T) {
	t.Parallel()
	want := map[string]error{
		"other_app": signing.ErrWrongApp, "wrong_key": signing.ErrBadSignature, "sha1": signing.ErrSignType,
		"unsigned": signing.ErrNoSign, "altered": signing.ErrBadSignature, "unknown_sn": signing.ErrUnknownSN,
		"duplicate": signing.ErrDuplicateKey, "content_type": signing.ErrMalformed, "huge": signing.ErrMalformed,
		"stale": signing.ErrStale, "future": signing.ErrStale,
	}
	sim := newSim(t, alipaysim.Config{Now: at(noon)})
	keyring := newKeyring(t, ownKey(), alipayKey())
	for fault := range alipaysim.NoticeFaults() {
		for kind := range alipaysim.Kinds() {
			if strings.HasPrefix(kind, "spi.") {
				continue // see TestSPIFaults
			}
			notification := write(t, sim, alipaysim.Notice{Person: "old", Kind: kind, Fault: fault})
			n, err := signing.VerifyNotification(keyring, notification.Body, notification.ContentType)
			if err == nil {
				err = n.Fresh(noon)
			} else if diff := cmp.Diff(signing.Notification{}, n); diff != "" {
				t.Errorf("%s %s: an error with a result: %s", kind, fault, diff)
			}
			if want[fault] == nil || !errors.Is(err, want[fault]) {
				t.Errorf("%s %s: %v", kind, fault, err)
			}
		}
	}
}

func TestNotificationShapes(t *testing.T) {
	t.Parallel()
	v1, v2 := signing.NotifyV1, signing.NotifyV2
	trade := map[string]string{"msg_method": "-", "biz_content": "-", "utc_timestamp": "-", "version": "1.0", "notify_type": "trade_status_sync"}
	event := map[string]string{"msg_method": "-", "biz_content": "-", "method": "alipay.x", "notify_type": "x"}
	service := map[string]string{"msg_method": "-", "service": "alipay.service.check", "version": "-", "notify_id": "-", "utc_timestamp": "-", "app_id": "-"}
	with := func(base map[string]string, more ...string) map[string]string {
		all := map[string]string{}
		for k, v := range base {
			all[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	xml := func(s string) []string {
		return []string{"biz_content", "<XML><AppId>" + appID + "</AppId>" + s + "</XML>"}
	}
	cases := []struct {
		name   string
		change map[string]string
		rule   signing.Rule
		want   error
	}{
		{"message", nil, v1, nil},
		{"message with every parameter", map[string]string{"auth_app_id": appID, "msg_type": "sys", "msg_id": "1", "app_auth_token": "x"}, v1, nil},
		{"message under the other rule", nil, v2, signing.ErrBadSignature},
		{"1.0", map[string]string{"version": "1.0"}, v1, signing.ErrMalformed},
		{"no version", map[string]string{"version": "-"}, v1, signing.ErrMalformed},
		{"no notify_id", map[string]string{"notify_id": "-"}, v1, signing.ErrMalformed},
		{"empty notify_id", map[string]string{"notify_id": ""}, v1, signing.ErrMalformed},
		{"notify_id of words", map[string]string{"notify_id": "1 2"}, v1, signing.ErrMalformed},
		{"notify_id too long", map[string]string{"notify_id": strings.Repeat("1", 129)}, v1, signing.ErrMalformed},
		{"no time", map[string]string{"utc_timestamp": "-"}, v1, signing.ErrMalformed},
		{"time of words", map[string]string{"utc_timestamp": "now"}, v1, signing.ErrMalformed},
		{"negative time", map[string]string{"utc_timestamp": "-1767294245000"}, v1, signing.ErrMalformed},
		{"endless time", map[string]string{"utc_timestamp": "999999999999999"}, v1, signing.ErrMalformed},
		{"no content", map[string]string{"biz_content": "-"}, v1, signing.ErrMalformed},
		{"content no JSON", map[string]string{"biz_content": "{"}, v1, signing.ErrMalformed},
		{"content a list", map[string]string{"biz_content": "[]"}, v1, signing.ErrMalformed},
		{"content encrypted", map[string]string{"biz_content": "q83vEg=="}, v1, signing.ErrMalformed},
		{"content and something glued", map[string]string{"biz_content": "{}&charset=UTF-8"}, v1, signing.ErrMalformed},
		{"content in no charset", map[string]string{"biz_content": "{\"a\":\"\xff\"}"}, v1, signing.ErrMalformed},
		{"content too deep", map[string]string{"biz_content": `{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}"}, v1, signing.ErrMalformed},
		{"unknown charset", map[string]string{"charset": "UTF-16"}, v1, signing.ErrMalformed},
		{"unknown parameter", map[string]string{"buyer_id": "2088"}, v1, nil},
		{"no app_id", map[string]string{"app_id": "-"}, v1, signing.ErrMalformed},
		{"empty app_id", map[string]string{"app_id": ""}, v1, signing.ErrMalformed},
		{"app_id with a blank", map[string]string{"app_id": appID + " "}, v1, signing.ErrWrongApp},
		{"other auth_app_id", map[string]string{"auth_app_id": "2021000000000002"}, v1, signing.ErrWrongApp},
		{"no sign_type", map[string]string{"sign_type": "-"}, v1, signing.ErrSignType},
		{"sign_type RSA", map[string]string{"sign_type": "RSA"}, v1, signing.ErrSignType},
		{"sign_type in lower case", map[string]string{"sign_type": "rsa2"}, v1, signing.ErrSignType},
		{"sign_type MD5", map[string]string{"sign_type": "MD5"}, v1, signing.ErrSignType},
		{"empty sign_type", map[string]string{"sign_type": ""}, v1, signing.ErrSignType},
		{"no family", map[string]string{"msg_method": "-"}, v1, signing.ErrUnknownFamily},
		{"two families", map[string]string{"service": "x"}, v1, signing.ErrUnknownFamily},
		{"two families again", map[string]string{"method": "x"}, v1, signing.ErrUnknownFamily},
		{"method of words", map[string]string{"msg_method": "a b"}, v1, signing.ErrMalformed},

		{"trade", trade, v1, nil},
		{"trade at a time", with(trade, "notify_time", "2026-01-02 03:04:05"), v1, nil},
		{"trade at no time", with(trade, "notify_time", "yesterday"), v1, signing.ErrMalformed},
		{"trade under the other rule", trade, v2, signing.ErrBadSignature},
		{"trade without notify_id", with(trade, "notify_id", "-"), v1, signing.ErrMalformed},
		{"trade with content", with(trade, "biz_content", "{}"), v1, nil},
		{"trade with content of words", with(trade, "biz_content", "x"), v1, signing.ErrMalformed},
		{"event", event, v2, nil},
		{"event under the other rule", event, v1, signing.ErrBadSignature},
		{"SPI call", with(event, "notify_type", "-"), v1, signing.ErrUnknownFamily},

		{"check", with(service, xml("<EventType>verifygw</EventType>")...), v2, nil},
		{"check under the other rule", with(service, xml("<EventType>verifygw</EventType>")...), v1, signing.ErrBadSignature},
		{"check of something else", with(service, xml("<EventType>follow</EventType>")...), v2, signing.ErrMalformed},
		{"check of nothing", with(service, xml("")...), v2, signing.ErrMalformed},
		{"check with odd time", with(service, xml("<EventType>verifygw</EventType><CreateTime>x</CreateTime>")...), v2, signing.ErrMalformed},
		{"service for another", with(service, "biz_content", "<XML><AppId>2021000000000002</AppId><EventType>verifygw</EventType></XML>"), v2, signing.ErrWrongApp},
		{"service without application", with(service, "biz_content", "<XML><EventType>verifygw</EventType></XML>"), v2, signing.ErrWrongApp},
		{"service without content", with(service, "biz_content", "-"), v2, signing.ErrMalformed},
		{"service with another app_id", with(service, append(xml("<EventType>verifygw</EventType>"), "app_id", "2021000000000002")...), v2, signing.ErrWrongApp},
		{"service with JSON", service, v2, signing.ErrMalformed},
	}
	keyring := newKeyring(t, ownKey(), alipayKey())
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n, err := signing.VerifyNotification(keyring, signed(t, message(c.change), c.rule), formType)
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Fatalf("%v", err)
			}
			if empty := cmp.Equal(n, signing.Notification{}); empty != (err != nil) {
				t.Errorf("error %v, and %+v", err, n)
			}
		})
	}
}

func TestContentType(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	body := signed(t, message(nil), signing.NotifyV1)
	for kind, want := range map[string]bool{
		"application/x-www-form-urlencoded":              true,
		"application/x-www-form-urlencoded;charset=GBK":  true,
		" Application/X-WWW-Form-URLEncoded ; charset=x": true,
		"":                                     false,
		"text/plain":                           false,
		"multipart/form-data":                  false,
		"application/json":                     false,
		"application/x-www-form-urlencodedx":   false,
		"x, application/x-www-form-urlencoded": false,
	} {
		if _, err := signing.VerifyNotification(keyring, body, kind); (err == nil) != want {
			t.Errorf("%q: %v", kind, err)
		}
	}
}

// alipay_cert_sn selects a key of the keyring. It may be signed or not. Without it every
// key is tried.
func TestCertSN(t *testing.T) {
	t.Parallel()
	keyring := certKeyring(t)
	body := func(sn string, inText bool) []byte {
		form := message(nil)
		if inText {
			form.Set("alipay_cert_sn", sn)
		}
		signed(t, form, signing.NotifyV1)
		if sn != "-" {
			form.Set("alipay_cert_sn", sn)
		}
		return []byte(form.Encode())
	}
	for _, c := range []struct {
		name, sn string
		inText   bool
		want     error
	}{
		{"none", "-", false, nil},
		{"outside the text", currentSN, false, nil},
		{"in the text", currentSN, true, nil},
		{"another key of the keyring", nextSN, false, signing.ErrBadSignature},
		{"another key of the keyring in the text", nextSN, true, signing.ErrBadSignature},
		{"unknown", strings.Repeat("0", 32), false, signing.ErrUnknownSN},
		{"unknown in the text", strings.Repeat("0", 32), true, signing.ErrUnknownSN},
		{"empty", "", false, nil}, // like absent
		{"empty in the text", "", true, nil},
		{"upper case", strings.ToUpper(currentSN), false, signing.ErrUnknownSN},
	} {
		n, err := signing.VerifyNotification(keyring, body(c.sn, c.inText), formType)
		if !errors.Is(err, c.want) || err == nil && n.KeySource != "current.crt" {
			t.Errorf("%s: %v %q", c.name, err, n.KeySource)
		}
	}
	bare := newKeyring(t, ownKey(), alipayKey()) // public-key mode has no serial numbers
	if _, err := signing.VerifyNotification(bare, body(currentSN, false), formType); !errors.Is(err, signing.ErrUnknownSN) || !errors.Is(err, keys.ErrUnknownSN) {
		t.Errorf("public-key mode: %v", err)
	}
}

// A signature has one encoding.
func TestSignSpellings(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	form := message(nil)
	signed(t, form, signing.NotifyV1)
	sign := form.Get("sign")
	for name, spelling := range map[string]string{
		"line break": sign[:64] + "\r\n" + sign[64:], "blank": sign + " ", "no padding": strings.TrimRight(sign, "="),
		"URL alphabet": strings.NewReplacer("+", "-", "/", "_").Replace(sign) + "-", "stray bits": strayBits(sign),
		"twice": sign + sign, "half": sign[:172], "lower case": strings.ToLower(sign), "hex": "00ff", "empty bytes": "=",
	} {
		form.Set("sign", spelling)
		if _, err := signing.VerifyNotification(keyring, []byte(form.Encode()), formType); !errors.Is(err, signing.ErrBadSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	form.Set("sign", "")
	if _, err := signing.VerifyNotification(keyring, []byte(form.Encode()), formType); !errors.Is(err, signing.ErrNoSign) {
		t.Error(err)
	}
	form.Set("sign", sign)
	accept(t, keyring, []byte(form.Encode()))
}

// strayBits sets trailing bits of the base64 text.
func strayBits(sign string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	body := strings.TrimRight(sign, "=")
	last := strings.IndexByte(alphabet, body[len(body)-1])
	return body[:len(body)-1] + alphabet[last|1:last|1+1] + sign[len(body):]
}

func TestFresh(t *testing.T) {
	t.Parallel()
	for age, fresh := range map[time.Duration]bool{
		0: true, 25 * time.Hour: true, 48 * time.Hour: true, 48*time.Hour + 1: false, -10 * time.Minute: true, -10*time.Minute - 1: false,
	} {
		n := signing.Notification{At: noon.Add(-age)}
		if err := n.Fresh(noon); (err == nil) != fresh || err != nil && !errors.Is(err, signing.ErrStale) {
			t.Errorf("%v: %v", age, err)
		}
	}
	if err := (signing.Notification{}).Fresh(noon); !errors.Is(err, signing.ErrStale) {
		t.Error(err)
	}
}

// Error texts quote nothing of the message.
func TestNotificationErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	for _, name := range []string{"app_id", "notify_id", "charset", "version", "msg_method", "utc_timestamp", "biz_content", "sign_type", "alipay_cert_sn", "auth_app_id"} {
		form := message(map[string]string{name: "canary\x01"})
		_, err := signing.VerifyNotification(keyring, signed(t, form, signing.NotifyV1), formType)
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A message whose parameters are split or merged has the same signed text and is rejected.
func TestSplitAndMergedParameters(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	split := message(map[string]string{"biz_content": `{"note":"x&buyer_id=2088000000000000"}`})
	signed(t, split, signing.NotifyV1)
	accept(t, keyring, []byte(split.Encode()))
	split.Set("biz_content", `{"note":"x`)
	split.Set("buyer_id", `2088000000000000"}`)
	merged := message(nil)
	signed(t, merged, signing.NotifyV1)
	merged.Set("biz_content", merged.Get("biz_content")+"&charset=UTF-8")
	merged.Del("charset")
	intoAppID := url.Values{"sign": merged["sign"], "sign_type": {"RSA2"}, "msg_method": {signing.MethodCancelled}}
	intoAppID.Set("app_id", appID+"&biz_content="+message(nil).Get("biz_content"))
	for name, form := range map[string]url.Values{"split": split, "merged": merged, "merged into app_id": intoAppID} {
		if n, err := signing.VerifyNotification(keyring, []byte(form.Encode()), formType); err == nil {
			t.Errorf("%s: accepted %+v", name, n)
		}
	}
}
