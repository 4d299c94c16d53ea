package signing

import (
	_ "embed"
	"encoding/binary"
	"strings"
	"sync"
	"unicode/utf8"
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

// gbkTable has the character, big-endian UTF-16, of every two-byte code of GBK:
// first byte 0x81 to 0xFE, second 0x40 to 0xFE, U+FFFD where there is none. Its
// content is that of golang.org/x/text/encoding/simplifiedchinese (WHATWG
// Encoding Standard, index gb18030), which a test compares.
//
//go:embed gbk.bin
var gbkTable string

const gbkRow = 0xFE - 0x40 + 1 // codes per first byte

func decodeGBK(s string) ([]byte, bool) {
	out := make([]byte, 0, len(s)*3/2)
	for i := 0; i < len(s); i++ {
		if s[i] < utf8.RuneSelf {
			out = append(out, s[i])
			continue
		}
		if i+1 == len(s) {
			return nil, false
		}
		r := gbkRune(s[i], s[i+1])
		if r == utf8.RuneError {
			return nil, false
		}
		out = utf8.AppendRune(out, r)
		i++
	}
	return out, true
}

func gbkRune(first, second byte) rune {
	if first < 0x81 || first > 0xFE || second < 0x40 || second > 0xFE {
		return utf8.RuneError
	}
	at := 2 * (int(first-0x81)*gbkRow + int(second-0x40))
	return rune(binary.BigEndian.Uint16([]byte(gbkTable[at : at+2])))
}

// gbkCodes is gbkTable the other way round. Only people who look for a mistake wait
// for it.
var gbkCodes = sync.OnceValue(func() map[rune][2]byte {
	codes := make(map[rune][2]byte, len(gbkTable)/2)
	for at := 0; at < len(gbkTable); at += 2 {
		first, second := byte(0x81+at/2/gbkRow), byte(0x40+at/2%gbkRow)
		if r := gbkRune(first, second); r != utf8.RuneError {
			codes[r] = [2]byte{first, second}
		}
	}
	return codes
})

// encodeGBK returns UTF-8 text in GBK, or s as it is when it cannot be.
func encodeGBK(s string) string {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		code, ok := gbkCodes()[r]
		switch {
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case ok:
			out = append(out, code[:]...)
		default:
			return s
		}
	}
	return string(out)
}
