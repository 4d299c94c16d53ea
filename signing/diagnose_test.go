package signing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"time"

	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// genuine returns a signed message of now that contains every character the tests corrupt.
func genuine(t testing.TB, more map[string]string) url.Values {
	t.Helper()
	form := message(map[string]string{"utc_timestamp": fmt.Sprint(time.Now().UnixMilli()), "msg_type": "", "msg_uid": "a+b/c",
		"biz_content": `{"note":"公积金 \"a\" + 100%2B b/c "}`})
	form = changed(form, more)
	signed(t, form, signing.NotifyV1)
	return form
}

func mapped(form url.Values, f func(string) string) url.Values {
	out := url.Values{}
	for name, values := range form {
		out.Set(name, values[0])
		if name != "sign" {
			out.Set(name, f(values[0]))
		}
	}
	return out
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), otherKey(), alipayKey())
	good := genuine(t, nil)
	body := good.Encode()
	with := func(changes map[string]string) string {
		return changed(mapped(good, func(s string) string { return s }), changes).Encode()
	}
	by := func(rule signing.Rule, changes map[string]string) string {
		return string(signed(t, genuine(t, changes), rule))
	}
	sim := newSim(t, alipaysim.Config{})
	notification := func(n alipaysim.Notice) string { return string(write(t, sim, n).Body) }
	own := genuine(t, nil)
	text, _ := signing.Canonical(own, signing.NotifyV1)
	ownSign, err := signing.Sign(ownKey(), text)
	if err != nil {
		t.Fatal(err)
	}
	sign := good.Get("sign")
	for !strings.Contains(sign, "+") { // one signature in 200 contains no '+'
		good = genuine(t, map[string]string{"notify_id": fmt.Sprint(time.Now().UnixNano())})
		sign = good.Get("sign")
	}
	trade := map[string]string{"msg_method": "-", "biz_content": "-", "msg_type": "-", "msg_uid": "-", "notify_type": "x", "subject": "tail ", "body": ""}
	tradeForm := genuine(t, trade)
	cases := []struct {
		name, raw string
		genuine   bool
		verdict   error
		reason    string // part of it
	}{
		{"right", body, true, nil, ""},
		{"right with a line end", body + "\r\n", true, nil, ""},
		{"from the simulator", notification(alipaysim.Notice{Person: "ok", Kind: signing.MethodCancelled}), true, nil, ""},
		{"trade", notification(alipaysim.Notice{Kind: "trade_status_sync"}), true, nil, ""},
		{"event", notification(alipaysim.Notice{Kind: "servicemarket_order_notify"}), true, nil, ""},
		{"check", notification(alipaysim.Notice{Kind: "alipay.service.check"}), true, nil, ""},
		{"call", notification(alipaysim.Notice{Kind: "spi.alipay.demo"}), true, nil, ""},
		{"stale", notification(alipaysim.Notice{Person: "ok", Kind: signing.MethodCancelled, Fault: "stale"}), true, signing.ErrStale, "older than 48 hours"},
		{"stale call", notification(alipaysim.Notice{Kind: "spi.alipay.demo", Fault: "stale"}), true, signing.ErrStale, "10 minutes"},
		{"future", notification(alipaysim.Notice{Kind: "trade_status_sync", Fault: "future"}), true, signing.ErrStale, "clock"},
		{"other application", notification(alipaysim.Notice{Person: "ok", Kind: signing.MethodCancelled, Fault: "other_app"}), true, signing.ErrWrongApp, "Alipay signed it, but for another application; app_id"},
		{"other application's key", notification(alipaysim.Notice{Person: "ok", Kind: signing.MethodCancelled, Fault: "wrong_key"}), false, signing.ErrBadSignature, "none of the keys tried"},
		{"own key", with(map[string]string{"sign": ownSign}), false, signing.ErrBadSignature, "application's own key"},
		{"SHA-1", notification(alipaysim.Notice{Kind: "trade_status_sync", Fault: "sha1"}), false, signing.ErrSignType, "SHA-1"},
		{"unsigned", notification(alipaysim.Notice{Kind: "trade_status_sync", Fault: "unsigned"}), false, signing.ErrNoSign, "sign is missing"},
		{"altered", notification(alipaysim.Notice{Kind: "trade_status_sync", Fault: "altered"}), false, signing.ErrBadSignature, "body was altered"},
		{"unknown certificate", notification(alipaysim.Notice{Kind: "trade_status_sync", Fault: "unknown_sn"}), false, signing.ErrUnknownSN, "download Alipay's certificate"},
		{"sign_type kept", by(signing.NotifyV2, nil), false, signing.ErrBadSignature, "sign_type was signed"},
		{"sign_type dropped", string(signed(t, changed(tradeForm, map[string]string{"method": "x"}), signing.NotifyV1)), false, signing.ErrBadSignature, "sign_type was not signed"},
		{"sign_type changed", with(map[string]string{"sign_type": "RSA"}), true, signing.ErrSignType, "sign_type"},
		{"twice", body + "&charset=UTF-8", false, signing.ErrDuplicateKey, "first value"},
		{"twice, the other before", "charset=GBK&" + body, false, signing.ErrDuplicateKey, "last value"},
		{"plus in sign", strings.Replace(good.Encode(), "%2B", "+", 99), false, signing.ErrBadSignature, "'+' became a blank in sign"},
		{"plus in values", mapped(good, func(s string) string { return strings.ReplaceAll(s, "+", " ") }).Encode(), false, signing.ErrBadSignature, "'+' became a blank in the values"},
		{"decoded twice", mapped(good, func(s string) string { s, _ = url.QueryUnescape(strings.ReplaceAll(s, "+", "%2B")); return s }).Encode(), false, signing.ErrBadSignature, "body was altered"},
		{"a value decoded twice", changed(mapped(escapedSubject(t, trade), same), map[string]string{"subject": "a=b&c"}).Encode(), false, signing.ErrBadSignature, "a value was URL-decoded twice"},
		{"encoded twice", mapped(good, url.QueryEscape).Encode(), false, nil, "URL-encoded twice"},
		{"sign encoded twice", with(map[string]string{"sign": url.QueryEscape(good.Get("sign"))}), false, signing.ErrBadSignature, "sign is URL-encoded twice"},
		{"sign broken into lines", with(map[string]string{"sign": good.Get("sign")[:76] + "\n" + good.Get("sign")[76:]}), false, signing.ErrBadSignature, "line breaks"},
		{"sign without padding", with(map[string]string{"sign": strings.TrimRight(good.Get("sign"), "=")}), false, signing.ErrBadSignature, "lost its '='"},
		{"trimmed", changed(mapped(genuine(t, trade), same), map[string]string{"subject": "tail"}).Encode(), false, signing.ErrBadSignature, "trimmed"},
		{"blank added", with(map[string]string{"notify_id": good.Get("notify_id") + " "}), false, signing.ErrBadSignature, "not signed"},
		{"empty values dropped", with(map[string]string{"msg_type": "-"}), false, signing.ErrBadSignature, "a parameter is missing"},
		{"charset dropped", with(map[string]string{"charset": "-"}), false, signing.ErrBadSignature, "a parameter is missing"},
		{"an unguessable value dropped", with(map[string]string{"notify_id": "-"}), false, signing.ErrBadSignature, "altered; parameter notify_id is missing"},
		{"added on the way", with(map[string]string{"msg_id": "1"}), false, signing.ErrBadSignature, "a parameter was added on the way"},
		{"HTML", mapped(good, html.EscapeString).Encode(), false, signing.ErrBadSignature, "HTML-escaped"},
		{"backslashes", mapped(good, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace).Encode(), false, signing.ErrBadSignature, "backslashes"},
		{"not escaped", strings.ReplaceAll(body, "%22", `"`) + "#é", false, signing.ErrMalformed, ""},
		{"no family", with(map[string]string{"msg_method": "-"}), false, signing.ErrUnknownFamily, "a parameter is missing"},
		{"nothing", "", false, signing.ErrMalformed, "sign is missing"},
		{"words", "hello", false, signing.ErrMalformed, "sign is missing"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := signing.Diagnose(keyring, []byte(c.raw))
			if r.Genuine != c.genuine || c.verdict != nil && !errors.Is(r.Verdict, c.verdict) || (c.genuine && c.reason == "") != (r.Verdict == nil) {
				t.Errorf("genuine %v, verdict %v", r.Genuine, r.Verdict)
			}
			if !strings.Contains(r.Reason, c.reason) || (r.Verdict == nil) != (r.Reason == "") {
				t.Errorf("reason %q", r.Reason)
			}
			if len(r.Tried) != 2 || r.Length != len(r.Text) {
				t.Errorf("%+v", r)
			}
		})
	}
}

