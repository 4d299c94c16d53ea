package roster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"
	"slices"
	"strings"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// An importer brings one roster into the database. While the database takes one
// piece, the next ones are read, checked and sealed on all cores; a few are
// under way at a time, so memory stays flat whatever the roster's size.
type importer struct {
	db          *store.DB
	hasher      *passwd.Hasher
	policy      *passwd.Policy
	roster      roster
	report      *report
	hashing     chan struct{} // a place for each hash that may run at a time
	trySlow     bool          // also try the initial rules against bcrypt and PBKDF2
	kinds       map[string]kindCount
	numberStats numberStats // of what a spreadsheet did to the roster
	// lines of accounts that are there may come without a password
	mayLackPassword bool

	header header
	lines  *lineReader
	sum    hash.Hash // of the roster as it is read this time
	begun  store.Progress

	documents *document.List // nil: the built-in list
}

// legacyPiece is a piece of a roster with digests of passwords: each costs
// tens of milliseconds, and a piece that was not finished is lost.
const legacyPiece = 200

// errChanged stops an import or a sync whose file is written to meanwhile.
var errChanged = errors.New("the file changed while it was read; nothing is wrong in the database, run the same command again")

// work is what is done with each piece of a roster: cut one after the other,
// prepared on all cores, taken in order.
type work struct {
	cut     func() (piece, error) // without lines: the end
	prepare func(context.Context, *piece)
	take    func(context.Context, *piece) error
}

// run imports what is left of the roster.
func (m *importer) run(ctx context.Context, progress io.Writer) (store.Progress, error) {
	var last int64
	err := m.read(func() (err error) {
		if m.begun, err = m.db.BeginImport(ctx, m.roster.digest); err != nil {
			return err
		}
		meter := newMeter(progress, m)
		defer meter.End()
		return m.runPieces(ctx, work{m.cut, m.prepare, func(ctx context.Context, p *piece) error {
			err := m.take(ctx, p)
			if err == nil {
				last = p.to
				meter.At(last)
			}
			return err
		}})
	})
	if err != nil {
		return store.Progress{}, err
	}
	return m.db.FinishImport(context.WithoutCancel(ctx), m.roster.digest, last)
}

// read opens the roster, reads its header, and has f read the rest to its end.
func (m *importer) read(f func() error) error {
	content, err := m.roster.open()
	if err != nil {
		return err
	}
	defer content.Close()
	m.sum = sha256.New()
	m.lines = newLineReader(io.TeeReader(content, m.sum))
	if err := m.readHeader(); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	if m.roster.checked && !bytes.Equal(m.roster.key(m.sum.Sum(nil)), m.roster.digest) {
		return errChanged
	}
	return nil
}

// runPieces does w with the rest of the roster, until something fails.
func (m *importer) runPieces(ctx context.Context, w work) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pieces, fed := make(chan chan piece, runtime.NumCPU()), make(chan error, 1)
	go func() { fed <- feed(ctx, w, pieces) }()
	err := drain(ctx, w, pieces)
	cancel()
	ended := <-fed
	for slot := range pieces {
		<-slot
	}
	if err == nil {
		err = ended
	}
	return err
}

