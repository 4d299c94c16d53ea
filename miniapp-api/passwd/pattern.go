package passwd

import (
	"slices"
	"strings"
)

// keyLines are common sequences: digits, the alphabet, rows and columns of the keyboard,
// and paths on a phone's keypad.
var keyLines = []string{
	"012345678901", "abcdefghijklmnopqrstuvwxyzabc",
	"qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
	"147258369", "741852963", "789456123", "14789632", "159357", "753951",
}

// wordSequences are sequences that ordinary words contain: property, power tool, strew,
// understudy.
var wordSequences = []string{"erty", "wert", "trew", "rstu"}

// sequences contains all other sequences of four characters of the lines, in both
// directions.
var sequences = func() map[[shareLength]rune]bool {
	set := map[[shareLength]rune]bool{}
	four := func(s string) [shareLength]rune { return [shareLength]rune([]rune(s)) }
	for _, line := range keyLines {
		back := []byte(line)
		slices.Reverse(back)
		for i := 0; i+shareLength <= len(line); i++ {
			set[four(line[i:i+shareLength])] = true
			set[four(string(back[i:i+shareLength]))] = true
		}
	}
	for _, step := range wordSequences {
		delete(set, four(step))
	}
	return set
}()

// unshift replaces shifted characters by those of the same key, so that 1q@W becomes
// 1q2w.
var unshift = strings.NewReplacer("!", "1", "@", "2", "#", "3", "$", "4", "%", "5", "^", "6", "&", "7", "*", "8",
	"(", "9", ")", "0", ":", ";", `"`, "'", "<", ",", ">", ".", "?", "/", "{", "[", "}", "]")

// hasSequence finds four adjacent characters of a line, digits also with separators
// between them, and two lines typed alternately (1q2w3e4r, a1b2c3d4).
func hasSequence(q checkInput) bool {
	keys := []rune(unshift.Replace(q.folded))
	apart := strings.FieldsFunc(q.numbers, func(r rune) bool { return !isDigit(r) })
	return containsSequence(keys, 1) || containsSequence(keys, 2) ||
		slices.ContainsFunc(apart, func(digits string) bool { return containsSequence([]rune(digits), 1) })
}

// containsSequence examines every stride-th character; with a stride over 1, all
// interleaved parts must be sequences.
func containsSequence(keys []rune, stride int) bool {
	for i := 0; i+stride*shareLength <= len(keys); i++ {
		all := true
		for strand := range stride {
			var four [shareLength]rune
			for j := range four {
				four[j] = keys[i+strand+j*stride]
			}
			all = all && sequences[four]
		}
		if all {
			return true
		}
	}
	return false
}

// Bounds of isRepeat: the length of a run of equal characters, the number of different characters,
// and the length of a repeated piece.
const (
	runLength   = 4
	fewRunes    = 3
	pieceLength = 4
)

// isRepeat finds one character four times in a row, passwords of at most three different
// characters, and repetitions of one short piece.
func isRepeat(q checkInput) bool {
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

// repeats reports whether runes repeats its first n characters; the last repetition may
// be incomplete.
func repeats(runes []rune, n int) bool {
	for i := n; i < len(runes); i++ {
		if runes[i] != runes[i-n] {
			return false
		}
	}
	return len(runes) >= 2*n
}
