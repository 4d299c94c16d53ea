package roster

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// A roster is a centre's list of depositors as CSV: RFC 4180, except that a
// quoted field cannot hold a line break.
type roster struct {
	name     string
	open     func() (io.ReadCloser, error) // UTF-16 comes as UTF-8
	digest   []byte                        // of encoding and content: the same roster goes on where it stopped
	checked  bool                          // digest is key of what open gives
	lines    int64                         // without the last one if it is empty
	encoding encoding
}

// longestLine bounds the memory for a line, whatever the file is.
const longestLine = 64 << 10

// fileRoster reads a file once for its digest, lines and encoding. It refuses a file that
// could be read in two ways.
func fileRoster(path string, as encoding) (roster, error) {
	r := roster{name: path, checked: true, encoding: as}
	info, err := os.Stat(path)
	if err != nil {
		return r, err
	}
	if !info.Mode().IsRegular() {
		return r, errors.New(path + " is not a regular file; it is read twice")
	}
	said, err := r.sniffHead()
	switch {
	case err != nil:
	case said != autoEncoding && as != autoEncoding && said != as:
		err = fmt.Errorf("its beginning is %s, not %s: leave --encoding out, or save the file again", said, as)
	default:
		r.open = func() (io.ReadCloser, error) { return openAs(path, cmp.Or(as, said)) }
		err = r.detectEncoding(said)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// sniffHead returns the encoding that the first bytes state, or autoEncoding.
func (r *roster) sniffHead() (encoding, error) {
	f, err := os.Open(r.name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, sniffed))
	if err != nil {
		return "", err
	}
	return sniff(head)
}

// detectEncoding reads every line and sets encoding, digest and lines. said is the encoding
// that the first bytes state, or autoEncoding.
func (r *roster) detectEncoding(said encoding) error {
	f, err := r.open()
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	lines := newLineReader(io.TeeReader(f, sum))
	var v encodingCounts
	switch said {
	case inUTF8:
		v.count(readsUTF8, 1)
	case inGB18030:
		v.count(readsGB18030, 1)
	case inUTF16LE, inUTF16BE:
		r.encoding = said
	}
	for {
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			r.lines = lines.number
			return r.finish(&v, sum.Sum(nil))
		case lines.bareCR:
			return fmt.Errorf("line %d: a carriage return that ends no line; save the file with line ends LF or CRLF, as CSV for Windows", lines.number)
		case err != nil && !errors.Is(err, errLongLine):
			return err
		case r.encoding.isUTF16() && strings.ContainsRune(line, utf8.RuneError):
			return fmt.Errorf("line %d is not %s: save the file as CSV in UTF-8", lines.number, r.encoding)
		case r.encoding == autoEncoding:
			v.count(read(line), lines.number)
		}
	}
}

// finish sets encoding and digest when all lines have been read.
func (r *roster) finish(v *encodingCounts, sum []byte) (err error) {
	if r.encoding == autoEncoding {
		r.encoding, err = v.decide()
	}
	r.digest = r.key(sum)
	return err
}

// key returns the digest of a content and the encoding in which it is read.
func (r *roster) key(sum []byte) []byte {
	k := sha256.Sum256(append([]byte(r.encoding+" "), sum...))
	return k[:]
}

// decode returns a line in UTF-8, or false if it is not in the roster's encoding; then
// only its ASCII characters, with the commas, are unchanged.
func (r *roster) decode(line string) (string, bool) {
	if r.encoding != inGB18030 {
		return strings.ToValidUTF8(line, string(utf8.RuneError)), utf8.ValidString(line)
	}
	s, ok := fromGB18030(line)
	return s, ok && (read(line) != readsUTF8 || !hasChinese(line)) // or it is another name in GB18030
}

// A lineReader counts lines and bytes. In GB18030, as in UTF-8, a byte that
// looks like a line break is one.
type lineReader struct {
	r      *bufio.Reader
	number int64 // of the last line, from 1
	bytes  int64
	bareCR bool // the last line holds a carriage return that does not end it
}

var errLongLine = errors.New("longer than 64 KiB")

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, longestLine)}
}

// next returns a line without its end. For a line that is too long it returns errLongLine,
// and the next call returns the line after it.
func (l *lineReader) next() (string, error) {
	line, err := l.r.ReadSlice('\n')
	l.bytes += int64(len(line))
	l.bareCR = bytes.IndexByte(bytes.TrimRight(line, "\r\n"), '\r') >= 0
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", l.skip()
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
		return "", err
	}
	l.number++
	return string(bytes.TrimRight(line, "\r\n")), nil
}

// skip reads to the end of a line that is too long.
func (l *lineReader) skip() error {
	l.number++
	for {
		more, err := l.r.ReadSlice('\n')
		l.bytes += int64(len(more))
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return errLongLine
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			return err
		}
	}
}

var errQuote = errors.New("quotation mark not closed or in the wrong place")

// splitLine appends the fields of one line of CSV.
func splitLine(fields []string, line string) ([]string, error) {
	for {
		if !strings.HasPrefix(line, `"`) {
			field, rest, more := strings.Cut(line, ",")
			if strings.Contains(field, `"`) {
				return fields, errQuote
			}
			fields = append(fields, field)
			if !more {
				return fields, nil
			}
			line = rest
			continue
		}
		field, rest, err := unquote(line[1:])
		if err != nil {
			return fields, err
		}
		fields = append(fields, field)
		if rest == "" {
			return fields, nil
		}
		line = rest[1:]
	}
}

// unquote reads up to the closing quotation mark; rest is empty or begins with
// a comma.
func unquote(s string) (field, rest string, err error) {
	var b strings.Builder
	for {
		before, after, closed := strings.Cut(s, `"`)
		if !closed {
			return "", "", errQuote
		}
		b.WriteString(before)
		switch {
		case after == "" || after[0] == ',':
			return b.String(), after, nil
		case after[0] != '"':
			return "", "", errQuote
		}
		b.WriteByte('"')
		s = after[1:]
	}
}