func same(s string) string { return s }

// escapedSubject returns a trade whose subject looks URL-encoded.
func escapedSubject(t testing.TB, trade map[string]string) url.Values {
	t.Helper()
	form := genuine(t, trade)
	form.Set("subject", "a%3Db%26c")
	signed(t, form, signing.NotifyV1)
	return form
}

// TestDiagnoseText checks that Digest is the SHA-256 of the canonical text.
func TestDiagnoseText(t *testing.T) {
	t.Parallel()
	form := genuine(t, nil)
	text, err := signing.Canonical(form, signing.NotifyV1)
	if err != nil {
		t.Fatal(err)
	}
	r := signing.Diagnose(certKeyring(t), []byte(form.Encode()))
	if r.Text != text || r.Family != "from-ant" || !strings.Contains(r.Rule, "V1") {
		t.Errorf("%+v", r)
	}
	if len(r.Tried) != 2 || !strings.Contains(r.Tried[0], "current.crt sn "+currentSN) {
		t.Errorf("%q", r.Tried)
	}
}

// alipay_cert_sn names a certificate of the keyring, but another one signed.
func TestDiagnoseOtherCertificate(t *testing.T) {
	t.Parallel()
	form := genuine(t, nil)
	form.Set("alipay_cert_sn", nextSN)
	r := signing.Diagnose(certKeyring(t), []byte(form.Encode()))
	if !errors.Is(r.Verdict, signing.ErrBadSignature) || !strings.Contains(r.Reason, "alipay_cert_sn names another key than the one that signed, current.crt") {
		t.Errorf("%+v", r)
	}
}

