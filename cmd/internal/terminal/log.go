package terminal

import (
	"io"
	"log/slog"
)

// NewLog returns a logger that writes one JSON object per line.
func NewLog(to io.Writer, environment string) *slog.Logger {
	return slog.New(slog.NewJSONHandler(to, nil)).With("environment", environment)
}
