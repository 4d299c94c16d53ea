package passwd

import (
	"slices"
	"strings"
)

// lines are what fingers and memory run along: digits, the alphabet, rows and
// columns of the keyboard, paths on a telephone's keypad.
var lines = []string{
	"012345678901", "abcdefghijklmnopqrstuvwxyzabc",
	"qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
	"147258369", "741852963", "789456123", "14789632", "159357", "753951",
}

// inWords are steps along a line that ordinary words contain: property, power
// tool, strew, understudy.
var inWords = []string{"erty", "wert", "trew", "rstu"}

// steps holds every other four characters of the lines, in both directions.
var steps = func() map[[shareLength]rune]bool {
	set := map[[shareLength]rune]bool{}
	four := func(s string) [shareLength]rune { return [shareLength]rune([]rune(s)) }
	for _, line := range lines {
		back := []byte(line)
		slices.Reverse(back)
		for i := 0; i+shareLength <= len(line); i++ {
			set[four(line[i:i+shareLength])] = true
			set[four(string(back[i:i+shareLength]))] = true
		}
	}
	for _, step := range inWords {
		delete(set, four(step))
	}
	return set
}()

// unshift names the key under a shifted one, so that 1q@W is 1q2w.
var unshift = strings.NewReplacer("!", "1", "@", "2", "#", "3", "$", "4", "%", "5", "^", "6", "&", "7", "*", "8",
	"(", "9", ")", "0", ":", ";", `"`, "'", "<", ",", ">", ".", "?", "/", "{", "[", "}", "]")

// hasSequence finds four steps along a line, digits also with separators
// between them, and two lines typed in turn (1q2w3e4r, a1b2c3d4).
func hasSequence(q question) bool {
	keys := []rune(unshift.Replace(q.folded))
	apart := strings.FieldsFunc(q.numbers, func(r rune) bool { return !isDigit(r) })
	return hasSteps(keys, 1) || hasSteps(keys, 2) ||
		slices.ContainsFunc(apart, func(digits string) bool { return hasSteps([]rune(digits), 1) })
}

// hasSteps looks at every stride-th character; with a stride over 1 all the
// strands must be sequences.
func hasSteps(keys []rune, stride int) bool {
	for i := 0; i+stride*shareLength <= len(keys); i++ {
		all := true
		for strand := range stride {
			var four [shareLength]rune
			for j := range four {
				four[j] = keys[i+strand+j*stride]
			}
			all = all && steps[four]
		}
		if all {
			return true
		}
	}
	return false
}

// Bounds of isRepeat: how many equal characters in a row, how few different
// ones, how long a repeated piece.
const (
	runLength   = 4
	fewRunes    = 3
	pieceLength = 4
)

// isRepeat finds one character four times in a row, passwords of three or
// fewer different characters, and passwords that are one short piece repeated.
func isRepeat(q question) bool {
	runes := []rune(q.folded)
	run := 0
	different := map[rune]bool{}
	for i, r := range runes {
		if different[r] = true; i > 0 && r == runes[i-1] {
			run++
		} else {
			run = 1
		}
		if run >= runLength {
			return true
		}
	}
	if len(runes) > fewRunes && len(different) <= fewRunes {
		return true
	}
	for n := 1; n <= pieceLength; n++ {
		if len(runes) > n && repeats(runes, n) {
			return true
		}
	}
	return false
}

// repeats reports whether runes is its first n characters over and over, the
// last time perhaps cut short.
func repeats(runes []rune, n int) bool {
	for i := n; i < len(runes); i++ {
		if runes[i] != runes[i-n] {
			return false
		}
	}
	return len(runes) >= 2*n
}
