package signing_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// genuineForms returns the parameters of one message of every family, before it is
// signed, and its rule.
func genuineForms(t testing.TB) map[string]struct {
	form url.Values
	rule signing.Rule
} {
	t.Helper()
	sim := newSim(t, alipaysim.Config{Now: at(noon)})
	all := make(map[string]struct {
		form url.Values
		rule signing.Rule
	})
	for kind := range alipaysim.Kinds() {
		form, err := url.ParseQuery(string(write(t, sim, alipaysim.Notice{Person: "both", Kind: kind}).Body))
		if err != nil {
			t.Fatal(err)
		}
		rule := signing.NotifyV1
		if form.Has("service") || form.Has("method") && form.Has("notify_type") {
			rule = signing.NotifyV2
		}
		all[kind] = struct {
			form url.Values
			rule signing.Rule
		}{form, rule}
	}
	return all
}

// read verifies and parses body as a message of kind.
func read(keyring *keys.AlipayKeyring, kind string, body []byte) (any, error) {
	if strings.HasPrefix(kind, "spi.") {
		c, err := signing.VerifySPI(keyring, spiPost(body), noon)
		c.Digest = [32]byte{} // it covers the added parameters, too
		return c, err
	}
	return signing.VerifyNotification(keyring, body, formType)
}

// A parameter that Alipay adds later does not change what is read from a message, at any
// position; nor does an empty parameter, signed or not.
func TestAddedParameters(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	added := []url.Values{
		{"aaa": {"1"}}, {"biz_type": {"x"}}, {"zzz": {"1"}}, {"trace_id": {"a b&c=d"}}, {"ext.info-2": {`{"a":"张"}`}}, {"Zone": {"+8"}},
		{"aaa": {""}}, {"trace_id": {""}}, {"auth_app_id": {""}}, {"alipay_cert_sn": {""}}, {"encrypt_type": {""}}, {"app_auth_token": {""}},
		{"aaa": {"1"}, "m_new": {"2"}, "zzz": {"x=y"}},
	}
	for kind, genuine := range genuineForms(t) {
		want, err := read(keyring, kind, []byte(genuine.form.Encode()))
		if err != nil {
			t.Fatal(kind, err)
		}
		for _, more := range added {
			if strings.HasPrefix(kind, "spi.") && more.Get("trace_id") == "a b&c=d" {
				continue // a handler could not tell "&c=" from a parameter, so it is rejected
			}
			if more.Has("auth_app_id") && genuine.form.Has("auth_app_id") {
				continue // not added, but replaced
			}
			form := maps.Clone(genuine.form)
			maps.Copy(form, more)
			bodies := map[string][]byte{"signed": signed(t, maps.Clone(form), genuine.rule)}
			if hasEmpty(more) && !hasEmpty(genuine.form) { // Alipay signs all empty values or none
				bodies["not signed"] = []byte(form.Encode())
			}
			for how, body := range bodies {
				got, err := read(keyring, kind, body)
				if c, isCall := got.(signing.SPICall); isCall {
					for name := range more {
						delete(c.Params, name)
					}
				}
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s and %v %s: %v, %+v", kind, more, how, err, got)
				}
			}
		}
	}
}

func hasEmpty(form url.Values) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(form)), func(v []string) bool { return v[0] == "" })
}

