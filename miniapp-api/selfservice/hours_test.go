package selfservice

import (
	"testing"
	"time"

	"fundpass/keys/calendar"
)

// The hours begin with the minute of Opens and end before that of Closes, in Beijing, also over
// midnight and on any machine.
func TestHours(t *testing.T) {
	t.Parallel()
	day, night, always := Hours{8*60 + 30, 17 * 60}, Hours{22 * 60, 6 * 60}, Hours{}
	for _, tt := range []struct {
		hours    Hours
		at, next string // in Beijing; next is "" if the channel is open
	}{
		{day, "2026-03-01 08:29:59", "2026-03-01 08:30:00"},
		{day, "2026-03-01 08:30:00", ""},
		{day, "2026-03-01 16:59:59", ""},
		{day, "2026-03-01 17:00:00", "2026-03-02 08:30:00"},
		{day, "2026-12-31 23:59:59", "2027-01-01 08:30:00"},
		{day, "2026-03-02 00:00:00", "2026-03-02 08:30:00"},
		{night, "2026-03-01 21:59:59", "2026-03-01 22:00:00"},
		{night, "2026-03-01 22:00:00", ""},
		{night, "2026-03-01 23:59:59", ""},
		{night, "2026-03-02 00:00:00", ""},
		{night, "2026-03-02 05:59:59", ""},
		{night, "2026-03-02 06:00:00", "2026-03-02 22:00:00"},
		{Hours{0, 1}, "2026-03-01 00:00:30", ""},
		{Hours{0, 1}, "2026-03-01 00:01:00", "2026-03-02 00:00:00"},
		{Hours{23*60 + 59, 0}, "2026-03-01 23:59:59", ""},
		{Hours{23*60 + 59, 0}, "2026-03-02 00:00:00", "2026-03-02 23:59:00"},
		{always, "2026-03-01 00:00:00", ""},
		{Hours{60, 60}, "2026-03-01 00:00:00", ""},
	} {
		at, err := time.ParseInLocation(time.DateTime, tt.at, calendar.Beijing)
		must(t, err)
		want := tt.at
		if tt.next != "" {
			want = tt.next
		}
		for _, place := range []*time.Location{time.UTC, calendar.Beijing, time.FixedZone("", -11*60*60)} {
			next := tt.hours.Next(at.In(place)).In(calendar.Beijing).Format(time.DateTime)
			if open := tt.hours.Include(at.In(place)); open != (tt.next == "") || next != want {
				t.Errorf("%s at %s: open %v, next %s, want %s", tt.hours, tt.at, open, next, want)
			}
		}
	}
}

func TestParseHours(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Hours{
		"08:30-17:00": {510, 1020}, "22:00-06:00": {1320, 360}, "00:00-24:00": {}, "08:00-24:00": {480, 0}, "23:59-00:01": {1439, 1}, "00:00-00:01": {0, 1},
	} {
		if got, err := ParseHours(in); err != nil || got != want || got.String() != in {
			t.Errorf("%s: %+v, %s, %v", in, got, got, err)
		}
	}
	for _, in := range []string{"", "8:30-17:00", "08:30", "08:30-17:60", "24:00-08:00", "08:00-24:01", "25:00-26:00", "08:00-08:00", "08:30-17:00 ", "０８:30-17:00"} {
		if got, err := ParseHours(in); err == nil {
			t.Errorf("%q: %s", in, got)
		}
	}
}
