package signing

import (
	"flag"
	"testing"
)

// The external tests look the flag up, see TestUpdateSigned.
var _ = flag.Bool("update", false, "write the files that tests compare with")

// Invalid GBK is rejected; no byte is replaced.
func TestGBK(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"nothing":              {"", ""},
		"ASCII":                {"{\"a\":1}\x00\x7f", "{\"a\":1}\x00\x7f"},
		"words":                {"\xcf\xb5\xcd\xb3\xb7\xb1\xc3\xa6", "系统繁忙"},
		"first and last":       {"\x81\x40\xfe\x4f", "丂\ufa29"},
		"second byte in ASCII": {"\x81\x5c\x81\x7e", "乗亊"},
		"euro of Windows":      {"\x80", "€"},
		"euro of GB 18030":     {"\xa2\xe3", "€"},
		"U+FFFD in UTF-8":      {"\xef\xbf\xbd\xef\xbf\xbd", "锟斤拷"},
	} {
		if got, ok := decodeGBK(c.in); !ok || string(got) != c.want {
			t.Errorf("%s: %q %v", name, got, ok)
		}
	}
	for name, in := range map[string]string{
		"half":                "\xcf\xb5\xcd",
		"half before ASCII":   "\xcd\x20",
		"second byte 7F":      "\x81\x7f",
		"second byte FF":      "\x81\xff",
		"FF":                  "\xff\x40",
		"code of nothing":     "\xfe\xfe",
		"four bytes":          "\x81\x30\x81\x30",
		"U+FFFD of GB 18030":  "\x84\x31\xa4\x37",
		"one of many letters": "\xcf\xb5\xff\xcd\xb3",
	} {
		if got, ok := decodeGBK(in); ok {
			t.Errorf("%s: read as %q", name, got)
		}
	}
	for in, want := range map[string]string{
		"系统": "\xcf\xb5\xcd\xb3", "a\u3000": "a\xa1\xa1", "€": "\x80", "系😀": "系😀", "\xcf\xb5": "\xcf\xb5", "\ufffd": "\ufffd",
	} {
		if got := encodeGBK(in); got != want {
			t.Errorf("%q becomes %q", in, got)
		}
	}
}
