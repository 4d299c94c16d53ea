package signing_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// A genuineMessage is a signed message with the function that verifies it.
type genuineMessage struct {
	name string
	body []byte
	read func(body []byte) (any, error)
}

func genuineMessages(t testing.TB) []genuineMessage {
	t.Helper()
	plain, certified := newKeyring(t, ownKey(), alipayKey()), certKeyring(t)
	sim := newSim(t, alipaysim.Config{Now: at(noon)})
	certSim := newSim(t, alipaysim.Config{Now: at(noon), Certificates: &alipaysim.Certificates{Alipay: currentSN}})
	var all []genuineMessage
	for kind := range alipaysim.Kinds() {
		if strings.Contains(kind, "audit") || strings.Contains(kind, "field") {
			continue // same form as the cancellations; one follows below, in GBK
		}
		keyring, notice := plain, alipaysim.Notice{Person: "both", Kind: kind}
		read := func(body []byte) (any, error) { return signing.VerifyNotification(keyring, body, formType) }
		if strings.HasPrefix(kind, "spi.") {
			read = func(body []byte) (any, error) { return signing.VerifySPI(keyring, spiPost(body), noon) }
		}
		all = append(all, genuineMessage{kind, write(t, sim, notice).Body, read})
		if strings.Contains(kind, "cancelled") || strings.HasPrefix(kind, "spi.") {
			read := func(body []byte) (any, error) { return signing.VerifyNotification(certified, body, formType) }
			if strings.HasPrefix(kind, "spi.") {
				read = func(body []byte) (any, error) { return signing.VerifySPI(certified, spiPost(body), noon) }
			}
			all = append(all, genuineMessage{kind + " with certificate", write(t, certSim, notice).Body, read})
		}
	}
	gbk := alipaysim.Notice{Kind: "alipay.open.mini.version.audit.rejected", Charset: "GBK"}
	return append(all, genuineMessage{"GBK", write(t, sim, gbk).Body, func(body []byte) (any, error) {
		return signing.VerifyNotification(plain, body, formType)
	}})
}

func spiPost(body []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/alipay/spi", bytes.NewReader(body))
	r.Header.Set("Content-Type", formType)
	return r
}

// A mutation of a genuine message is rejected with a zero result, or it is read as the
// same message.
func TestMutations(t *testing.T) {
	t.Parallel()
	var refused, same, accepted atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d forgeries rejected, %d equivalent, %d accepted", refused.Load(), same.Load(), accepted.Load())
		if refused.Load() < 10_000 {
			t.Error("too few forgeries")
		}
	})
	for _, s := range genuineMessages(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			genuine, err := s.read(s.body)
			if err != nil {
				t.Fatal(err)
			}
			nothing := reflect.Zero(reflect.TypeOf(genuine)).Interface()
			seed := rand.Uint64()
			for what, forged := range forgeries(s.body, rand.New(rand.NewPCG(seed, 0))) {
				got, err := s.read(forged)
				switch {
				case err != nil && reflect.DeepEqual(got, nothing):
					refused.Add(1)
				case err == nil && reflect.DeepEqual(got, genuine):
					same.Add(1)
				default:
					accepted.Add(1)
					t.Errorf("%s: %v, %+v (seed %d)", what, err, got, seed)
				}
			}
		})
	}
}

// forgeries yields mutations of body, each with a description. It samples the mutations of
// single bytes at random; the long tier runs all of them.
func forgeries(body []byte, random *rand.Rand) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for i, source := range []func([]byte) func(func(string, []byte) bool){flips, cuts, pairwise, values, orders} {
			for what, forged := range source(body) {
				if i < 2 && random.IntN(testenv.Rounds(4, 1)) != 0 {
					continue
				}
				if !bytes.Equal(forged, body) && !yield(what, forged) {
					return
				}
			}
		}
	}
}

// flips inverts every bit.
func flips(body []byte) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for i := range body {
			for bit := range 8 {
				forged := bytes.Clone(body)
				forged[i] ^= 1 << bit
				if !yield(fmt.Sprintf("bit %d of byte %d", bit, i), forged) {
					return
				}
			}
		}
	}
}

// cuts removes, duplicates and inserts bytes.
func cuts(body []byte) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for i := range body {
			without := append(bytes.Clone(body[:i]), body[i+1:]...)
			double := append(bytes.Clone(body[:i+1]), body[i:]...)
			amp := append(append(bytes.Clone(body[:i]), '&'), body[i:]...)
			blank := append(append(bytes.Clone(body[:i]), '+'), body[i:]...)
			end := bytes.Clone(body[:i])
			for what, forged := range map[string][]byte{"without": without, "double": double, "separator": amp, "blank": blank, "cut off": end} {
				if !yield(fmt.Sprintf("%s at byte %d", what, i), forged) {
					return
				}
			}
		}
	}
}

