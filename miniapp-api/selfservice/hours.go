package selfservice

import (
	"fmt"
	"time"

	"fundpass/keys/calendar"
)

// Hours are the service hours of a channel, in minutes after midnight in Beijing. They end on
// the next day if Closes is before Opens, and never if both are equal.
type Hours struct{ Opens, Closes int }

// AllDay reports whether the channel never closes.
func (h Hours) AllDay() bool { return h.Opens == h.Closes }

// String returns the hours as 08:30-17:00.
func (h Hours) String() string {
	if h.AllDay() {
		return "00:00-24:00"
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", h.Opens/60, h.Opens%60, h.Closes/60, h.Closes%60)
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
