package signing

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// knownCharset returns how Alipay's charset parameter is spelt here, "UTF-8" or
// "GBK". No charset means UTF-8; false means one that Alipay does not send.
func knownCharset(s string) (string, bool) {
	switch {
	case s == "", strings.EqualFold(s, "utf-8"), strings.EqualFold(s, "utf8"):
		return "UTF-8", true
	case strings.EqualFold(s, "gbk"), strings.EqualFold(s, "gb2312"):
		return "GBK", true
	}
	return "", false
}

// toUTF8 returns s in UTF-8. Text that is labelled UTF-8 and is none is read as GBK,
// which Alipay is known to send under the wrong label. It reports false when s is
// neither.
func toUTF8(s, charset string) ([]byte, bool) {
	if charset != "GBK" && utf8.ValidString(s) {
		return []byte(s), true
	}
	return decodeGBK(s)
}

// decodeGBK reads s as the WHATWG Encoding Standard reads GBK: as code page 936, with
// the euro sign at 0x80. It reports false when a byte of s belongs to no character:
// x/text puts U+FFFD there, which no code of GBK stands for.
func decodeGBK(s string) ([]byte, bool) {
	out, err := simplifiedchinese.GBK.NewDecoder().Bytes([]byte(s))
	return out, err == nil && !bytes.ContainsRune(out, utf8.RuneError)
}

// encodeGBK returns UTF-8 text in GBK, or s as it is when it cannot be.
func encodeGBK(s string) string {
	out, err := simplifiedchinese.GBK.NewEncoder().String(s)
	if err != nil {
		return s
	}
	return out
}
