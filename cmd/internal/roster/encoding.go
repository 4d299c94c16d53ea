package roster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	utf16 "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// An encoding is that of a whole roster, never of a line: many lines read in two
// encodings, as two different names.
type encoding string

const (
	autoEncoding encoding = "" // found out by looking through the file
	inUTF8       encoding = "utf-8"
	inGB18030    encoding = "gb18030" // which GBK and GB 2312 are part of
	inUTF16LE    encoding = "utf-16le"
	inUTF16BE    encoding = "utf-16be"
)

var encodings = []encoding{inUTF8, inGB18030, inUTF16LE, inUTF16BE}

const encodingUsage = "utf-8, gb18030, utf-16le or utf-16be; by default found out, and a file that could be in two is refused"

func parseEncoding(s string) (encoding, error) {
	e := encoding(strings.ToLower(s))
	if e != autoEncoding && !slices.Contains(encodings, e) {
		return e, errors.New("--encoding is one of utf-8, gb18030, utf-16le and utf-16be")
	}
	return e, nil
}

func (e encoding) isUTF16() bool { return e == inUTF16LE || e == inUTF16BE }

// marks are the byte order marks with which a file may begin.
var marks = []struct {
	mark string
	encoding
}{
	{"\xef\xbb\xbf", inUTF8},
	{"\x84\x31\x95\x33", inGB18030},
	{"\xff\xfe", inUTF16LE},
	{"\xfe\xff", inUTF16BE},
}

// sniff returns the encoding that the beginning of a file shows, by a mark or by the
// zero bytes that UTF-16 has beside every ASCII character.
func sniff(head []byte) (encoding, error) {
	if bytes.HasPrefix(head, []byte("\xff\xfe\x00\x00")) || bytes.HasPrefix(head, []byte("\x00\x00\xfe\xff")) {
		return "", errors.New("the file is UTF-32: save it as CSV in UTF-8")
	}
	for _, m := range marks {
		if bytes.HasPrefix(head, []byte(m.mark)) {
			return m.encoding, nil
		}
	}
	var zeros [2]int
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		}
	}
	switch {
	case zeros[0] == 0 && zeros[1] == 0:
		return autoEncoding, nil
	case zeros[0] == 0:
		return inUTF16LE, nil
	case zeros[1] == 0:
		return inUTF16BE, nil
	}
	return "", errors.New("the file is no text: save it as CSV in UTF-8, not as a workbook")
}

// sniffed is how much of a file sniff looks at.
const sniffed = 4 << 10

// openAs opens a file as it is, or a UTF-16 file as UTF-8.
func openAs(path string, as encoding) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	order := utf16.LittleEndian
	switch as {
	case inUTF16BE:
		order = utf16.BigEndian
	case inUTF16LE:
	default:
		return f, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{transform.NewReader(f, utf16.UTF16(order, utf16.IgnoreBOM).NewDecoder()), f}, nil
}

// encodingCounts has the first line of each reading in a file, and how many there are.
type encodingCounts [readsNeither + 1]struct{ first, lines int64 }

func (v *encodingCounts) count(r reading, line int64) {
	if v[r].lines++; v[r].first == 0 {
		v[r].first = line
	}
}

// decide returns the encoding that every line agrees with.
func (v *encodingCounts) decide() (encoding, error) {
	const say = "save the file in one encoding, or say which one with --encoding: lines in the other are then refused"
	u, g := v[readsUTF8], v[readsGB18030]
	switch {
	case u.lines > 0 && g.lines >= u.lines:
		return "", fmt.Errorf("line %d is UTF-8, other lines are GB18030: %s", u.first, say)
	case u.lines > 0 && g.lines > 0:
		return "", fmt.Errorf("line %d is GB18030, other lines are UTF-8: %s", g.first, say)
	case g.lines > 0:
		return inGB18030, nil
	case u.lines > 0:
		return inUTF8, nil
	case v[readsBoth].lines > 0:
		return "", fmt.Errorf("line %d reads in UTF-8 and in GB18030, as different names, and no other line tells which: say --encoding utf-8 or --encoding gb18030", v[readsBoth].first)
	case v[readsNeither].lines > 0:
		return "", fmt.Errorf("line %d is neither UTF-8 nor GB18030: save the file as CSV in UTF-8", v[readsNeither].first)
	}
	return inUTF8, nil
}

// A reading says in which encodings a line is text.
type reading int

const (
	readsASCII reading = iota // which is in both the same
	readsUTF8
	readsGB18030
	readsBoth
	readsNeither
)

// read returns the encodings in which a line is text. Nearly every line in UTF-8 is also
// a sequence of GBK characters, but of unused ones; so a line with Chinese characters in
// UTF-8 counts as GBK only if it has nothing but characters of GB 2312 there. A line
// without Chinese characters in UTF-8 is no sign of UTF-8, unless it spells Latin words.
func read(line string) reading {
	switch {
	case isASCII(line):
		return readsASCII
	case !utf8.ValidString(line):
		if _, ok := fromGB18030(line); ok {
			return readsGB18030
		}
		return readsNeither
	case !isGBK(line, hasChinese(line)) || isLatin(line):
		return readsUTF8
	}
	return readsBoth
}

// hasChinese reports whether a line has a character of three bytes or more in UTF-8.
func hasChinese(line string) bool {
	return strings.ContainsFunc(line, func(r rune) bool { return r >= 0x800 })
}

// isGBK reports whether a line is whole pairs of GBK, or of GB 2312 only.
func isGBK(line string, gb2312 bool) bool {
	for i := 0; i < len(line); i++ {
		b := line[i]
		if b < utf8.RuneSelf {
			continue
		}
		if i++; i == len(line) {
			return false
		}
		trail := line[i]
		common := 0xA1 <= b && b <= 0xF7 && 0xA1 <= trail && trail <= 0xFE
		rare := 0x81 <= b && b <= 0xFE && 0x40 <= trail && trail <= 0xFE && trail != 0x7F
		if gb2312 && !common || !rare {
			return false
		}
	}
	return true
}

// isLatin reports whether all characters beyond ASCII are Latin letters or dots, and
// one of them is next to a letter of ASCII, as in JOSÉ.
func isLatin(line string) bool {
	beside, before := false, ' '
	for _, r := range line {
		plain := r < utf8.RuneSelf
		if !plain && r != '·' && !unicode.Is(unicode.Latin, r) {
			return false
		}
		beside = beside || plain != (before < utf8.RuneSelf) && (isLetter(r) || isLetter(before))
		before = r
	}
	return beside
}

func isLetter(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func fromGB18030(line string) (string, bool) {
	s, err := simplifiedchinese.GB18030.NewDecoder().String(line)
	return s, err == nil && !strings.ContainsRune(s, utf8.RuneError)
}
