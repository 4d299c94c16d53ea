package settings

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	numberAndUnit = regexp.MustCompile(`^(\d{1,6})\s*(\D*)$`)
	unitsOfTime   = map[string]string{
		"h": "h", "hour": "h", "hours": "h", "小时": "h", "m": "m", "min": "m", "minute": "m", "minutes": "m", "分钟": "m",
		"s": "s", "sec": "s", "second": "s", "seconds": "s", "秒": "s",
	}
)

// unitHint returns what to write instead of a value whose unit alone is wrong, or "". It
// quotes only digits.
func (f Field) unitHint(value string) string {
	parts := numberAndUnit.FindStringSubmatch(value)
	if parts == nil {
		return ""
	}
	number, unit := parts[1], strings.ToLower(strings.TrimSpace(parts[2]))
	days, _ := strconv.Atoi(number)
	usual := "h"
	if f.Default != "" {
		usual = f.Default[len(f.Default)-1:]
	}
	switch {
	case f.kind == "int" && unit != "":
		return "takes a number without a unit; write " + number
	case f.kind != "time":
		return ""
	case unit == "":
		return "has no unit; write " + number + usual
	case unit == "d" || unit == "day" || unit == "days" || unit == "天":
		return fmt.Sprintf("cannot be in days; write %dh", days*24)
	case unitsOfTime[unit] != "":
		return "has a misspelt unit; write " + number + unitsOfTime[unit]
	}
	return ""
}
