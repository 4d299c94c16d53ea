package signing

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// knownCharset normalizes the value of Alipay's charset parameter to "UTF-8" or "GBK".
// An empty value is UTF-8. It returns false for any other charset.
func knownCharset(s string) (string, bool) {
	switch {
	case s == "", strings.EqualFold(s, "utf-8"), strings.EqualFold(s, "utf8"):
		return "UTF-8", true
	case strings.EqualFold(s, "gbk"), strings.EqualFold(s, "gb2312"):
		return "GBK", true
	}
	return "", false
}

// toUTF8 converts s to UTF-8. Text that is labelled UTF-8 but is not valid UTF-8 is
// decoded as GBK, because Alipay sends GBK under that label. It returns false if s is
// valid in neither encoding.
func toUTF8(s, charset string) ([]byte, bool) {
	if charset != "GBK" && utf8.ValidString(s) {
		return []byte(s), true
	}
	return decodeGBK(s)
}

// decodeGBK decodes s as GBK in the sense of the WHATWG Encoding Standard: code page
// 936, with the euro sign at 0x80. It returns false if s has an invalid byte. x/text
// replaces such a byte by U+FFFD, which GBK cannot encode.
func decodeGBK(s string) ([]byte, bool) {
	out, err := simplifiedchinese.GBK.NewDecoder().Bytes([]byte(s))
	return out, err == nil && !bytes.ContainsRune(out, utf8.RuneError)
}

// encodeGBK encodes s as GBK. It returns s unchanged if a character has no code in GBK.
func encodeGBK(s string) string {
	out, err := simplifiedchinese.GBK.NewEncoder().String(s)
	if err != nil {
		return s
	}
	return out
}
