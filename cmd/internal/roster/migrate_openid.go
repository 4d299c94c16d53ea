package roster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/alipay"
	"fundpass/signing"
	"fundpass/store"
)

const openIDHelp = `Migrate-openid moves links that were made while Alipay called citizens by user_id to the
open_id by which it calls them once the application has been changed over
(console: openid配置管理). Nobody links again: Alipay says which open_id is whose,
and link, sessions, open changes, consents, attempts and counts go along.

Run it when Alipay gives open_ids to everybody, and once more when it has stopped
giving user_ids. Before that it does no harm: a citizen who comes with a user_id
alone still finds a link that was moved. One who comes with both is moved at
once, without this command. One who comes with an open_id alone is not found until
this command has run.

Servers go on running. Stopped in the middle, by whatever it was, the same command
goes on; run again it changes nothing. When Alipay is called too often it waits and
asks again, six times at most, from half a second to sixteen.`

// errOpenIDConflicts says that people are in each other's way.
var errOpenIDConflicts = errors.New("some citizens are linked under both identifiers; nothing was done to them")

func migrateOpenIDCommand(w terminal.Stdio) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "migrate-openid",
		Short: "Move links from user_id to open_id, as Alipay changes over",
		Long:  openIDHelp,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return migrateOpenID(cmd.Context(), w.For(cmd), dry) },
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "ask Alipay and write nothing, only say what would be done")
	return cmd
}

func migrateOpenID(ctx context.Context, w terminal.Stdio, dry bool) error {
	gateway, db, err := openGatewayAndStore(ctx, w.Getenv)
	if err != nil {
		return err
	}
	defer db.Close()
	c := openIDMigration{db: db, openIDs: gateway.OpenIDs, dry: dry, pause: 500 * time.Millisecond}
	err = c.walk(ctx, w)
	c.print(w)
	switch {
	case err != nil:
		return fmt.Errorf("%w: the same command goes on where this one stopped", err)
	case len(c.conflicts) > 0:
		return errOpenIDConflicts
	}
	return nil
}

// An openIDMigration moves the links page by page and counts the outcomes.
type openIDMigration struct {
	db      *store.DB
	openIDs func(ctx context.Context, userIDs []string) ([]signing.Identity, error)
	dry     bool
	pause   time.Duration // before the first repetition of a question; doubled each time

	before    int64 // moved by earlier runs, or when the citizen came
	moved     int64
	gone      int64 // moved or unlinked by somebody else meanwhile
	unknown   int64 // to Alipay
	conflicts [][]uuid.UUID
	answered  bool // Alipay has answered a question at all
}

func (c *openIDMigration) walk(ctx context.Context, w terminal.Stdio) error {
	total, moved, err := c.db.Roster().CountLinks(ctx, store.ProviderAlipay)
	if err != nil {
		return err
	}
	c.before = moved
	m := &terminal.Meter{Out: w.Err, Language: w.Language, What: "migrate-openid", Unit: "links", Total: total}
	m.Start()
	defer m.End()
	done := int64(0)
	for page := (store.LinkPage{}); ; {
		if page, err = c.db.Roster().UserLinks(ctx, store.ProviderAlipay, page.Last); err != nil || page.Links == 0 {
			return err
		}
		for users := range slices.Chunk(page.Users, signing.OpenIDBatch) {
			if err := c.take(ctx, users); err != nil {
				return err
			}
		}
		done += int64(page.Links)
		m.At(min(done, total)) // those that were moved are met again, under their new key
	}
}

// take moves as many as Alipay names at once.
func (c *openIDMigration) take(ctx context.Context, users []store.Identity) error {
	named, err := c.name(ctx, users)
	if err != nil {
		return err
	}
	c.unknown += int64(len(users) - len(named))
	moves, err := c.db.Roster().MoveToOpenID(ctx, named, c.dry)
	if err != nil {
		return err
	}
	for _, m := range moves {
		switch m.Outcome {
		case store.MoveDone:
			c.moved++
		case store.MoveConflict:
			c.conflicts = append(c.conflicts, m.Accounts)
		default:
			c.gone++
		}
	}
	return nil
}

// name asks for all at once. Where Alipay refuses the question, each is asked for
// alone: one citizen it will not speak of must not keep the others back. If it has
// never answered any, it is the application it refuses.
func (c *openIDMigration) name(ctx context.Context, users []store.Identity) (named []store.Identity, err error) {
	found, refused := c.ask(ctx, users)
	if !errors.Is(refused, signing.ErrConfiguration) {
		return found, refused
	}
	for one := range slices.Chunk(users, 1) {
		found, err := c.ask(ctx, one)
		if err != nil && !errors.Is(err, signing.ErrConfiguration) {
			return nil, err
		}
		named = append(named, found...)
	}
	if !c.answered {
		return nil, refused
	}
	return named, nil
}

// askRepeats is how often a question is repeated that Alipay was too busy to answer.
const askRepeats = 6

func (c *openIDMigration) ask(ctx context.Context, users []store.Identity) ([]store.Identity, error) {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.Value
	}
	pause := c.pause
	for repeats := 0; ; repeats++ {
		found, err := c.openIDs(ctx, ids)
		if err == nil {
			c.answered = true
			named := make([]store.Identity, len(found))
			for i, f := range found {
				named[i] = alipay.Identity(f)
			}
			return named, nil
		}
		if !errors.Is(err, signing.ErrUnavailable) || errors.Is(err, signing.ErrForged) || repeats == askRepeats {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// print says what was done, and what is to do.
func (c *openIDMigration) print(w terminal.Stdio) {
	l, out := w.Language, w.Out
	moved := l.T("moved to the open_id")
	if c.dry {
		moved = l.T("would be moved to the open_id")
	}
	left := c.unknown + int64(len(c.conflicts))
	terminal.PrintTable(out, l.Row("links", ""), []table.Row{
		{moved, c.moved}, {l.T("moved before"), c.before}, {l.T("moved or unlinked meanwhile"), c.gone},
		{l.T("unknown to Alipay"), c.unknown}, {l.T("in conflict"), len(c.conflicts)}, {l.T("left under the user_id"), left},
	})
	if c.unknown > 0 {
		fmt.Fprintln(out, l.T("%d stay under the user_id, because Alipay names no open_id for it: the citizen has left Alipay, or the application is\n"+
			"not changed over yet. Run it again later; whoever comes to the counter is unlinked by erase-person.", c.unknown))
	}
	for _, accounts := range c.conflicts {
		fmt.Fprintln(out, l.T("One Alipay user is linked to accounts %s and %s (as in audit): find out whose it is, have the other link\n"+
			"removed (erase-person), and run it again.", accounts[0], accounts[len(accounts)-1]))
	}
	if left == 0 && !c.dry {
		fmt.Fprintln(out, l.T("Nothing is left. Run it once more when Alipay gives this application no user_id any more."))
	}
}
