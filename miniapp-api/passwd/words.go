package passwd

import (
	"bytes"
	"compress/flate"
	_ "embed" // words.bin
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// wordsFile is the list of words, names and number puns that passwords are commonly made of: a
// sorted list of more than 100,000 entries in normal form (NFKC, lower case), front coded and
// deflated.
//
// Origin and licence: the rules in words_generate_test.go generate the entries from hand-written
// parts and from common.txt, both written for this program and under its licence. No leaked
// collection and no other project's list was used. To generate the file again:
//
//	go test ./miniapp-api/passwd -run TestWordsFile -update
//
//go:embed words.bin
var wordsFile []byte

// wordsPerBlock is the number of entries in a block. The first is stored completely; a
// look-up reads at most one block.
const wordsPerBlock = 16

// A wordList is a sorted list of words, front coded in blocks. An entry is the number of
// bytes that it shares with the previous one, the number of its other bytes, and these
// bytes; the first entry of a block shares none. A wordList is immutable and takes about
// as many bytes as the words differ in.
type wordList struct {
	data   []byte
	blocks []int // where blocks begin in data
	count  int
}

// words unpacks the list at its first use.
var words = sync.OnceValue(func() *wordList {
	l, err := readWords(wordsFile)
	if err != nil {
		panic(err) // the file is embedded and tested
	}
	return l
})

// readWords unpacks a list: the number of entries as a varint, then the entries, all
// deflated.
func readWords(packed []byte) (*wordList, error) {
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return nil, fmt.Errorf("passwd: list of words: %w", err)
	}
	count, n := binary.Uvarint(data)
	if n <= 0 {
		return nil, fmt.Errorf("passwd: list of words: no count")
	}
	l := &wordList{data: bytes.Clone(data[n:]), count: int(count)}
	at := 0
	for i := range l.count {
		if i%wordsPerBlock == 0 {
			l.blocks = append(l.blocks, at)
		}
		if at+2 > len(l.data) {
			return nil, fmt.Errorf("passwd: list of words: truncated")
		}
		at += 2 + int(l.data[at+1])
	}
	if at != len(l.data) {
		return nil, fmt.Errorf("passwd: list of words: trailing data")
	}
	return l, nil
}

// packWords is the inverse of readWords. The words must be sorted, different and at most
// 255 bytes long.
func packWords(sorted []string) ([]byte, error) {
	data := binary.AppendUvarint(nil, uint64(len(sorted)))
	before := ""
	for i, w := range sorted {
		if i%wordsPerBlock == 0 {
			before = ""
		}
		shared := commonPrefix(before, w)
		data = append(data, byte(shared), byte(len(w)-shared))
		data = append(data, w[shared:]...)
		before = w
	}
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// has reports whether s is in the list.
func (l *wordList) has(s string) bool {
	low, high := 0, len(l.blocks)
	for low < high { // finds the first block that begins after s
		middle := (low + high) / 2
		at := l.blocks[middle]
		first := l.data[at+2 : at+2+int(l.data[at+1])]
		if string(first) > s {
			high = middle
		} else {
			low = middle + 1
		}
	}
	if low == 0 {
		return false
	}
	end := len(l.data)
	if low < len(l.blocks) {
		end = l.blocks[low]
	}
	return inBlock(l.data[l.blocks[low-1]:end], s)
}

// inBlock searches a block. matched is the number of bytes that s has in common with the
// previous entry.
func inBlock(block []byte, s string) bool {
	matched := 0
	for len(block) > 0 {
		shared, rest := int(block[0]), block[2:2+int(block[1])]
		block = block[2+len(rest):]
		switch {
		case shared > matched: // differs from s where the previous one does
			continue
		case shared < matched: // sorted after s
			return false
		}
		for len(rest) > 0 && matched < len(s) && rest[0] == s[matched] {
			rest, matched = rest[1:], matched+1
		}
		if len(rest) == 0 && matched == len(s) {
			return true
		}
	}
	return false
}

// all calls yield with every entry in order.
func (l *wordList) all(yield func(string) bool) {
	var word []byte
	for data := l.data; len(data) > 0; {
		shared, rest := int(data[0]), data[2:2+int(data[1])]
		word = append(word[:shared], rest...)
		data = data[2+len(rest):]
		if !yield(string(word)) {
			return
		}
	}
}
