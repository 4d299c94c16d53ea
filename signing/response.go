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
	maxResponse = 1 << 20 // bytes; real responses have about 1 KiB
	maxDepth    = 32      // levels of nesting; real responses have 2 or 3
)

// A response is a parsed response of gateway.do whose signature has not been verified:
//
//	{"<method with _ for .>_response": content, "sign": "...", "alipay_cert_sn": "..."}
//
// Refusals of old interfaces have "error_response" instead. Source: Alipay open
// platform, "verify the signature yourself: synchronous responses".
type response struct {
	root    string // the key of content
	content []byte // the signed bytes, as received; an encrypted string includes its quotes
	sign    string // base64; "" if missing, as in many refusals
	certSN  string // certificate mode: serial number of the certificate that signed
}

// parseResponse parses body as the response to method. It rejects what two parsers could
// interpret differently: body must be one JSON object without trailing data, without
// duplicate keys, and with one content, which must be that of method. It returns
// ErrUnavailable if body is no response, and ErrForged if it is ambiguous.
func parseResponse(body []byte, method string) (response, error) {
	nodes, err := splitObject(body)
	if err != nil {
		return response{}, err
	}
	a, err := pickContent(nodes, strings.ReplaceAll(method, ".", "_")+"_response")
	if err != nil {
		return response{}, err
	}
	for key, to := range map[string]*string{"sign": &a.sign, "alipay_cert_sn": &a.certSN} {
		raw, ok := nodes[key]
		if ok && (raw[0] != '"' || json.Unmarshal(raw, to) != nil) {
			return response{}, fmt.Errorf("%w: %s is not a string", ErrForged, key)
		}
	}
	return a, nil
}

// splitObject returns the members of a JSON object; the values are the bytes received.
func splitObject(body []byte) (map[string]json.RawMessage, error) {
	if len(body) > maxResponse || depth(body) > maxDepth || !json.Valid(body) {
		return nil, fmt.Errorf("%w: response is not JSON or exceeds a limit", ErrUnavailable)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, _ := dec.Token(); open != json.Delim('{') {
		return nil, fmt.Errorf("%w: response is not a JSON object", ErrUnavailable)
	}
	nodes := make(map[string]json.RawMessage, 3)
	for dec.More() {
		token, err := dec.Token()
		key, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || dec.Decode(&value) != nil {
			return nil, fmt.Errorf("%w: response is not a JSON object", ErrUnavailable)
		}
		if _, twice := nodes[key]; twice {
			return nil, fmt.Errorf("%w: duplicate member", ErrForged)
		}
		nodes[key] = value
	}
	return nodes, nil
}

// depth returns the maximum nesting of braces and brackets outside strings.
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

// pickContent returns the content of nodes, which must be the only one. It ignores
// members that are not contents, because Alipay may add some.
func pickContent(nodes map[string]json.RawMessage, root string) (response, error) {
	var a response
	for key, value := range nodes {
		switch {
		case key != root && key != "error_response":
			if strings.HasSuffix(key, "_response") {
				return response{}, fmt.Errorf("%w: content of another method", ErrForged)
			}
		case a.content != nil:
			return response{}, fmt.Errorf("%w: two contents", ErrForged)
		default:
			a.root, a.content = key, value
		}
	}
	switch {
	case a.content == nil:
		return response{}, fmt.Errorf("%w: response has no content", ErrUnavailable)
	case bytes.Equal(a.content, []byte("null")):
		return response{}, fmt.Errorf("%w: content is null", ErrForged)
	}
	return a, nil
}

// check returns nil for a signed success, a refusal, ErrForged, or ErrUnavailable if the
// content cannot be decoded.
//
// A refusal may be unsigned, because Alipay signs only some of them, but a signature that
// is present must be valid. The signature is verified before the content is decoded,
// because Alipay sends some error texts in GBK although the request asks for UTF-8.
func (a response) check(keyring *keys.AlipayKeyring) error {
	if a.sign != "" {
		if err := a.verify(keyring); err != nil {
			return err
		}
	}
	var status struct {
		Code    string `json:"code"`
		SubCode string `json:"sub_code"`
	}
	unreadable := json.Unmarshal(a.content, &status) != nil // including encrypted content, which is never requested
	refused := a.root == "error_response" || status.SubCode != "" || status.Code != "" && status.Code != "10000"
	switch {
	case !unreadable && refused && status.Code != "10000":
		return newRefusal(status.Code, status.SubCode)
	case a.sign == "":
		return fmt.Errorf("%w: success without signature", ErrForged)
	case unreadable || refused || !utf8.Valid(a.content):
		return fmt.Errorf("%w: content cannot be decoded", ErrUnavailable)
	}
	return nil
}

// verify verifies the signature with the key that alipay_cert_sn names, or, without it,
// with every key of keyring. It returns ErrForged for a serial number that is not in
// keyring; a download would let the sender of the response choose the key.
func (a response) verify(keyring *keys.AlipayKeyring) error {
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

// verifyAny returns nil if one of trusted signed text, and ErrForged otherwise.
func verifyAny(trusted []keys.AlipayKey, text, signature []byte) error {
	for _, key := range trusted {
		if verify(key.Public, text, signature) == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", ErrForged, ErrSignature)
}

// body encodes the response again, without ambiguities, for the SDK, which locates the
// content by string search. It omits alipay_cert_sn, for which the SDK has no verifier.
func (a response) body() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"%s":%s,"sign":"%s"}`, a.root, a.content, a.sign)
	return b.Bytes()
}