// Parameters with unknown names are part of the signed text: adding, changing or removing
// one invalidates the signature.
func TestAddedParametersAreSigned(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	body := string(signed(t, message(map[string]string{"trace_id": "1"}), signing.NotifyV1))
	accept(t, keyring, []byte(body))
	for name, forged := range map[string]string{
		"added": body + "&zzz=1", "changed": strings.Replace(body, "trace_id=1", "trace_id=2", 1),
		"emptied": strings.Replace(body, "trace_id=1", "trace_id=", 1), "renamed": strings.Replace(body, "trace_id=", "trace_ie=", 1),
		"removed": strings.Replace(body, "&trace_id=1", "", 1), "twice": body + "&trace_id=1",
	} {
		if _, err := signing.VerifyNotification(keyring, []byte(forged), formType); !errors.Is(err, signing.ErrBadSignature) && !errors.Is(err, signing.ErrDuplicateKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hostileTexts are values of an added parameter that an attacker controls. Each attempts
// to form a message of another meaning with the same signed text.
var hostileTexts = []string{
	"x", "x&y=z", "&", "x&charset=GBK", "x&msg_method=alipay.evil&n=y", "x&notify_id=1", "x&app_id=2021000000000002", "x&method=a&notify_type=b",
	"x&service=alipay.service.check", `x&biz_content={"a":"`, `x&biz_content={}`, `"}`, `"}&charset=UTF-8&msg_method=alipay.evil`, "x&utc_timestamp=1",
	"x&utc_timestamp=1767294245000", "x&notify_time=2020-01-01 00:00:00", "x&version=1.1&z=", "x&sign_type=RSA2&z=", "x&sign=AAAA", "x&a=&b=", "x&zz=",
	"x&alipay_cert_sn=", "<XML>&biz_content=<XML><![CDATA[", "]]></XML>",
}

// Mutations of genuine messages with hostileTexts are rejected or read the same as the
// original. FUNDPASS_LONG=1 runs 1,000,000 of them.
func TestMutationsWithAddedParameters(t *testing.T) {
	t.Parallel()
	rounds := 20_000
	if os.Getenv("FUNDPASS_LONG") == "1" {
		rounds = 1_000_000
	}
	keyring := newKeyring(t, ownKey(), alipayKey())
	random := rand.New(rand.NewPCG(3, 12))
	forms := genuineForms(t)
	kinds := slices.DeleteFunc(slices.Sorted(maps.Keys(forms)), func(kind string) bool {
		// No handler reads their optional parameters: see TestAmbiguousOptionalParameters.
		return !strings.HasPrefix(kind, "alipay.open.") && kind != "alipay.service.check"
	})
	var refused, same int
	for done := 0; done < rounds; {
		kind := kinds[random.IntN(len(kinds))]
		want, err := read(keyring, kind, []byte(forms[kind].form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		form := maps.Clone(forms[kind].form)
		for range 1 + random.IntN(3) {
			name := string(rune('a'+random.IntN(26))) + []string{"a", "_x", "zz"}[random.IntN(3)]
			form.Set(name, hostileTexts[random.IntN(len(hostileTexts))])
		}
		signed(t, form, forms[kind].rule)
		for range 200 {
			done++
			forged := mutated(random, form, forms[kind].rule)
			got, err := read(keyring, kind, forged)
			switch {
			case err != nil && reflect.ValueOf(got).IsZero():
				refused++
			case err == nil && reflect.DeepEqual(got, want):
				same++
			default:
				t.Fatalf("%s read as %+v (%v) from %s", kind, got, err, forged)
			}
		}
	}
	t.Logf("%d mutations: %d rejected, %d equivalent, 0 accepted", rounds, refused, same)
	if refused == 0 || same == 0 {
		t.Error("the mutations are of one sort only")
	}
}

// mutated returns form with its signed text split differently, and in half of the cases
// with one more change.
func mutated(random *rand.Rand, form url.Values, rule signing.Rule) []byte {
	text, err := signing.Canonical(form, rule)
	if err != nil {
		panic(err)
	}
	var pairs []string
	for _, piece := range strings.Split(text, "&") {
		if name, _, found := strings.Cut(piece, "="); len(pairs) > 0 && (!found || name == "" || random.IntN(8) == 0) {
			pairs[len(pairs)-1] += "&" + piece
			continue
		}
		pairs = append(pairs, piece)
	}
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		pairs[i] = name + "=" + url.QueryEscape(value)
	}
	pairs = append(pairs, "sign="+url.QueryEscape(form.Get("sign")))
	if rule == signing.NotifyV1 {
		pairs = append(pairs, "sign_type=RSA2")
	}
	if random.IntN(2) == 0 {
		pairs = changeOneParam(random, pairs)
	}
	return []byte(strings.Join(pairs, "&"))
}

// changeOneParam adds, removes, empties, renames or corrupts a parameter.
func changeOneParam(random *rand.Rand, pairs []string) []string {
	i := random.IntN(len(pairs))
	name, value, _ := strings.Cut(pairs[i], "=")
	more := []string{
		"zz=", "aa=", "charset=GBK", "utc_timestamp=1", "notify_id=", "service=", "notify_time=", "m=1", "method=", "biz_content={}",
		fmt.Sprintf("%c=%s", 'a'+random.IntN(26), value), name + "x=" + value, "sign_type=",
	}
	switch random.IntN(5) {
	case 0:
		return slices.Delete(pairs, i, i+1)
	case 1:
		pairs[i] = name + "="
	case 2:
		pairs[i] = strings.ToUpper(name) + "=" + value
	case 3:
		at := random.IntN(len(pairs[i]))
		pairs[i] = pairs[i][:at] + string(rune('0'+random.IntN(75))) + pairs[i][at:]
	}
	return append(pairs, more[random.IntN(len(more))])
}

// An attacker's text can imitate optional parameters of messages that no handler acts on.
// It cannot imitate the parameters that identify a message.
func TestAmbiguousOptionalParameters(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	random := rand.New(rand.NewPCG(4, 12))
	forms := genuineForms(t)
	for _, kind := range []string{"trade_status_sync", "servicemarket_order_notify", "open_app_auth_notify"} {
		original, err := signing.VerifyNotification(keyring, []byte(forms[kind].form.Encode()), formType)
		if err != nil {
			t.Fatal(err)
		}
		for range testenv.Rounds(200, 2_000) {
			form := maps.Clone(forms[kind].form)
			form.Set(string(rune('a'+random.IntN(26)))+"a", hostileTexts[random.IntN(len(hostileTexts))])
			signed(t, form, forms[kind].rule)
			got, err := signing.VerifyNotification(keyring, mutated(random, form, forms[kind].rule), formType)
			if err == nil && (got.Method != original.Method || got.NotifyID != original.NotifyID || got.Family != original.Family || !got.At.Equal(original.At)) {
				t.Fatalf("%s read as %+v", kind, got)
			}
		}
	}
}