// pairwise removes, duplicates, empties, renames and merges parameters.
func pairwise(body []byte) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		pairs := strings.Split(string(body), "&")
		try := func(what string, i int, forged []string) bool {
			return yield(fmt.Sprintf("%s %s", what, pairs[i]), []byte(strings.Join(forged, "&")))
		}
		for i, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			with := func(put ...string) []string {
				return append(append(append([]string{}, pairs[:i]...), put...), pairs[i+1:]...)
			}
			for what, forged := range map[string][]string{
				"drop": with(), "double": with(pair, pair), "another before": with(name+"=x", pair), "another behind": with(pair, name+"=x"),
				"empty before": with(name+"=", pair), "blank": with(name + "="), "upper case": with(strings.ToUpper(name) + "=" + value),
				"escaped name": with(fmt.Sprintf("%%%02x%s=%s", name[0], name[1:], value)), "array": with(name + "[]=" + value),
				"trailing blank": with(pair + "+"), "trailing line end": with(pair + "%0D%0A"), "leading blank": with(name + "=+" + value),
				"zero byte": with(pair + "%00"), "no-break blank": with(pair + "%C2%A0"), "semicolon": with(pair + ";a=b"),
				"new": with(pair, "zz=1"), "new empty": with(pair, "zz="), "new known": with(pair, "buyer_id=2088"), "own sn": with(pair, "alipay_cert_sn="+currentSN),
				"other sn": with(pair, "alipay_cert_sn="+nextSN), "unknown sn": with(pair, "alipay_cert_sn=00"), "auth_app_id": with(pair, "auth_app_id=2021000000000009"),
			} {
				if !try(what, i, forged) {
					return
				}
			}
			for j, other := range pairs {
				if j == i {
					continue
				}
				swallowed := append([]string{}, pairs...)
				swallowed[i] += "%26" + strings.ReplaceAll(other, "=", "%3D")
				swallowed = append(swallowed[:j], swallowed[j+1:]...)
				otherName, otherValue, _ := strings.Cut(other, "=")
				swapped := append([]string{}, pairs...)
				swapped[i], swapped[j] = name+"="+otherValue, otherName+"="+value
				if !try("swallow "+otherName+" into", i, swallowed) || !try("swap with "+otherName, i, swapped) {
					return
				}
			}
		}
	}
}

// values changes the encoding, mostly without changing the decoded values.
func values(body []byte) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		text := string(body)
		for what, forged := range map[string]string{
			"escapes in lower case": lowerEscapes(text), "blanks as %20": strings.ReplaceAll(text, "+", "%20"),
			"stars plain": strings.ReplaceAll(text, "%2A", "*"), "slashes plain": strings.ReplaceAll(text, "%2F", "/"),
			"padding plain": strings.ReplaceAll(text, "%3D", "="), "pluses plain": strings.ReplaceAll(text, "%2B", "+"),
			"decoded":       strings.NewReplacer("%7B", "{", "%22", `"`, "%3A", ":", "%7D", "}", "%2C", ",").Replace(text),
			"encoded again": strings.ReplaceAll(text, "%", "%25"), "byte order mark": "\xef\xbb\xbf" + text, "line end": text + "\n",
			"RSA": strings.ReplaceAll(text, "sign_type=RSA2", "sign_type=RSA"), "lower": strings.ReplaceAll(text, "sign_type=RSA2", "sign_type=rsa2"),
			"RSA3": strings.ReplaceAll(text, "sign_type=RSA2", "sign_type=RSA3"), "MD5": strings.ReplaceAll(text, "sign_type=RSA2", "sign_type=MD5"),
			"HMAC": strings.ReplaceAll(text, "sign_type=RSA2", "sign_type=HMAC-SHA256"), "SM2": strings.ReplaceAll(text, "sign_type=RSA2", "sign_type=SM2"),
			"none": strings.ReplaceAll(text, "sign_type=RSA2", "sign_type="), "gone": strings.ReplaceAll(text, "sign_type=RSA2", "a=b"),
			"other charset": strings.ReplaceAll(text, "charset=UTF-8", "charset=GBK"), "GBK as UTF-8": strings.ReplaceAll(text, "charset=GBK", "charset=UTF-8"),
			"other application": strings.ReplaceAll(text, appID, "2021000000000002"), "JSON": "{}", "nothing": "", "doubled": text + "&" + text,
		} {
			if !yield(what, []byte(forged)) {
				return
			}
		}
		for i := range body { // every literal byte, escaped
			if c := body[i]; c != '&' && c != '=' && c != '%' && c != '+' {
				if !yield(fmt.Sprintf("byte %d escaped", i), []byte(fmt.Sprintf("%s%%%02X%s", text[:i], c, text[i+1:]))) {
					return
				}
			}
		}
	}
}

func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i:], bytes.ToLower(b[i:i+3]))
		}
	}
	return string(b)
}

// orders shuffles the parameters 100 times.
func orders(body []byte) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		random := rand.New(rand.NewPCG(1, 2))
		pairs := strings.Split(string(body), "&")
		for range 100 {
			random.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
			if !yield("order", []byte(strings.Join(pairs, "&"))) {
				return
			}
		}
	}
}
