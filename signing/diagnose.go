package signing

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"fundpass/keys"
)

// A Report explains why a message is accepted or rejected. Only Text contains values of
// the message; all other fields may be logged.
type Report struct {
	Family  string            // a Family, "response" or "phone"; "" if not recognized
	Rule    string            // description of the signed text; "" if not recognized
	Length  int               // length of Text in bytes
	Digest  [sha256.Size]byte // SHA-256 of Text
	Tried   []string          // the keys tried: file and certificate serial number
	Genuine bool              // Alipay signed exactly this text
	Verdict error             // nil if the message is accepted, else an error of this package
	Reason  string            // most likely cause of the rejection; contains no values
	Text    string            // the canonical text; may contain personal data
}

// Diagnose verifies raw and reports the likely cause if it is rejected. raw is the body
// of a notification, of an SPI call or of a synchronous response, or a payload of
// my.getPhoneNumber. Line ends at its end are ignored.
//
// The public key recovers the digest from an RSA signature, so Diagnose tells a wrong
// key from a changed text with certainty. For a changed text it undoes the known
// corruptions one after the other until the digest matches. Verdict is the result of
// the functions that the server uses.
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
