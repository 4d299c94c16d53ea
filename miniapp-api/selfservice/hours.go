package selfservice

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"fundpass/keys/calendar"
)

// Hours are the service hours of a channel, in minutes after midnight in Beijing. They end on
// the next day if Closes is before Opens, and never if both are equal.
type Hours struct{ Opens, Closes int }

// AllDay reports whether the channel never closes.
func (h Hours) AllDay() bool { return h.Opens == h.Closes }

const minutesADay = 24 * 60

// String returns the hours as 08:30-17:00. Midnight is 24:00 as their end.
func (h Hours) String() string {
	if h.AllDay() {
		return "00:00-24:00"
	}
	closes := h.Closes
	if closes == 0 {
		closes = minutesADay
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", h.Opens/60, h.Opens%60, closes/60, closes%60)
}

var (
	writtenHours = regexp.MustCompile(`^(\d\d):([0-5]\d)-(\d\d):([0-5]\d)$`)
	errHours     = errors.New("hours are written as 08:30-17:00, over midnight as 22:00-06:00, all day as 00:00-24:00")
)

// ParseHours is the inverse of String.
func ParseHours(s string) (Hours, error) {
	found := writtenHours.FindStringSubmatch(s)
	if found == nil {
		return Hours{}, errHours
	}
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(found[i+1]) // two digits
	}
	opens, closes := n[0]*60+n[1], n[2]*60+n[3]
	if opens >= minutesADay || closes > minutesADay || opens == closes {
		return Hours{}, errHours
	}
	return Hours{opens, closes % minutesADay}, nil
}

// Include reports whether t is in the service hours. The minute of Closes is not.
func (h Hours) Include(t time.Time) bool {
	local := t.In(calendar.Beijing)
	minute := local.Hour()*60 + local.Minute()
	switch {
	case h.AllDay():
		return true
	case h.Opens < h.Closes:
		return h.Opens <= minute && minute < h.Closes
	}
	return h.Opens <= minute || minute < h.Closes
}

// Next returns the first time from t on that is in the service hours.
func (h Hours) Next(t time.Time) time.Time {
	if h.Include(t) {
		return t
	}
	midnight, _ := calendar.Day(t)
	next := midnight.Add(time.Duration(h.Opens) * time.Minute)
	if next.Before(t) {
		next = next.AddDate(0, 0, 1)
	}
	return next
}
