// Package calendar knows the days of Beijing, by which citizens, centres and Alipay
// count wherever this program runs.
package calendar

import "time"

// Beijing needs no time zone database: China has kept UTC+8 without summer time since
// 1992.
var Beijing = time.FixedZone("CST", 8*60*60)

// Day returns when the day of Beijing that t is in begins, and when the next one does.
func Day(t time.Time) (begins, ends time.Time) {
	y, m, d := t.In(Beijing).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, Beijing), time.Date(y, m, d+1, 0, 0, 0, 0, Beijing)
}
