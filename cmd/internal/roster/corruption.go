package roster

import (
	"regexp"
	"strings"
)

// What spreadsheets do to numbers before they are exported.
var (
	exponent = regexp.MustCompile(`^[+-]?[0-9]+([.,][0-9]+)?[Ee][+-]?[0-9]+$`)
	decimals = regexp.MustCompile(`^[0-9]+\.0+$`)
)

// spreadsheetCorruption returns what a spreadsheet made of a value and what to do about
// it, or "".
func spreadsheetCorruption(value string) string {
	switch {
	case strings.HasPrefix(value, "'"), strings.HasPrefix(value, "\u2018"):
		return "begins with the apostrophe by which spreadsheets mark text: export the value without it"
	case strings.HasPrefix(value, "="):
		return `a spreadsheet's formula, such as ="01": export the value alone`
	case strings.ContainsAny(value, ".+-,") && exponent.MatchString(value):
		return "a number in scientific notation, such as 1.2E+17, which has lost its digits: make the column text in the spreadsheet, or export it anew"
	case decimals.MatchString(value):
		return "a number with decimal places: make the column text in the spreadsheet, or export it anew"
	case strings.HasPrefix(value, "#"):
		return "a spreadsheet's error or a column that was too narrow: export it anew"
	}
	return ""
}

// A spreadsheet keeps 15 digits of a number; an ID number of 18 then ends in 000.
// One real number in a thousand does, too, and one cut number in eleven has the
// right check digit, so such numbers are refused beside one that is surely cut.
const (
	cutZeros  = "000"
	cutNumber = "ends in 000: a spreadsheet keeps 15 digits of a number; make the column text there, or export it anew"
)

// isCut reports whether a number that is wrong looks as if a spreadsheet cut it.
func isCut(number string) bool {
	return len(number) == 18 && strings.HasSuffix(number, cutZeros) && isDigits(number)
}

// isShapeless reports whether a first line is not separated by commas but by a sign that
// some exports use instead.
func isShapeless(fields []string) bool {
	return len(fields) == 1 && strings.ContainsAny(fields[0], ";\t|")
}
