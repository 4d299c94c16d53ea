package signing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fundpass/keys"
)

const (
	demoMethod = "alipay.demo.query"
	demoRoot   = "alipay_demo_query_response"
)

// verifyResponse parses and checks a body as checkedTransport does.
func verifyResponse(keyring *keys.AlipayKeyring, body []byte, method string) (response, error) {
	a, err := parseResponse(body, method)
	if err == nil {
		err = a.check(keyring)
	}
	return a, err
}

// verdicts are the errors of testdata/answers.json: the one that must match and one that
// must not.
var verdicts = map[string]struct{ is, isNot error }{
	"forged":        {ErrForged, ErrConfiguration},
	"unavailable":   {ErrUnavailable, ErrForged},
	"code":          {ErrCodeInvalid, ErrUnavailable},
	"configuration": {ErrConfiguration, ErrUnavailable},
}

var signCall = regexp.MustCompile(`(?s)(SIGN|OTHER)\((.*?)\)"`)

// fill replaces SIGN(text) and OTHER(text) by the signature of text.
func fill(t testing.TB, body string) []byte {
	return signCall.ReplaceAllFunc([]byte(body), func(call []byte) []byte {
		part := signCall.FindSubmatch(call)
		key := alipayKey()
		if string(part[1]) == "OTHER" {
			key = otherKey()
		}
		return []byte(mustSign(t, key, string(part[2])) + `"`)
	})
}

func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	var file struct {
		Cases []struct {
			Name, Verdict, Body, Content string
			Latin1                       bool // each letter of body is one byte
		}
	}
	readTestdata(t, "answers.json", &file)
	keyring := testKeyring(t)
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			if c.Latin1 {
				c.Body = latin1(c.Body)
			}
			want, known := verdicts[c.Verdict]
			if !known && c.Verdict != "ok" {
				t.Fatalf("verdict %q", c.Verdict)
			}
			body := fill(t, c.Body)
			for range 10 { // the members are in a map, whose order must not matter
				a, err := verifyResponse(keyring, body, demoMethod)
				switch {
				case !known && (err != nil || string(a.content) != c.Content):
					t.Fatalf("got %q, %v; want %q", a.content, err, c.Content)
				case known && (!errors.Is(err, want.is) || errors.Is(err, want.isNot)):
					t.Fatalf("got %v, want %v", err, want.is)
				}
			}
		})
	}
}

