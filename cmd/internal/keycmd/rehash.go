package keycmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

const rehashHelp = `rehash lays the newest key of the pepper file over every stored password hash of
the centre, without knowing a password. Afterwards a stolen database and a leaked
older key are not enough to guess passwords; the newest one is needed, too.

Run it after rotate-pepper, when every server has the new file: a server without
the newest key cannot check what rehash wrote. Servers go on running. A password
that is changed or used meanwhile is left alone. Stopped in the middle, by
whatever it was, the same command goes on; run again it changes nothing.

The older keys are still needed and stay in the file: a hash names every key that
lies over it, until its owner uses the password and the hash becomes one of the
newest key alone. The table says how many hashes need which key. Only a key that
no hash of any centre needs may be taken out of the file. Earlier passwords, kept so
that nobody returns to them, are not in the table: those of a key that is taken out
are forgotten.`

// errHashes says that some passwords cannot be checked, with or without rehash.
var errHashes = errors.New("some stored hashes cannot be used; nothing was done to them")

// rehashSettings are the settings that rehash needs; the rest may be missing.
var rehashSettings = []string{
	"FUNDPASS_DATABASE_URL", "FUNDPASS_CENTER", "FUNDPASS_APP_ID", "FUNDPASS_COLUMN_KEY_FILE", "FUNDPASS_PEPPER_FILE",
}

func rehashCommand(w terminal.Stdio) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "rehash",
		Short: "Lay the newest pepper key over all stored password hashes",
		Long:  rehashHelp,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return rehash(cmd.Context(), w, dry) },
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "write nothing, only say how many hashes need which key")
	return cmd
}

func rehash(ctx context.Context, w terminal.Stdio, dry bool) error {
	s, f, err := settings.ReadFor(w.Getenv, rehashSettings)
	if err != nil {
		return err
	}
	if err := settings.RefuseDemo(ctx, s.DatabaseURL); err != nil {
		return settings.Problem{Setting: "FUNDPASS_DATABASE_URL", Err: err}
	}
	db, err := s.OpenStore(ctx, store.Config{ColumnCipher: f.Cipher, Pepper: f.Pepper, Look: dry})
	if err != nil {
		return err
	}
	defer db.Close()
	hasher := settings.NewHasher(f)
	defer hasher.Close()
	r := rehashing{db: db, hasher: hasher, dry: dry, needed: map[uint32]int64{}}
	if err := r.walk(ctx, w.Err); err != nil {
		return fmt.Errorf("%w: the same command goes on where this one stopped", err)
	}
	r.print(w.Out, f.Pepper.Current())
	if r.corrupt+r.lost > 0 {
		return errHashes
	}
	return nil
}

// A rehashing counts what it meets on its way over all hashes.
type rehashing struct {
	db     *store.DB
	hasher *passwd.Hasher
	dry    bool

	needed   map[uint32]int64 // hashes that name a pepper key
	replaced int64
	raced    int64 // changed while they were looked at
	full     int64 // hold as many keys as a hash can
	corrupt  int64 // are no hashes of ours
	lost     int64 // name a key that the file has not
}

func (r *rehashing) walk(ctx context.Context, progress io.Writer) error {
	total, err := r.db.CountHashes(ctx)
	if err != nil {
		return err
	}
	m := &terminal.Meter{Out: progress, What: "rehash", Unit: "hashes", Total: total}
	m.Start()
	defer m.End()
	var after uuid.UUID
	for done := int64(0); ; {
		batch, err := r.db.Hashes(ctx, after)
		if err != nil || len(batch) == 0 {
			return err
		}
		if err := r.take(ctx, batch); err != nil {
			return err
		}
		after, done = batch[len(batch)-1].AccountID, done+int64(len(batch))
		m.At(min(done, total)) // some may have come since
	}
}

// take rekeys one batch.
func (r *rehashing) take(ctx context.Context, batch []store.StoredHash) error {
	var all []store.NewHash
	for _, old := range batch {
		next, changed, err := r.hasher.Rekey(old.Hash)
		if r.noted(err) || r.dry || !changed {
			next = old.Hash
		}
		if next != old.Hash {
			all = append(all, store.NewHash{Old: old, Hash: next})
		}
		kids, _ := passwd.PepperKeys(next) // of a damaged one: none
		for _, kid := range kids {
			r.needed[kid]++
		}
	}
	if len(all) == 0 {
		return nil
	}
	n, err := r.db.ReplaceHashes(ctx, all)
	r.replaced += n
	r.raced += int64(len(all)) - n
	return err
}

// noted counts a hash that stays as it is because of err.
func (r *rehashing) noted(err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, passwd.ErrLayers):
		r.full++
	case errors.Is(err, keys.ErrUnknownPepper):
		r.lost++
	default:
		r.corrupt++
	}
	return true
}

// print says which keys are needed, and what to do about the rest.
func (r *rehashing) print(out io.Writer, newest uint32) {
	if _, there := r.needed[newest]; !there {
		r.needed[newest] = 0
	}
	var rows []table.Row
	for _, kid := range slices.Sorted(maps.Keys(r.needed)) {
		note := ""
		if kid == newest {
			note = "the newest"
		}
		rows = append(rows, table.Row{kid, r.needed[kid], note})
	}
	terminal.PrintTable(out, table.Row{"pepper key", "hashes that need it", ""}, rows)
	if !r.dry {
		fmt.Fprintf(out, "Replaced: %d hashes. A key of the file that is not in this table is needed by none of this centre.\n", r.replaced)
	}
	for _, n := range []struct {
		count int64
		text  string
	}{
		{r.raced, "were changed or used meanwhile and left alone; run rehash again to see that they have the newest key"},
		{r.full, "have as many keys as a hash can; they stay as they are until their owners use them"},
		{r.lost, "name a key that the pepper file has not: their passwords cannot be checked; put the key back from a copy of the file"},
		{r.corrupt, "are no password hashes: their passwords cannot be checked; restore them from a backup"},
	} {
		if n.count > 0 {
			fmt.Fprintf(out, "%d %s.\n", n.count, n.text)
		}
	}
}
