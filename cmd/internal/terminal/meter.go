package terminal

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A Meter shows how far an import is: a bar on a terminal, elsewhere a line
// every few seconds.
type Meter struct {
	bar         *progressbar.ProgressBar // nil: no terminal
	Out         io.Writer
	What, Unit  string
	From, Total int64
	shown       time.Time // last, and up to which line
	shownLine   int64
}

// meterPause is the time between two lines where there is no terminal.
const meterPause = 5 * time.Second

// Start begins to measure, and shows the bar.
func (b *Meter) Start() {
	b.shown, b.shownLine = time.Now(), b.From
	if f, ok := b.Out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b.bar = progressbar.NewOptions64(b.Total-b.From, progressbar.OptionSetWriter(b.Out),
			progressbar.OptionSetDescription(b.What), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("rows"),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetRenderBlankState(true), progressbar.OptionClearOnFinish())
	}
}

// At says that so many lines of the file are done.
func (b *Meter) At(lines int64) {
	now, done := time.Now(), lines-b.From
	switch {
	case done <= 0: // by an earlier run
	case b.bar != nil:
		_ = b.bar.Set64(done)
	case now.Sub(b.shown) >= meterPause:
		// The last rate counts: inserting slows down as indexes outgrow memory.
		rate := max(1, PerSecond(lines-b.shownLine, now.Sub(b.shown)))
		left := time.Duration((b.Total-lines)/rate) * time.Second
		fmt.Fprintf(b.Out, "%s: %d of %d %s, %d rows/s, about %s left\n", b.What, lines, b.Total, b.Unit, rate, left)
		b.shown, b.shownLine = now, lines
	}
}

// End removes the bar.
func (b *Meter) End() {
	if b.bar != nil {
		_ = b.bar.Clear()
	}
}

// PerSecond returns how many of n come in a second.
func PerSecond(n int64, d time.Duration) int64 { return int64(float64(n) / max(d.Seconds(), 1e-3)) }
