package roster

import (
	"context"
	"errors"
	"io"
	"runtime"

	"fundpass/store"
)

// work is what is done with each piece of a roster: cut one after the other,
// prepared on all cores, taken in order.
type work struct {
	cut     func() (piece, error) // without lines: the end
	prepare func(context.Context, *piece)
	take    func(context.Context, *piece) error
}

// runPieces does w with the rest of a roster until something fails, and returns when no
// piece is under way.
func runPieces(ctx context.Context, w work) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pieces, fed := make(chan chan piece, runtime.NumCPU()), make(chan error, 1)
	go func() { fed <- feed(ctx, w, pieces) }()
	var err error
	for slot := range pieces {
		p := <-slot
		if err != nil {
			continue
		}
		if err = p.err; err == nil {
			err = w.take(ctx, &p)
		}
		if err != nil {
			cancel()
		}
	}
	if ended := <-fed; err == nil {
		err = ended
	}
	return err
}

// feed cuts pieces and has each prepared, in order, while a place is free.
func feed(ctx context.Context, w work, pieces chan<- chan piece) error {
	defer close(pieces)
	for {
		p, err := w.cut()
		if err != nil || len(p.texts) == 0 {
			return err
		}
		slot := make(chan piece, 1)
		select {
		case pieces <- slot:
			go func() { w.prepare(ctx, &p); slot <- p }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// cutter returns what cuts the roster into pieces of all lines or of the chosen ones.
// The pieces are small where a password may cost a slow hash. A piece never crosses the
// line where an earlier run ended.
func (m *intake) cutter(chosen *lineSet) func() (piece, error) {
	size := int64(store.ImportBatch)
	if m.header.has(colDigest) {
		size = legacyPiece
	}
	return func() (piece, error) {
		if left := m.begun.Lines - m.lines.number; chosen == nil && left > 0 {
			return m.cutLines(min(size, left), nil)
		}
		return m.cutLines(size, chosen)
	}
}

// cutLines takes the next size lines, or the next of those chosen, which count alone. The
// first piece of all lines also counts the header.
func (m *intake) cutLines(size int64, chosen *lineSet) (piece, error) {
	p := piece{from: m.lines.number}
	if p.from == 1 {
		p.from = 0
	}
	for int64(len(p.texts)) < size {
		text, err := m.lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		isLong := errors.Is(err, errLongLine)
		if err != nil && !isLong {
			return p, err
		}
		if chosen != nil {
			if !chosen.has(m.lines.number) {
				continue
			}
			p.numbers = append(p.numbers, m.lines.number)
		}
		if isLong {
			p.long = append(p.long, len(p.texts))
		}
		p.texts = append(p.texts, text)
	}
	p.to, p.bytes = m.lines.number, m.lines.bytes
	if chosen != nil {
		p.from, p.to = m.cut, m.cut+int64(len(p.numbers))
		m.cut = p.to
	}
	return p, nil
}