func (m *importer) readHeader() error {
	line, err := m.lines.next()
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty")
	} else if err != nil {
		return fmt.Errorf("first line: %w", err)
	}
	line, ok := m.roster.decode(line)
	if !ok {
		return fmt.Errorf("first line: not %s", m.roster.encoding)
	}
	fields, err := splitLine(nil, strings.TrimPrefix(line, "\ufeff"))
	switch {
	case err != nil:
		return fmt.Errorf("first line: %w", err)
	case isShapeless(fields):
		return errors.New("first line: no comma between the columns; export the file with commas")
	}
	m.header, err = parseHeader(fields, m.mayLackPassword)
	if m.documents != nil {
		m.header.documents = m.documents
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

// drain takes the pieces in order until one fails.
func drain(ctx context.Context, w work, pieces <-chan chan piece) error {
	for slot := range pieces {
		p := <-slot
		if p.err == nil {
			p.err = w.take(ctx, &p)
		}
		if p.err != nil {
			return p.err
		}
	}
	return nil
}

// take writes a piece.
func (m *importer) take(ctx context.Context, p *piece) error {
	if err := m.write(ctx, p); err != nil {
		return err
	}
	slices.SortStableFunc(p.refusals, byLine)
	if err := m.report.add(p.refusals); err != nil {
		return err
	}
	m.numberStats.add(p.numberStats)
	countKinds(m.kinds, p.entries)
	return nil
}

// write brings a piece into the database, and finds what only the database refuses.
func (m *importer) write(ctx context.Context, p *piece) error {
	if m.done(p) {
		return m.refuseMissing(ctx, p)
	}
	if _, err := m.db.ImportStep(ctx, store.ImportStep{
		File: m.roster.digest, From: p.from, Lines: p.to, Bytes: p.bytes, Refused: p.refused, Batch: p.batch,
	}); err != nil {
		return err
	}
	if p.batch.Before {
		return m.refuseMissing(ctx, p)
	}
	for _, i := range p.batch.Shortened {
		p.refuse(p.entries[i], colAccountNo, reasonShortened)
	}
	return nil
}

// refuseMissing finds, in a piece that was written before, the entries that the
// database did not take.
func (m *importer) refuseMissing(ctx context.Context, p *piece) error {
	numbers := make([]string, len(p.entries))
	for i, e := range p.entries {
		numbers[i] = e.Person.AccountNo
	}
	there, err := m.db.HasAccounts(ctx, numbers)
	for i, e := range p.entries {
		if err == nil && !there[i] {
			p.refuse(e, colAccountNo, reasonShortened)
		}
	}
	return err
}

// done says that an earlier run imported p; its lines are only looked through
// again for the report.
func (m *importer) done(p *piece) bool { return p.to <= m.begun.Lines }

// cut takes the next lines. A piece never reaches over the line where an
// earlier run ended. The first piece also counts the header.
func (m *importer) cut() (piece, error) {
	size := int64(store.ImportBatch)
	if m.header.has(colDigest) {
		size = legacyPiece
	}
	if left := m.begun.Lines - m.lines.number; left > 0 {
		size = min(size, left)
	}
	return m.cutLines(size, nil)
}

// cutLines takes the next size lines, or the next of those chosen.
func (m *importer) cutLines(size int64, chosen *lineSet) (piece, error) {
	p := piece{from: m.lines.number}
	if p.from == 1 {
		p.from = 0
	}
	for int64(len(p.texts)) < size {
		text, err := m.lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return p.ending(m.lines), nil
		case err != nil && !errors.Is(err, errLongLine):
			return p, err
		case chosen != nil && !chosen.has(m.lines.number):
			continue
		case errors.Is(err, errLongLine):
			p.long = append(p.long, len(p.texts))
		}
		if chosen != nil {
			p.numbers = append(p.numbers, m.lines.number)
		}
		p.texts = append(p.texts, text)
	}
	return p.ending(m.lines), nil
}

func (p piece) ending(at *lineReader) piece {
	p.to, p.bytes = at.number, at.bytes
	return p
}

// prepare does everything that needs no turn at the database.
func (m *importer) prepare(ctx context.Context, p *piece) {
	if p.err = m.checkPiece(ctx, p); p.err != nil || m.done(p) {
		return
	}
	if p.err = m.hashPasswords(ctx, p.entries); p.err != nil {
		return
	}
	ds := make([]store.Depositor, len(p.entries))
	for i, e := range p.entries {
		ds[i] = e.Depositor
	}
	if p.batch, p.err = m.db.SealBatch(ds); p.err == nil {
		p.batch.Restrict(p.restricted)
	}
}
