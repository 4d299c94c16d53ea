package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Progress is how much of a file has been imported, by all runs together.
type Progress struct {
	Bytes      int64      `db:"bytes_done"`
	Lines      int64      `db:"lines_done"`
	FinishedAt *time.Time `db:"finished_at"`
	Run        *uuid.UUID `db:"run"` // see BeginImport
	Counts
}

// An ImportStep is a piece of a file: its lines after From.
type ImportStep struct {
	File         []byte     // the file's SHA-256
	Run          *uuid.UUID // as BeginImport had it
	From         int64      // lines before this piece
	Bytes, Lines int64      // of the file up to the end of this piece
	Refused      int64      // lines of this piece that are no depositor
	Batch        *Batch     // of the others
}

const progressColumns = `bytes_done, lines_done, added, updated, unchanged, refused,
	links_moved, links_ended, changes_cancelled, run, finished_at`

// BeginImport returns how much of a file has been imported. A file that is new, or was
// imported to its end, begins at line 0. run is nil for an import, which any process
// shares. A sync chooses the lines of its pieces, so it has a run of its own: the run
// that began last goes on, and the next ImportStep of another returns ErrConflict.
// Calling BeginImport again is safe.
func (db Roster) BeginImport(ctx context.Context, file []byte, run *uuid.UUID) (Progress, error) {
	var p Progress
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO imports AS i
				(center_id, file_digest, bytes_done, lines_done, added, updated, unchanged, refused, updated_at)
			VALUES ($1, $2, 0, 0, 0, 0, 0, 0, $3)
			ON CONFLICT (center_id, file_digest) DO UPDATE SET
				bytes_done = 0, lines_done = 0, added = 0, updated = 0, unchanged = 0, refused = 0,
				links_moved = 0, links_ended = 0, changes_cancelled = 0,
				finished_at = NULL, updated_at = excluded.updated_at
			WHERE i.finished_at IS NOT NULL`, db.center, file, now)
		if err != nil {
			return err
		}
		return tx.GetContext(ctx, &p, `
			UPDATE imports SET run = $3 WHERE center_id = $1 AND file_digest = $2
			RETURNING `+progressColumns, db.center, file, run)
	})
	return p, err
}

func (db Roster) getProgress(ctx context.Context, q sqlx.QueryerContext, file []byte, p *Progress) error {
	err := sqlx.GetContext(ctx, q, p, `
		SELECT `+progressColumns+` FROM imports WHERE center_id = $1 AND file_digest = $2`, db.center, file)
	return mapNoRows(err, ErrNotFound)
}

// ImportStep merges one piece of a file, as ImportDepositors does, and records the
// progress, in one transaction. Links of accounts that were merged follow only in
// FinishImport, when the person's other account is there. A piece that is done already, by an earlier call or by another process with the
// same file, changes nothing, so calling it again is safe. It returns ErrConflict when
// another process began the file anew or cuts it into other pieces, and ErrNotFound
// without BeginImport.
func (db Roster) ImportStep(ctx context.Context, s ImportStep) (Progress, error) {
	var p Progress
	err := db.inImportTx(ctx, func(t importTx) error {
		res, err := t.ExecContext(ctx, `
			UPDATE imports SET bytes_done = $4, lines_done = $5, updated_at = $6
			WHERE center_id = $1 AND file_digest = $2 AND lines_done = $3 AND finished_at IS NULL
				AND run IS NOT DISTINCT FROM $7::uuid`,
			db.center, s.File, s.From, s.Bytes, s.Lines, t.now, s.Run)
		if err = changedOne(res, err, ErrConflict); errors.Is(err, ErrConflict) {
			s.Batch.Incomplete = true
			return db.stepDone(ctx, t, s, &p)
		} else if err != nil {
			return err
		}
		c, err := t.merge(ctx, s.Batch, false)
		if err != nil {
			return err
		}
		c.Refused += s.Refused
		return t.addCounts(ctx, s.File, c, &p)
	})
	return p, err
}

// addCounts adds c to the progress of a file and returns the sum in p.
func (t importTx) addCounts(ctx context.Context, file []byte, c Counts, p *Progress) error {
	return t.GetContext(ctx, p, `
		UPDATE imports SET added = added + $3, updated = updated + $4, unchanged = unchanged + $5, refused = refused + $6,
			links_moved = links_moved + $7, links_ended = links_ended + $8, changes_cancelled = changes_cancelled + $9
		WHERE center_id = $1 AND file_digest = $2
		RETURNING `+progressColumns,
		t.db.center, file, c.Added, c.Updated, c.Unchanged, c.Refused, c.LinksMoved, c.LinksEnded, c.ChangesCancelled)
}

// stepDone reads the progress of a piece that is done. It returns ErrConflict for one
// that does not fit.
func (db Roster) stepDone(ctx context.Context, t importTx, s ImportStep, p *Progress) error {
	err := db.getProgress(ctx, t, s.File, p)
	other := (s.Run == nil) != (p.Run == nil) || s.Run != nil && *s.Run != *p.Run
	if err == nil && (other || p.Lines < s.Lines) {
		err = ErrConflict
	}
	return err
}

// FinishImport marks a file of that many lines as imported to its end, and has the
// links of merged accounts follow. Calling it again is safe. It returns ErrConflict when
// the import is at another line.
func (db Roster) FinishImport(ctx context.Context, file []byte, lines int64) (Progress, error) {
	var p Progress
	err := db.inImportTx(ctx, func(t importTx) error {
		err := t.GetContext(ctx, &p, `
			UPDATE imports SET finished_at = coalesce(finished_at, $4), updated_at = $4
			WHERE center_id = $1 AND file_digest = $2 AND lines_done = $3
			RETURNING `+progressColumns, db.center, file, lines, t.now)
		if err != nil {
			return mapNoRows(err, ErrConflict)
		}
		c, err := t.followMerged(ctx)
		if err != nil || c == (Counts{}) {
			return err
		}
		return t.addCounts(ctx, file, c, &p)
	})
	return p, err
}
