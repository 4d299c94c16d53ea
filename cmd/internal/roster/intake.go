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
	"time"

	"github.com/google/uuid"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// An intake brings one roster into the database, all of its lines or chosen ones. While
// the database takes one piece, the next ones are read, checked and sealed on all cores;
// a few are under way at a time, so memory does not grow with the roster.
type intake struct {
	language  terminal.Language // of the report
	db        *store.DB
	hasher    *passwd.Hasher
	policy    *passwd.Policy
	documents *document.List // nil: the built-in list
	roster    roster
	report    *report
	hashing   chan struct{} // a place for each hash that may run at a time
	trySlow   bool          // also try the initial rules against bcrypt and PBKDF2
	// lines of accounts that exist may come without a password
	mayLackPassword bool
	compared        bool // the lines were compared, and their refusals reported

	header      header
	lines       *lineReader
	sum         hash.Hash // of the roster as it is read this time
	kinds       map[string]kindCount
	numberStats numberStats

	file        []byte         // by which the database knows the lines that are written
	runID       *uuid.UUID     // of a sync
	begun, done store.Progress // before this run, and at the end
	cut, last   int64          // lines of file that are cut, and written
	meter       *terminal.Meter
}

// legacyPiece is the size of a piece of a roster with digests of passwords: each costs
// tens of milliseconds, and a piece that was not finished is lost.
const legacyPiece = 200

// errChanged stops an intake whose file is written to meanwhile.
var errChanged = errors.New("the file changed while it was read; nothing is wrong in the database, run the same command again")

// intakeSettings are the settings an intake needs; the others may be missing.
var intakeSettings = []string{
	"FUNDPASS_DATABASE_URL", "FUNDPASS_CENTER", "FUNDPASS_APP_ID",
	"FUNDPASS_COLUMN_KEY_FILE", "FUNDPASS_PEPPER_FILE", "FUNDPASS_POLICY_FILE",
	"FUNDPASS_DOCUMENTS_FILE",
}

// withIntake opens what an intake needs for f.
func withIntake(ctx context.Context, w terminal.Stdio, r roster, f func(*intake) error) error {
	s, files, err := settings.ReadFor(w.Getenv, intakeSettings)
	if err != nil {
		return err
	}
	db, err := s.OpenStore(ctx, store.Config{ColumnCipher: files.Cipher, Pepper: files.Pepper})
	if err != nil {
		return err
	}
	defer db.Close()
	hasher := settings.NewHasher(files)
	defer hasher.Close()
	m := &intake{
		language: w.Language, db: db, hasher: hasher, policy: files.Policy, documents: files.Documents, roster: r,
		report: newReport(r.name + ".refused.csv"), hashing: make(chan struct{}, runtime.NumCPU()),
		kinds: map[string]kindCount{},
	}
	if m.numberStats.held, err = db.Roster().AccountNoLengths(ctx); err != nil {
		return err
	}
	return f(m)
}

// takeIn runs f, which takes a roster in, and prints what it did.
func takeIn(ctx context.Context, w terminal.Stdio, r roster, allowRefused bool, f func(*intake) (summary, error)) error {
	return withIntake(ctx, w, r, func(m *intake) error {
		start := time.Now()
		sum, err := f(m)
		if err := errors.Join(err, m.report.close()); err != nil && !errors.Is(err, errTooMany) {
			return hint(err)
		}
		m.print(w, sum, time.Since(start))
		if err == nil && sum.Refused > 0 && !allowRefused {
			err = refusedLines(sum.Refused)
		}
		return err
	})
}

// hint adds what to do after an intake that did not end.
func hint(err error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return fmt.Errorf("%w: another import of this file was begun meanwhile; wait for it and start this one again", err)
	case errors.Is(err, context.Canceled), errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrUnknownOutcome):
		return fmt.Errorf("%w: the same command goes on where this one stopped", err)
	}
	return err
}

// read opens the roster, reads its header, and has f read the rest to its end.
func (m *intake) read(f func() error) error {
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

func (m *intake) readHeader() error {
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

// begin finds out how much of file earlier runs wrote.
func (m *intake) begin(ctx context.Context, file []byte, run *uuid.UUID) (err error) {
	m.file, m.runID = file, run
	m.begun, err = m.db.Roster().BeginImport(ctx, file, run)
	m.cut, m.last = m.begun.Lines, m.begun.Lines
	return err
}

// write writes the rest of the roster, or its chosen lines.
func (m *intake) write(ctx context.Context, chosen *lineSet) error {
	return runPieces(ctx, work{m.cutter(chosen), m.prepare, func(ctx context.Context, p *piece) error {
		err := m.take(ctx, p)
		if err == nil {
			m.last = p.to
			m.meter.At(m.last)
		}
		return err
	}})
}

// finish records that all lines are written.
func (m *intake) finish(ctx context.Context) (err error) {
	m.done, err = m.db.Roster().FinishImport(context.WithoutCancel(ctx), m.file, m.last)
	return err
}

// prepare does everything with a piece that needs no turn at the database.
func (m *intake) prepare(ctx context.Context, p *piece) {
	if p.err = m.checkPiece(ctx, p); p.err != nil || m.wasDone(p) {
		return
	}
	if p.err = m.hashPasswords(ctx, p.entries); p.err != nil {
		return
	}
	ds := make([]store.Depositor, len(p.entries))
	for i := range p.entries {
		ds[i] = p.entries[i].Depositor
	}
	if p.batch, p.err = m.db.Roster().SealBatch(ds); p.err == nil {
		p.batch.Restrict(p.restricted)
	}
}

// wasDone reports whether an earlier run wrote p; then its lines are only checked again
// for the report.
func (m *intake) wasDone(p *piece) bool { return p.to <= m.begun.Lines }

// take brings a piece into the database and reports what is refused, unless that was
// done when the lines were compared.
func (m *intake) take(ctx context.Context, p *piece) error {
	incomplete := m.wasDone(p)
	if !incomplete {
		if _, err := m.db.Roster().ImportStep(ctx, store.ImportStep{
			File: m.file, Run: m.runID, From: p.from, Lines: p.to, Bytes: p.bytes, Refused: p.refused, Batch: p.batch,
		}); err != nil {
			return err
		}
		incomplete = p.batch.Incomplete
	}
	if m.compared {
		return nil
	}
	if incomplete {
		if err := m.refuseMissing(ctx, p); err != nil {
			return err
		}
	}
	countKinds(m.kinds, p.entries)
	return m.tell(p)
}

// refuseMissing refuses the entries that the database did not take.
func (m *intake) refuseMissing(ctx context.Context, p *piece) error {
	numbers := make([]string, len(p.entries))
	for i, e := range p.entries {
		numbers[i] = e.Person.AccountNo
	}
	there, err := m.db.Roster().HasAccounts(ctx, numbers)
	for i, is := range there {
		if err == nil && !is {
			p.refusals = append(p.refusals, refusal{line: p.entries[i].line, column: colAccountNo, reason: reasonShortened, accountNo: numbers[i]})
		}
	}
	return err
}

// tell reports what a piece holds that is refused or looks wrong.
func (m *intake) tell(p *piece) error {
	m.numberStats.add(p.numberStats)
	slices.SortStableFunc(p.refusals, byLine)
	return m.report.add(p.refusals)
}
