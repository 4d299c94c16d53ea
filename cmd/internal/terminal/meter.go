package terminal

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A Meter shows the progress of a long command: a bar on a terminal, otherwise a line
// every few seconds.
type Meter struct {
	bar         *progressbar.ProgressBar // nil without a terminal
	Out         io.Writer
	Language    Language
	What, Unit  string // English
	From, Total int64
	shown       time.Time // time and position of the last line
	shownLine   int64
}

// meterPause is the time between two lines without a terminal.
const meterPause = 5 * time.Second

// Start starts the measurement and shows the bar.
func (b *Meter) Start() {
	b.shown, b.shownLine = time.Now(), b.From
	if f, ok := b.Out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b.bar = progressbar.NewOptions64(b.Total-b.From, progressbar.OptionSetWriter(b.Out),
			progressbar.OptionSetDescription(b.Language.T(b.What)), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(b.Language.T("rows")),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetRenderBlankState(true), progressbar.OptionClearOnFinish())
	}
}

// At reports that the first lines are done.
func (b *Meter) At(lines int64) {
	now, done := time.Now(), lines-b.From
	switch {
	case done <= 0: // done by an earlier run
	case b.bar != nil:
		_ = b.bar.Set64(done)
	case now.Sub(b.shown) >= meterPause:
		// The estimate uses the latest rate, because inserts slow down as indexes grow.
		rate := max(1, PerSecond(lines-b.shownLine, now.Sub(b.shown)))
		left := time.Duration((b.Total-lines)/rate) * time.Second
		l := b.Language
		fmt.Fprint(b.Out, l.T("%s: %d of %d %s, %d rows/s, about %s left\n", l.T(b.What), lines, b.Total, l.T(b.Unit), rate, left))
		b.shown, b.shownLine = now, lines
	}
}

// End removes the bar.
func (b *Meter) End() {
	if b.bar != nil {
		_ = b.bar.Clear()
	}
}

// PerSecond returns the rate of n in d.
func PerSecond(n int64, d time.Duration) int64 { return int64(float64(n) / max(d.Seconds(), 1e-3)) }