// Diagnose does not search in messages that exceed the limits.
func TestDiagnoseHuge(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	for _, raw := range []string{strings.Repeat("a&", 1<<20), "sign=" + strings.Repeat("x", 1<<20), strings.Repeat("{", 1<<20), strings.Repeat("sign=x&", 9000)} {
		if r := signing.Diagnose(keyring, []byte(raw)); r.Verdict == nil || r.Reason == "" || r.Genuine {
			t.Errorf("%.20s: %v", raw, r.Verdict)
		}
	}
}

// Messages whose charset was converted are recognized.
func TestDiagnoseCharset(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	gbk := message(map[string]string{"charset": "GBK", "biz_content": "{\"a\":\"\xcf\xb5\xcd\xb3\"}"})
	signed(t, gbk, signing.NotifyV1)
	gbk.Set("biz_content", `{"a":"系统"}`)
	utf8 := message(map[string]string{"biz_content": `{"a":"系统"}`})
	signed(t, utf8, signing.NotifyV1)
	utf8.Set("biz_content", "{\"a\":\"\xcf\xb5\xcd\xb3\"}")
	for want, form := range map[string]url.Values{"from GBK to UTF-8": gbk, "from UTF-8 to GBK": utf8} {
		if r := signing.Diagnose(keyring, []byte(form.Encode())); r.Genuine || !strings.Contains(r.Reason, want) {
			t.Errorf("%s: %+v", want, r)
		}
	}
}

