package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
	"fundpass/keys/calendar"
	"fundpass/store"
)

var (
	errSince   = errors.New(`--since is required: the moment of the restoration in Beijing time, e.g. "2026-12-01 10:00:00"`)
	errOutFile = errors.New("--out FILE is required")
	errLost    = errors.New("--lost names a file of fundpass restore list, and - says that there is none")
)

// restoreOptions are the flags of restore finish.
type restoreOptions struct {
	operatorOptions
	lost string
	yes  bool
}

func restoreCommand(w terminal.Stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Finish the restoration of the database to an earlier moment",
		Long: "Restore finishes a restoration of the database from a backup (see docs/scaling.md).\n" +
			"First, if the former database can still be read, restore list writes what happened in\n" +
			"it after the moment. Then restore finish ends what was in flight in the restored\n" +
			"database and repeats what protects citizens. Servers start afterwards.",
		Args: func(cmd *cobra.Command, args []string) error { return terminal.AsUsage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(restoreListCommand(w), restoreFinishCommand(w))
	return cmd
}

func restoreListCommand(w terminal.Stdio) *cobra.Command {
	since, out := "", ""
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Write what happened after a moment, from the former database",
		Long: "List reads the former database and writes a file with the erasures, the ended links and\n" +
			"the changed and frozen passwords after the moment, one a line. The file names accounts\n" +
			"by keyed digests and contains no personal data. Delete the lines of the accident itself,\n" +
			"such as a wrong erasure: restore finish repeats the others. What an import of the roster\n" +
			"did is not listed; the next import does it again.\n\n" +
			"It needs " + strings.Join(operatorSettings, ", ") + ".",
		Args: func(cmd *cobra.Command, args []string) error { return terminal.AsUsage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			moment, err := time.ParseInLocation(time.DateTime, since, calendar.Beijing)
			switch {
			case err != nil:
				return terminal.AsUsage(errSince)
			case out == "":
				return terminal.AsUsage(errOutFile)
			}
			return restoreList(cmd.Context(), w.For(cmd), moment, out)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return terminal.AsUsage(err) })
	cmd.Flags().StringVar(&since, "since", "", "the moment, in Beijing time (required)")
	cmd.Flags().StringVar(&out, "out", "", "the file to write; it must not exist")
	return cmd
}

// restoreList writes the lost events, one JSON object a line.
func restoreList(ctx context.Context, w terminal.Stdio, since time.Time, out string) error {
	db, err := openForOperator(ctx, w)
	if err != nil {
		return err
	}
	defer db.Close()
	lost, err := db.Operations().LostEvents(ctx, since)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(file)
	for _, e := range lost {
		err = errors.Join(err, lines.Encode(e))
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(out))
	}
	printLost(w, lost)
	fmt.Fprintln(w.Out, w.Language.T("Written to %s for fundpass restore finish --lost.", out))
	return nil
}

// printLost prints how many accounts have each kind of event.
func printLost(w terminal.Stdio, lost []store.LostEvent) {
	var rows []table.Row
	for i, n := 0, 0; i < len(lost); i++ {
		n++
		if i+1 == len(lost) || lost[i+1].Kind != lost[i].Kind {
			rows = append(rows, table.Row{lost[i].Kind, n})
			n = 0
		}
	}
	terminal.PrintTable(w.Out, w.Language.Row("event after the moment", "accounts"), rows)
}

func restoreFinishCommand(w terminal.Stdio) *cobra.Command {
	var r restoreOptions
	cmd := &cobra.Command{
		Use:   "finish",
		Short: "Prepare the restored database for service",
		Long: "Finish ends all sessions, devices, open changes, resets, transfers and codes, and does not\n" +
			"send queued notices, because most were sent. With the file of restore list it erases\n" +
			"erased persons again, removes links that had ended, freezes passwords that were frozen\n" +
			"and requires a change of passwords that were replaced: the old ones are valid again.\n" +
			"The citizens concerned read it in their record (办理记录). Without --yes nothing is\n" +
			"changed. Stop all servers before.\n\n" +
			"It needs " + strings.Join(operatorSettings, ", ") + ".\n" +
			"It exits 0 if the database is ready, 1 if not, 2 if the call is invalid.",
		Args: func(cmd *cobra.Command, args []string) error { return terminal.AsUsage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return restoreFinish(cmd.Context(), w.For(cmd), r) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return terminal.AsUsage(err) })
	f := cmd.Flags()
	f.StringVar(&r.operator, "operator", "", "who does this (required)")
	f.StringVar(&r.reason, "reason", "", "why (required)")
	f.StringVar(&r.lost, "lost", "", "the file of restore list, or - if there is none (required)")
	f.BoolVar(&r.yes, "yes", false, "do it; without it nothing is changed or recorded")
	return cmd
}

func restoreFinish(ctx context.Context, w terminal.Stdio, r restoreOptions) error {
	if err := r.check(); err != nil {
		return terminal.AsUsage(err)
	}
	if r.lost == "" {
		return terminal.AsUsage(errLost)
	}
	lost, err := readLost(r.lost)
	if err != nil {
		return err
	}
	db, err := openForOperator(ctx, w)
	if err != nil {
		return err
	}
	defer db.Close()
	erased, err := r.eraseAgain(ctx, db, lost)
	if err != nil {
		return err
	}
	done, err := db.Operations().FinishRestore(ctx, store.Restoration{Operator: r.operator, Reason: r.reason, Lost: lost, DryRun: !r.yes})
	if err != nil {
		return err
	}
	r.print(w, erased, done)
	return nil
}

// readLost reads a file of restore list; - is none.
func readLost(name string) (lost []store.LostEvent, err error) {
	if name == "-" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLost, err)
	}
	defer file.Close()
	for lines := json.NewDecoder(file); ; {
		var e store.LostEvent
		if err := lines.Decode(&e); errors.Is(err, io.EOF) {
			return lost, nil
		} else if err != nil {
			return nil, fmt.Errorf("%w: %w", errLost, err)
		}
		lost = append(lost, e)
	}
}

// eraseAgain erases the persons who were erased after the moment and returns their number. A
// person whom the restored database does not know is done.
func (r restoreOptions) eraseAgain(ctx context.Context, db *store.DB, lost []store.LostEvent) (n int, err error) {
	for _, e := range lost {
		if !e.IsErasure() {
			continue
		}
		_, err := db.Operations().Erase(ctx, store.Erasure{
			OperatorRequest: store.OperatorRequest{AccountID: e.AccountID, Operator: r.operator, Reason: r.reason},
			Accounts:        e.Kind == store.ActionEraseWithAccount, DryRun: !r.yes,
		})
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return n, err
		default:
			n++
		}
	}
	return n, nil
}

func (r restoreOptions) print(w terminal.Stdio, erased int, done store.Restored) {
	l := w.Language
	rows := []table.Row{}
	for _, row := range done.Rows {
		rows = append(rows, table.Row{row.Table, row.Rows})
	}
	terminal.PrintTable(w.Out, l.Row("ended", "rows"), rows)
	fmt.Fprintln(w.Out, l.T("Persons erased again: %d. Links removed again: %d. Passwords frozen again: %d.", erased, done.Unlinked, done.Frozen))
	fmt.Fprintln(w.Out, l.T("Passwords replaced after the moment, which must be changed: %d. Citizens who read it in their record: %d.", done.Old, done.Told))
	if !r.yes {
		fmt.Fprintln(w.Out, l.T("Nothing was changed. Run it again with --yes."))
		return
	}
	fmt.Fprintln(w.Out, l.T("Recorded as %s.", done.ActionID))
}
