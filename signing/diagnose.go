package signing

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"fundpass/keys"
)

// A Report says what is to be known about a message, for the person who wonders why
// it is refused. Only Text has values of the message in it.
type Report struct {
	Family  string // a Family, "response" or "phone"; "" = not recognised
	Rule    string // what is signed, in words; "" = not recognised
	Length  int    // of the canonical text, in bytes
	Digest  [sha256.Size]byte
	Tried   []string // the keys tried, by file and certificate serial
	Genuine bool     // Alipay signed this very text
	Verdict error    // nil = it is taken; otherwise one of the errors of this package
	Reason  string   // most likely why it is not; names of parameters at most
	Text    string   // the canonical text: values, perhaps personal data
}

// Diagnose says what becomes of raw, the body of a notification, of an SPI call or of
// a synchronous response, or a payload of my.getPhoneNumber, and why. A line end that
// an editor left behind does not matter.
//
// A signature gives away which key made it and of what digest, so a wrong key is told
// from a changed text with certainty; for a changed text the usual accidents are
// undone one after the other until one fits. Nothing is decided here: the verdict is
// that of the functions the server uses.
func Diagnose(keyring *keys.AlipayKeyring, raw []byte) Report {
	raw = bytes.TrimRight(raw, "\r\n")
	r := Report{Tried: describe(keyring.AlipayKeys())}
	if bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{")) {
		r.object(keyring, raw)
	} else {
		r.form(keyring, raw)
	}
	if r.Verdict != nil && r.Reason == "" {
		r.Reason = r.Verdict.Error()
	}
	return r
}

func describe(trusted []keys.AlipayKey) []string {
	names := make([]string, len(trusted))
	for i, key := range trusted {
		names[i] = fmt.Sprintf("key %d %s", i+1, key.Source)
		if key.SN != "" {
			names[i] += " sn " + key.SN
		}
	}
	return names
}

func (r *Report) setText(text []byte) {
	r.Length, r.Digest, r.Text = len(text), sha256.Sum256(text), string(text)
}
