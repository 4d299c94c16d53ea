package signing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"fundpass/keys"
)

const (
	maxAnswer = 1 << 20 // bytes; real answers have about 1 KiB
	maxDepth  = 32      // nesting; real answers have 2 or 3
)

// An answer is what gateway.do sent back, taken apart but not yet believed:
//
//	{"<method with _ for .>_response": content, "sign": "...", "alipay_cert_sn": "..."}
//
// Old interfaces put a refusal under "error_response" instead. Source: Alipay open
// platform, "verify the signature yourself: synchronous responses".
type answer struct {
	root    string // the key content stood under
	content []byte // exactly as received, an encrypted string with its quotes: this is what is signed
	sign    string // "" = none; refusals often have none
	certSN  string // certificate mode: which of Alipay's keys signed
}

// parseAnswer takes body apart. It is strict where two readers could differ: one
// JSON object and nothing behind it, no key twice, one content, and that of method.
// Fails with ErrUnavailable (not an answer at all) or ErrForged (an ambiguous one).
func parseAnswer(body []byte, method string) (answer, error) {
	nodes, err := splitObject(body)
	if err != nil {
		return answer{}, err
	}
	a, err := pickContent(nodes, strings.ReplaceAll(method, ".", "_")+"_response")
	if err != nil {
		return answer{}, err
	}
	for key, to := range map[string]*string{"sign": &a.sign, "alipay_cert_sn": &a.certSN} {
		raw, ok := nodes[key]
		if ok && (raw[0] != '"' || json.Unmarshal(raw, to) != nil) {
			return answer{}, fmt.Errorf("%w: %s is not a string", ErrForged, key)
		}
	}
	return a, nil
}

// splitObject returns the members of the object that body is, each value as the
// bytes received.
func splitObject(body []byte) (map[string]json.RawMessage, error) {
	if len(body) > maxAnswer || depth(body) > maxDepth || !json.Valid(body) {
		return nil, fmt.Errorf("%w: answer is not JSON within bounds", ErrUnavailable)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, _ := dec.Token(); open != json.Delim('{') {
		return nil, fmt.Errorf("%w: answer is not a JSON object", ErrUnavailable)
	}
	nodes := make(map[string]json.RawMessage, 3)
	for dec.More() {
		token, err := dec.Token()
		key, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || dec.Decode(&value) != nil {
			return nil, fmt.Errorf("%w: answer is not a JSON object", ErrUnavailable)
		}
		if _, twice := nodes[key]; twice {
			return nil, fmt.Errorf("%w: a member is given twice", ErrForged)
		}
		nodes[key] = value
	}
	return nodes, nil
}

// depth returns how deep braces and brackets outside strings are nested.
func depth(body []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// pickContent finds the one content. Members that are no content and unknown to us
// are left alone: nothing reads them, and Alipay may add some.
func pickContent(nodes map[string]json.RawMessage, root string) (answer, error) {
	var a answer
	for key, value := range nodes {
		switch {
		case key != root && key != "error_response":
			if strings.HasSuffix(key, "_response") {
				return answer{}, fmt.Errorf("%w: content of another method", ErrForged)
			}
		case a.content != nil:
			return answer{}, fmt.Errorf("%w: two contents", ErrForged)
		default:
			a.root, a.content = key, value
		}
	}
	switch {
	case a.content == nil:
		return answer{}, fmt.Errorf("%w: answer without content", ErrUnavailable)
	case bytes.Equal(a.content, []byte("null")):
		return answer{}, fmt.Errorf("%w: content is null", ErrForged)
	}
	return a, nil
}

// check decides what the answer is worth: nil for a success that Alipay signed, a
// refusal, ErrForged, or ErrUnavailable for content we cannot read.
//
// A refusal needs no signature, Alipay often sends none, but one that is there must
// be right. Signatures are over bytes, so they are checked before any text is read:
// Alipay sends GBK error texts although UTF-8 was asked for.
func (a answer) check(keyring *keys.AlipayKeyring) error {
	if a.sign != "" {
		if err := a.verify(keyring); err != nil {
			return err
		}
	}
	var said struct {
		Code    string `json:"code"`
		SubCode string `json:"sub_code"`
	}
	unreadable := json.Unmarshal(a.content, &said) != nil // encrypted, too: we never ask for that
	refused := a.root == "error_response" || said.SubCode != "" || said.Code != "" && said.Code != "10000"
	switch {
	case !unreadable && refused && said.Code != "10000":
		return newRefusal(said.Code, said.SubCode)
	case a.sign == "":
		return fmt.Errorf("%w: success without signature", ErrForged)
	case unreadable || refused || !utf8.Valid(a.content):
		return fmt.Errorf("%w: content not readable", ErrUnavailable)
	}
	return nil
}

// verify accepts a signature by the key that alipay_cert_sn names, or, without one,
// by any of the keyring's. A serial number we do not hold is refused: fetching the
// certificate would let whoever answers choose the key.
func (a answer) verify(keyring *keys.AlipayKeyring) error {
	signature, err := decodeSignature(a.sign)
	if err != nil {
		return fmt.Errorf("%w: sign is not base64", ErrForged)
	}
	if a.certSN == "" {
		return verifyAny(keyring.AlipayKeys(), a.content, signature)
	}
	key, err := keyring.AlipayKey(a.certSN)
	if err != nil {
		return fmt.Errorf("%w: alipay_cert_sn: %w", ErrForged, keys.ErrUnknownSN)
	}
	return verifyAny([]keys.AlipayKey{key}, a.content, signature)
}

func verifyAny(trusted []keys.AlipayKey, text, signature []byte) error {
	for _, key := range trusted {
		if verify(key.Public, text, signature) == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", ErrForged, ErrSignature)
}

// body writes the answer down again with nothing ambiguous left in it, for the SDK,
// which slices instead of parsing. alipay_cert_sn is left out: the SDK would look it
// up among verifiers it does not have.
func (a answer) body() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"%s":%s,"sign":"%s"}`, a.root, a.content, a.sign)
	return b.Bytes()
}
