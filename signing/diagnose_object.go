package signing

import (
	"encoding/json"
	"errors"
	"strings"

	"fundpass/keys"
)

// object reports on a synchronous response or on a payload of my.getPhoneNumber.
func (r *Report) object(keyring *keys.AlipayKeyring, raw []byte) {
	r.Rule = "the content, byte for byte"
	root := contentRoot(raw)
	if root == "response" {
		r.phone(keyring, raw)
		return
	}
	r.Family = "response"
	a, err := parseAnswer(raw, strings.ReplaceAll(strings.TrimSuffix(root, "_response"), "_", "."))
	if err != nil {
		r.Verdict = err
		return
	}
	r.setText(a.content)
	r.Genuine = a.sign != "" && a.verify(keyring) == nil
	r.Verdict = a.check(keyring)
	var refused refusal
	switch {
	case r.Verdict == nil:
	case errors.As(r.Verdict, &refused):
		r.Reason = "Alipay refused the call: " + refused.code + " " + refused.subCode
		if a.sign == "" {
			r.Reason += " (unsigned, as its refusals often are)"
		}
	case a.sign == "":
		r.Reason = "a success without sign is never Alipay's"
	case errors.Is(r.Verdict, keys.ErrUnknownSN):
		r.Reason = "alipay_cert_sn names a certificate that is not configured: download Alipay's certificate from the console and add it"
	case !r.Genuine:
		r.Reason = r.suspectContent(keyring, a.content, a.sign)
	}
}

// contentRoot returns the name under which the content of an answer stands, as far as
// raw lets one find it.
func contentRoot(raw []byte) (root string) {
	var nodes map[string]json.RawMessage
	_ = json.Unmarshal(raw, &nodes) // what cannot be read has no root
	for name := range nodes {
		if name == "response" || strings.HasSuffix(name, "_response") && root == "" {
			root = name
		}
	}
	return root
}

func (r *Report) phone(keyring *keys.AlipayKeyring, raw []byte) {
	r.Family = "phone"
	p, err := parsePhone(raw)
	if err != nil {
		r.Verdict, r.Reason = err, "not what my.getPhoneNumber gives: response and sign, each once; without sign the console lacks the key, the content key or the gateway"
		return
	}
	r.setText(p.signed)
	if r.Verdict = p.verify(keyring); r.Verdict != nil {
		r.Reason = r.suspectContent(keyring, p.signed, p.sign)
		return
	}
	r.Genuine = true
	if p.encrypted == "" {
		_, r.Verdict = readPhone(p.signed)
	}
}

// suspectContent says why content does not fit its signature.
func (r *Report) suspectContent(keyring *keys.AlipayKeyring, content []byte, sign string) string {
	t, found := traceSign(keyring, sign)
	if !found || t.own || t.sha1() {
		return r.wrongKey(t, found)
	}
	for _, d := range contentCorruptions {
		if t.made(d.undo(content)) {
			return sentence(t.spelt, d.what)
		}
	}
	return sentence(t.spelt, "the signature is Alipay's, made with "+sourceOf(t.key)+", but of another text: the content was altered")
}
