package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// A roster is a centre's list of depositors as CSV: RFC 4180, except that a
// quoted field cannot hold a line break, in UTF-8 or GB18030 (which GBK and
// GB 2312 are part of).
type roster struct {
	name    string
	open    func() (io.ReadCloser, error)
	digest  []byte // of the content: the same roster goes on where it stopped
	checked bool   // digest is the SHA-256 of what open gives
	lines   int64  // without the last one if it is empty
	chinese bool   // GB18030
}

// longestLine keeps memory flat whatever the file is.
const longestLine = 64 << 10

// fileRoster looks through a file once: its digest, its lines, its encoding.
func fileRoster(path string) (roster, error) {
	r := roster{name: path, checked: true, open: func() (io.ReadCloser, error) { return os.Open(path) }}
	info, err := os.Stat(path)
	if err != nil {
		return r, err
	}
	if !info.Mode().IsRegular() {
		return r, errors.New(path + " is not a regular file; it is read twice")
	}
	f, err := r.open()
	if err != nil {
		return r, err
	}
	defer f.Close()
	return r, r.survey(f)
}

// survey counts lines for and against UTF-8, so that one damaged line does not
// turn a whole file into the other encoding.
func (r *roster) survey(f io.Reader) error {
	sum := sha256.New()
	lines := newLineReader(io.TeeReader(f, sum))
	var valid, invalid int
	for {
		line, err := lines.next()
		if err == io.EOF {
			break
		} else if err != nil && err != errLongLine {
			return err
		}
		switch {
		case !utf8.ValidString(line):
			invalid++
		case strings.ContainsFunc(line, func(c rune) bool { return c >= utf8.RuneSelf }):
			valid++
		}
	}
	r.digest, r.lines, r.chinese = sum.Sum(nil), lines.number, invalid > valid
	return nil
}

// decode returns a line in UTF-8.
func (r *roster) decode(line string) (string, bool) {
	if !r.chinese {
		return line, utf8.ValidString(line)
	}
	s, err := simplifiedchinese.GB18030.NewDecoder().String(line)
	return s, err == nil && !strings.ContainsRune(s, utf8.RuneError)
}

// A lineReader counts lines and bytes. In GB18030, as in UTF-8, a byte that
// looks like a line break is one.
type lineReader struct {
	r      *bufio.Reader
	number int64 // of the last line, from 1
	bytes  int64
}

var errLongLine = errors.New("longer than 64 KiB")

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, longestLine)}
}

// next returns a line without its end. A line that is too long comes back
// empty, with errLongLine; the next call goes on behind it.
func (l *lineReader) next() (string, error) {
	line, err := l.r.ReadSlice('\n')
	l.bytes += int64(len(line))
	if err == bufio.ErrBufferFull {
		return "", l.skip()
	}
	if err != nil && (err != io.EOF || len(line) == 0) {
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
		switch err {
		case nil, io.EOF:
			return errLongLine
		case bufio.ErrBufferFull:
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