// sign may contain JSON escapes such as \/, which PHP writes.
func TestSignEscaped(t *testing.T) {
	t.Parallel()
	signature := mustSign(t, alipayKey(), `{"a":1}`)
	for name, c := range map[string]struct {
		sign string
		want error
	}{
		"slash":      {strings.ReplaceAll(signature, "/", `\/`), nil},
		"unicode":    {fmt.Sprintf(`\u%04x`, signature[0]) + signature[1:], nil},
		"line break": {signature + `\n`, ErrForged},
		"CR inside":  {signature[:76] + `\r\n` + signature[76:], ErrForged},
		"raw break":  {signature + "\n", ErrUnavailable},
	} {
		body := `{"` + demoRoot + `":{"a":1},"sign":"` + c.sign + `"}`
		if _, err := verifyResponse(testKeyring(t), []byte(body), demoMethod); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnswerBounds(t *testing.T) {
	t.Parallel()
	signedAnswer := func(content string) []byte {
		return []byte(`{"` + demoRoot + `":` + content + `,"sign":"` + mustSign(t, alipayKey(), content) + `"}`)
	}
	nested := func(n int) string {
		return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	wide := func(n int) string { return `{"a":"` + strings.Repeat("x", n) + `"}` }
	cases := map[string]struct {
		content string
		ok      bool
	}{
		"deep enough": {nested(maxDepth - 2), true},
		"too deep":    {nested(maxDepth - 1), false},
		"far deeper":  {nested(100_000), false},
		"big enough":  {wide(maxResponse - 1000), true},
		"too big":     {wide(maxResponse), false},
		"braces told": {`{"a":"` + strings.Repeat(`{[\"`, 100) + `"}`, true},
	}
	for name, c := range cases {
		_, err := verifyResponse(testKeyring(t), signedAnswer(c.content), demoMethod)
		if c.ok != (err == nil) || err != nil && !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// genuine returns a signed response and its content.
func genuine(t testing.TB) (body []byte, content string) {
	content = `{"code":"10000","msg":"Success","passed":"F","note":"a\/b","n":[1,{"x":null}]}`
	body = fmt.Appendf(nil, `{"%s":%s,"alipay_cert_sn":"%s","sign":"%s"}`,
		demoRoot, content, testSN, mustSign(t, alipayKey(), content))
	return body, content
}

// tamper fails the test if a changed body is accepted with another content.
func tamper(t *testing.T, keyring *keys.AlipayKeyring, what string, body []byte, content string) (accepted bool) {
	t.Helper()
	a, err := verifyResponse(keyring, body, demoMethod)
	if err != nil {
		if !errors.Is(err, ErrUnavailable) {
			t.Fatalf("%s: rejected with %v", what, err)
		}
		return false
	}
	if string(a.content) != content || a.root != demoRoot {
		t.Fatalf("%s: accepted %q", what, a.content)
	}
	return true
}

func TestFlippedBytes(t *testing.T) {
	t.Parallel()
	keyring := testKeyring(t)
	body, content := genuine(t)
	accepted := 0
	for i := range body {
		for _, bit := range []byte{1, 2, 4, 8, 16, 32, 64, 128} {
			changed := slices.Clone(body)
			changed[i] ^= bit
			if tamper(t, keyring, fmt.Sprintf("byte %d bit %d", i, bit), changed, content) {
				accepted++
			}
		}
		for what, changed := range map[string][]byte{
			"dropped": slices.Delete(slices.Clone(body), i, i+1),
			"doubled": slices.Insert(slices.Clone(body), i, body[i]),
			"cut":     body[:i],
		} {
			if tamper(t, keyring, fmt.Sprintf("byte %d %s", i, what), changed, content) {
				accepted++
			}
		}
	}
	// Only changes of the name alipay_cert_sn are harmless: without it every key is tried.
	if limit := len("alipay_cert_sn") * 11; accepted > limit {
		t.Errorf("%d changes accepted, at most %d can be harmless", accepted, limit)
	}
}

func TestMemberOrder(t *testing.T) {
	t.Parallel()
	keyring := testKeyring(t)
	_, content := genuine(t)
	members := []string{
		`"` + demoRoot + `":` + content,
		`"alipay_cert_sn":"` + testSN + `"`,
		`"sign":"` + mustSign(t, alipayKey(), content) + `"`,
	}
	object := func(parts ...string) []byte { return []byte("{" + strings.Join(parts, ",") + "}") }
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		body := object(members[order[0]], members[order[1]], members[order[2]])
		if !tamper(t, keyring, fmt.Sprint("order ", order), body, content) {
			t.Errorf("order %v rejected", order)
		}
	}
	for i := range members {
		dropped := object(slices.Delete(slices.Clone(members), i, i+1)...)
		if tamper(t, keyring, fmt.Sprint("dropped ", i), dropped, content) != (i == 1) {
			t.Errorf("without member %d", i)
		}
		for at := range len(members) + 1 {
			twice := object(slices.Insert(slices.Clone(members), at, members[i])...)
			if tamper(t, keyring, fmt.Sprint("twice ", i), twice, content) {
				t.Errorf("member %d twice, at %d, accepted", i, at)
			}
		}
	}
}

// The content equals the signed bytes, also after response.body.
func TestContentIsUnchanged(t *testing.T) {
	t.Parallel()
	keyring := testKeyring(t)
	blank := rapid.StringOfN(rapid.SampledFrom([]rune(" \t\r\n")), 0, 3, -1)
	rapid.Check(t, func(t *rapid.T) {
		fields := rapid.MapOfN(rapid.StringN(0, 6, -1), rapid.StringN(0, 10, -1), 0, 5).Draw(t, "fields")
		delete(fields, "code") // in any case, because encoding/json ignores it
		for name := range fields {
			if strings.EqualFold(name, "code") || strings.EqualFold(name, "sub_code") {
				delete(fields, name)
			}
		}
		raw, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		content := "{" + blank.Draw(t, "inside") + string(raw[1:])
		signature, err := Sign(alipayKey(), content)
		if err != nil {
			t.Fatal(err)
		}
		gap := func() string { return blank.Draw(t, "gap") }
		body := gap() + "{" + gap() + `"` + demoRoot + `"` + gap() + ":" + gap() + content + gap() + "," +
			gap() + `"sign"` + gap() + ":" + gap() + `"` + signature + `"` + gap() + "}" + gap()
		a, err := verifyResponse(keyring, []byte(body), demoMethod)
		if err != nil || string(a.content) != content {
			t.Fatalf("got %q, %v; want %q", a.content, err, content)
		}
		again, err := verifyResponse(keyring, a.body(), demoMethod)
		if err != nil || !bytes.Equal(again.content, a.content) {
			t.Fatalf("encoded again: %q, %v", again.content, err)
		}
	})
}

// With two keys in the keyring, as during a rotation, both are accepted.
func TestTwoKeys(t *testing.T) {
	t.Parallel()
	keyring, err := keys.NewAlipayKeyring("2021000000000001", ownKey(), []keys.AlipayKey{
		{Public: &alipayKey().PublicKey}, {Public: &otherKey().PublicKey}})
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range []string{"SIGN", "OTHER"} {
		body := fill(t, `{"`+demoRoot+`":{"a":1},"sign":"`+call+`({"a":1})"}`)
		if _, err := verifyResponse(keyring, body, demoMethod); err != nil {
			t.Errorf("%s: %v", call, err)
		}
	}
	named := fill(t, `{"`+demoRoot+`":{"a":1},"alipay_cert_sn":"`+testSN+`","sign":"SIGN({"a":1})"}`)
	if _, err := verifyResponse(keyring, named, demoMethod); !errors.Is(err, ErrForged) || !errors.Is(err, keys.ErrUnknownSN) {
		t.Errorf("a serial in public-key mode: %v", err)
	}
}

// A serial number selects its key; a signature by the other key is rejected.
func TestSerialSelectsKey(t *testing.T) {
	t.Parallel()
	otherSN := strings.Repeat("f", 32)
	keyring, err := keys.NewAlipayKeyring("2021000000000001", ownKey(), []keys.AlipayKey{
		{SN: testSN, Public: &alipayKey().PublicKey}, {SN: otherSN, Public: &otherKey().PublicKey}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sn, call string
		want     error
	}{{testSN, "SIGN", nil}, {otherSN, "OTHER", nil}, {testSN, "OTHER", ErrForged}, {otherSN, "SIGN", ErrForged}} {
		body := fill(t, `{"`+demoRoot+`":{"a":1},"alipay_cert_sn":"`+c.sn+`","sign":"`+c.call+`({"a":1})"}`)
		if _, err := verifyResponse(keyring, body, demoMethod); !errors.Is(err, c.want) {
			t.Errorf("%s by %s: %v", c.sn, c.call, err)
		}
	}
}

func FuzzParseResponse(f *testing.F) {
	f.Add([]byte(`{"alipay_demo_query_response":{"code":"10000","a":"\"}{"},"sign":"x","alipay_cert_sn":"y"}`))
	f.Add([]byte(`{"error_response":{"code":"40002","sub_code":"isv.code-invalid"}}`))
	f.Add([]byte(`{"alipay_demo_query_response":"AAAA","sign":"\/"}`))
	keyring := testKeyring(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := parseResponse(body, demoMethod)
		if err != nil {
			if a.content != nil || !errors.Is(err, ErrUnavailable) {
				t.Fatalf("%q with %v", a.content, err)
			}
			return
		}
		if !bytes.Contains(body, a.content) || !json.Valid(a.content) || a.root != demoRoot && a.root != "error_response" {
			t.Fatalf("content %q under %q", a.content, a.root)
		}
		if a.check(keyring) == nil { // the fuzzer has no key
			t.Fatalf("accepted %q", body)
		}
	})
}
