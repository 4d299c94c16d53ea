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
	a, err := parseResponse(raw, strings.ReplaceAll(strings.TrimSuffix(root, "_response"), "_", "."))
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
		r.Reason = "Alipay signs every success, and this one has no sign"
	case errors.Is(r.Verdict, keys.ErrUnknownSN):
		r.Reason = "alipay_cert_sn names a certificate that is not configured: download Alipay's certificate from the console and add it"
	case !r.Genuine:
		r.Reason = r.contentReason(keyring, a.content, a.sign)
	}
}

// contentRoot returns the member of raw that holds the content, or "" if there is none.
func contentRoot(raw []byte) (root string) {
	var nodes map[string]json.RawMessage
	_ = json.Unmarshal(raw, &nodes) // invalid JSON has no root
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
		r.Verdict, r.Reason = err, "not a payload of my.getPhoneNumber, which has response and sign, each once; if sign is missing, the key, the content key or the gateway is not set in the console"
		return
	}
	r.setText(p.signed)
	if r.Verdict = p.verify(keyring); r.Verdict != nil {
		r.Reason = r.contentReason(keyring, p.signed, p.sign)
		return
	}
	r.Genuine = true
	if p.encrypted == "" {
		_, r.Verdict = readPhone(p.signed)
	}
}

// contentReason returns the likely cause for which sign is not the signature of content.
func (r *Report) contentReason(keyring *keys.AlipayKeyring, content []byte, sign string) string {
	info, found := inspectSignature(keyring, sign)
	if !found || info.own || info.sha1() {
		return r.wrongKey(info, found)
	}
	for _, d := range contentCorruptions {
		if info.matches(d.undo(content)) {
			return joinReasons(info.repair, d.what)
		}
	}
	return joinReasons(info.repair, "the signature is Alipay's, by "+sourceOf(info.key)+", but over another text: the content was altered")
}
