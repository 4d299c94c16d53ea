package terminal

import (
	"strings"
	"testing"
	"time"
)

// TestMeter checks that without a terminal the progress is printed every few seconds.
func TestMeter(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	b := &Meter{Out: &out, What: "compare", Unit: "lines", From: 1, Total: 1001}
	b.Start()
	b.At(1)
	b.At(101)
	if out.Len() > 0 {
		t.Errorf("printed at once: %s", out.String())
	}
	b.shown = b.shown.Add(-10 * time.Second)
	b.At(501)
	b.At(502)
	b.End()
	text := out.String()
	if !strings.HasPrefix(text, "compare: 501 of 1001 lines, ") || !strings.HasSuffix(text, " rows/s, about 10s left\n") || strings.Count(text, "\n") != 1 {
		t.Errorf("printed %q", text)
	}
}
