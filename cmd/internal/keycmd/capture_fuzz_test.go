package keycmd

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
)

// FuzzVerify checks that no input makes verify panic, that the body is part of the input,
// and that the output has no control characters.
func FuzzVerify(f *testing.F) {
	s := cmdtest.NewBareEnv(f)
	_, keyring, err := settings.ReadKeyring(cmdtest.GetenvOf(keyringEnv(s)))
	cmdtest.NoError(f, err)
	for _, fault := range []string{"", "altered", "wrong_key", "duplicate", "sha1"} {
		f.Add([]byte(notification(s, cancelled, fault)))
	}
	f.Add([]byte("POST / HTTP/1.1\r\nContent-Type: x\r\n\r\n" + notification(s, "alipay.service.check", "")))
	f.Add([]byte("GET /alipay/spi?method=a&utc_timestamp=1&sign=%1b%ff HTTP/1.1\n\n"))
	f.Add([]byte(`{"a_response":{"code":"\u001b"},"sign":"x"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseCapture(raw)
		if err != nil {
			if len(c.body) > 0 {
				t.Error("a body beside an error")
			}
			return
		}
		if !bytes.Contains(raw, c.body) {
			t.Errorf("made up: %q", c.body)
		}
		var out strings.Builder
		r := c.diagnose(keyring)
		printReport(terminal.Stdio{Out: &out}, r)
		for _, text := range []string{strings.ReplaceAll(out.String(), "\n", ""), printable(r.Text)} {
			if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(text) {
				t.Errorf("%q", text)
			}
		}
	})
}
