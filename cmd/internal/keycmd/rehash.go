package keycmd

import (
	"context"
	"errors"
	"fmt"
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

const rehashHelp = `Rehash applies the newest key of the pepper file to every stored password hash of
the centre, without knowing a password. Afterwards a stolen database and a leaked
older key are not enough to guess passwords; the newest key is needed, too.

Run it after rotate-pepper, when every server has the new file: a server without
the newest key cannot verify the hashes that rehash writes. Servers keep running.
A password that is changed or used meanwhile is skipped. If rehash is interrupted,
run it again to continue; once it is complete, it changes nothing.

The older keys are still needed and stay in the file: a hash names every key that
was applied to it, until its owner uses the password and the hash is replaced by
one of the newest key alone. The table shows how many hashes need which key. Remove
a key from the file only if no hash of any centre needs it. Earlier passwords,
which are kept to prevent their reuse, are not in the table: removing their key
deletes them from the history.`

// errHashes reports stored hashes that cannot be verified, with or without rehash.
var errHashes = errors.New("some stored hashes are unusable and were not changed")

// rehashSettings lists the settings that rehash needs; the others may be missing.
var rehashSettings = []string{
	"FUNDPASS_DATABASE_URL", "FUNDPASS_CENTER", "FUNDPASS_APP_ID", "FUNDPASS_COLUMN_KEY_FILE", "FUNDPASS_PEPPER_FILE",
}

func rehashCommand(w terminal.Stdio) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "rehash",
		Short: "Apply the newest pepper key to all stored password hashes",
		Long:  rehashHelp,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return rehash(cmd.Context(), w.For(cmd), dry) },
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only count how many hashes need which key")
	return cmd
}

// rehash opens the database and runs a rehashing. Its error does not stop servers: every
// batch is complete.
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
	if err := r.run(ctx, w); err != nil {
		return fmt.Errorf("%w: run the command again to continue", err)
	}
	r.print(w, f.Pepper.Current())
	if r.corrupt+r.lost > 0 {
		return errHashes
	}
	return nil
}

// A rehashing counts the hashes by what happened to them.
type rehashing struct {
	db     *store.DB
	hasher *passwd.Hasher
	dry    bool

	needed   map[uint32]int64 // hashes by the pepper keys that they name
	replaced int64
	raced    int64 // changed meanwhile
	full     int64 // name the maximum number of keys
	corrupt  int64 // cannot be parsed
	lost     int64 // name a key that the file does not have
}

// run rehashes all hashes in batches.
func (r *rehashing) run(ctx context.Context, w terminal.Stdio) error {
	total, err := r.db.Operations().CountHashes(ctx)
	if err != nil {
		return err
	}
	m := &terminal.Meter{Out: w.Err, Language: w.Language, What: "rehash", Unit: "hashes", Total: total}
	m.Start()
	defer m.End()
	var after uuid.UUID
	for done := int64(0); ; {
		batch, err := r.db.Operations().Hashes(ctx, after)
		if err != nil || len(batch) == 0 {
			return err
		}
		if err := r.rekeyBatch(ctx, batch); err != nil {
			return err
		}
		after, done = batch[len(batch)-1].AccountID, done+int64(len(batch))
		m.At(min(done, total)) // hashes may have been added since
	}
}

// rekeyBatch rekeys a batch and replaces the hashes that nobody has changed meanwhile.
func (r *rehashing) rekeyBatch(ctx context.Context, batch []store.StoredHash) error {
	var all []store.NewHash
	for _, old := range batch {
		next, changed, err := r.hasher.Rekey(old.Hash)
		if r.countSkipped(err) || r.dry || !changed {
			next = old.Hash
		}
		if next != old.Hash {
			all = append(all, store.NewHash{Old: old, Hash: next})
		}
		kids, _ := passwd.PepperKeys(next) // none for a corrupt hash
		for _, kid := range kids {
			r.needed[kid]++
		}
	}
	if len(all) == 0 {
		return nil
	}
	n, err := r.db.Operations().ReplaceHashes(ctx, all)
	r.replaced += n
	r.raced += int64(len(all)) - n
	return err
}

// countSkipped counts a hash that was not rekeyed because of err. It returns false if err
// is nil.
func (r *rehashing) countSkipped(err error) bool {
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

// print writes how many hashes need which key, and what to do about those that were
// skipped.
func (r *rehashing) print(w terminal.Stdio, newest uint32) {
	l, out := w.Language, w.Out
	if _, ok := r.needed[newest]; !ok {
		r.needed[newest] = 0
	}
	var rows []table.Row
	for _, kid := range slices.Sorted(maps.Keys(r.needed)) {
		note := ""
		if kid == newest {
			note = l.T("the newest")
		}
		rows = append(rows, table.Row{kid, r.needed[kid], note})
	}
	terminal.PrintTable(out, l.Row("pepper key", "hashes that need it", ""), rows)
	if !r.dry {
		fmt.Fprintln(out, l.T("Replaced %d hashes. No hash of this centre needs a key that is not in this table.", r.replaced))
	}
	for _, n := range []struct {
		count int64
		text  string
	}{
		{r.raced, "%d hashes were changed or used meanwhile and were skipped; run rehash again to verify that they have the newest key."},
		{r.full, "%d hashes have the maximum number of keys; they are replaced when their owners use the password."},
		{r.lost, "%d hashes name a key that is not in the pepper file: their passwords cannot be verified; restore the key from a copy of the file."},
		{r.corrupt, "%d hashes are malformed: their passwords cannot be verified; restore them from a backup."},
	} {
		if n.count > 0 {
			fmt.Fprintln(out, l.T(n.text, n.count))
		}
	}
}
