// Package calendar computes days in Beijing time, which citizens, centres and Alipay use.
// The time zone of the machine does not matter.
package calendar

import "time"

// Beijing is UTC+8. It needs no time zone database, because China has had no daylight
// saving time since 1992.
var Beijing = time.FixedZone("CST", 8*60*60)

// Day returns the beginning of the day in Beijing that contains t, and the beginning of
// the next day.
func Day(t time.Time) (begins, ends time.Time) {
	y, m, d := t.In(Beijing).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, Beijing), time.Date(y, m, d+1, 0, 0, 0, 0, Beijing)
}
