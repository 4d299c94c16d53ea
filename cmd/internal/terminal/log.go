package terminal

import (
	"io"
	"log/slog"
)

// NewLog writes one JSON object a line.
func NewLog(to io.Writer, environment string) *slog.Logger {
	return slog.New(slog.NewJSONHandler(to, nil)).With("environment", environment)
}
