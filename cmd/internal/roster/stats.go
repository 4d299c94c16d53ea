package roster

import (
	"fmt"
	"slices"
	"strings"
)

// numberStats count signs that a spreadsheet changed numbers that look valid.
type numberStats struct {
	lengths [accountNoMax + 1]int64 // of account numbers
	padded  int64                   // lines with a code of one digit
	held    []int                   // lengths of the numbers that the database holds
}

const accountNoMax = 20

func (s *numberStats) count(e entry) {
	s.lengths[len(e.Person.AccountNo)]++
	if e.padded {
		s.padded++
	}
}

func (s *numberStats) add(of numberStats) {
	for i, n := range of.lengths {
		s.lengths[i] += n
	}
	s.padded += of.padded
}

// notes returns sentences on what was not read, and on what looks wrong in lines that were
// taken.
func (m *intake) notes() (all []string) {
	if len(m.header.ignored) > 0 {
		all = append(all, m.language.T("Not read: columns %s.", numbers(m.header.ignored)))
	}
	s := m.numberStats
	if s.padded > 0 {
		all = append(all, m.language.T("Look at the file: in %d lines a code has one digit and was read as two, 1 as 01. Zeros in front may be missing from account numbers, too.", s.padded))
	}
	var lines int64
	var other []int
	for length, n := range s.lengths {
		if length > 0 && n > 0 && len(s.held) > 0 && !slices.Contains(s.held, length) {
			lines, other = lines+n, append(other, length)
		}
	}
	if lines > 0 {
		all = append(all, m.language.T("Look at the file: %d lines have account numbers of %s characters; those held before have %s. A number that lost its zeros is another account.", lines, numbers(other), numbers(s.held)))
	}
	return all
}

func numbers(all []int) string { return strings.Trim(fmt.Sprint(all), "[]") }