func TestDiagnoseAnswers(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	answer := func(content, signedText string) string {
		return fmt.Sprintf(`{"alipay_user_certify_open_query_response":%s,"sign":"%s"}`, content, alipaySigns(t, signedText))
	}
	const yes, slash = `{"code":"10000","passed":"T"}`, `{"code":"10000","url":"https:\/\/a.b"}`
	ownSign, err := signing.Sign(ownKey(), yes)
	if err != nil {
		t.Fatal(err)
	}
	spi, err := signing.SignSPIAnswer(keyring, json.RawMessage(yes))
	if err != nil {
		t.Fatal(err)
	}
	sim := newSim(t, alipaysim.Config{})
	cases := []struct {
		name, raw, family string
		genuine           bool
		verdict           error
		reason            string
	}{
		{"right", answer(yes, yes), "response", true, nil, ""},
		{"right with a line end", answer(slash, slash) + "\n", "response", true, nil, ""},
		{"altered", answer(yes, strings.Replace(yes, "T", "F", 1)), "response", false, signing.ErrForged, "content was altered"},
		{"slashes", answer(strings.ReplaceAll(slash, `\/`, "/"), slash), "response", false, signing.ErrForged, `"\/" was written as "/"`},
		{"slashes back", answer(slash, strings.ReplaceAll(slash, `\/`, "/")), "response", false, signing.ErrForged, `"/" was written as "\/"`},
		{"blanks", answer(`{ "code" : "10000", "passed":"T" }`, yes), "response", false, signing.ErrForged, "JSON was encoded again"},
		{"HTML", answer(`{"code":"10000","msg":"a&amp;b"}`, `{"code":"10000","msg":"a&b"}`), "response", false, signing.ErrForged, "HTML-escaped"},
		{"json.Marshal", answer(`{"code":"10000","msg":"a\u0026b"}`, `{"code":"10000","msg":"a&b"}`), "response", false, signing.ErrForged, "u0026"},
		{"GBK", answer(`{"code":"10000","msg":"系统"}`, "{\"code\":\"10000\",\"msg\":\"\xcf\xb5\xcd\xb3\"}"), "response", false, signing.ErrForged, "from GBK to UTF-8"},
		{"own key", strings.Replace(answer(yes, yes), alipaySigns(t, yes), ownSign, 1), "response", false, signing.ErrForged, "own key"},
		{"unsigned", `{"alipay_user_certify_open_query_response":` + yes + `}`, "response", false, signing.ErrForged, "has no sign"},
		{"refusal", `{"error_response":{"code":"40002","sub_code":"isv.code-invalid","sub_msg":"canary"}}`, "response", false, signing.ErrCodeInvalid, "40002 isv.code-invalid (unsigned"},
		{"signed refusal", answer(`{"code":"40002","sub_code":"isv.invalid-app-id"}`, `{"code":"40002","sub_code":"isv.invalid-app-id"}`), "response", true, signing.ErrConfiguration, "refused the call: 40002"},
		{"unknown certificate", strings.Replace(answer(yes, yes), `,"sign"`, `,"alipay_cert_sn":"00","sign"`, 1), "response", false, signing.ErrForged, "download Alipay's certificate"},
		{"two contents", `{"alipay_x_response":` + yes + `,"alipay_x_response":` + yes + `}`, "response", false, signing.ErrForged, "duplicate member"},
		{"half", answer(yes, yes)[:60], "response", false, signing.ErrUnavailable, "not JSON"},
		{"phone", phone(t, sim, ""), "phone", true, nil, ""},
		{"phone altered", phone(t, sim, "altered"), "phone", false, signing.ErrPhone, "content was altered"},
		{"phone by another key", phone(t, sim, "wrong_key"), "phone", false, signing.ErrPhone, "none of the keys"},
		{"phone unsigned", phone(t, sim, "unsigned"), "phone", false, signing.ErrPhone, "not set in the console"},
		{"phone with blanks in sign", strings.ReplaceAll(phone(t, sim, ""), `"sign":"`, `"sign":" `), "phone", false, signing.ErrPhone, "blanks or line breaks"},
		{"phone without quotes", encryptedWithoutQuotes(t), "phone", false, signing.ErrPhone, "without its quotes"},
		{"phone refused in the clear", signedPhone(t, `{"code":"40003","subCode":"isv.invalid-auth-relations"}`, `{"code":"40003","subCode":"isv.invalid-auth-relations"}`), "phone", true, signing.ErrTokenInvalid, "isv.invalid-auth-relations"},
		{"answer of the application", string(spi), "phone", false, signing.ErrPhone, "own key"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := signing.Diagnose(keyring, []byte(c.raw))
			if r.Family != c.family || r.Genuine != c.genuine || !errors.Is(r.Verdict, c.verdict) || (r.Verdict == nil) != (c.verdict == nil) {
				t.Errorf("%s, genuine %v, verdict %v", r.Family, r.Genuine, r.Verdict)
			}
			if !strings.Contains(r.Reason, c.reason) || (r.Verdict == nil) != (r.Reason == "") || strings.Contains(r.Reason, "canary") {
				t.Errorf("reason %q", r.Reason)
			}
		})
	}
}

// Only Report.Text contains values of the message.
func TestDiagnoseQuotesNothing(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	for name := range message(nil) {
		form := message(map[string]string{name: "canary"})
		signed(t, form, signing.NotifyV1)
		for _, raw := range []string{form.Encode(), form.Encode() + "&a=canary", strings.Replace(form.Encode(), "sign=", "sign=canary", 1), form.Encode() + "&canary;"} {
			r := signing.Diagnose(keyring, []byte(raw))
			r.Text = ""
			if strings.Contains(fmt.Sprintf("%+v", r), "canary") {
				t.Errorf("%s: %+v", name, r)
			}
		}
	}
}
