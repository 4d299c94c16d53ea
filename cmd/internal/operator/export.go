package operator

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/document"
	"fundpass/store"
)

var (
	errNowhere = errors.New("--out FILE is needed; --show prints personal data on this terminal instead")
	errFormat  = errors.New("--format is neither json nor csv")
)

// exportOptions are the flags of export-person.
type exportOptions struct {
	unlockOptions
	out, format string
	show        bool
}

func exportCommand(w terminal.Stdio) *cobra.Command {
	var e exportOptions
	cmd := &cobra.Command{
		Use:   "export-person",
		Short: "Write everything that is kept about a citizen into a file for them",
		Long: "Export-person writes what is kept about a citizen who asks for it (PIPL article\n" +
			"45): accounts, links, sessions, what was done and when, readable, and of\n" +
			"passwords when they were set, never what. It asks for the account number or the\n" +
			"ID number, so that neither stands in the shell's history. The file is new, mode\n" +
			"0600; hand it over and delete it. fundpass audit lists the export.\n\n" +
			"It needs " + strings.Join(unlockSettings, ", ") + ".\n" +
			"It exits 0 when the file is written, 1 when not, 2 when it was called wrongly.",
		Args: func(cmd *cobra.Command, args []string) error { return terminal.AsUsage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return exportPerson(cmd.Context(), w.For(cmd), e) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return terminal.AsUsage(err) })
	e.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&e.out, "out", "", "the file to write; it must not exist")
	f.StringVar(&e.format, "format", "json", "json or csv")
	f.BoolVar(&e.show, "show", false, "print on this terminal instead")
	return cmd
}

func (e *exportOptions) check() error {
	switch {
	case e.format != "json" && e.format != "csv":
		return errFormat
	case (e.out == "") != e.show:
		return errNowhere
	}
	return e.unlockOptions.check()
}

func exportPerson(ctx context.Context, w terminal.Stdio, e exportOptions) error {
	if err := e.check(); err != nil {
		return terminal.AsUsage(err)
	}
	if e.show {
		return e.write(ctx, w, w.Out)
	}
	// Before anything is recorded: a file that is there is not touched.
	file, err := os.OpenFile(e.out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(e.write(ctx, w, file), file.Close()); err != nil {
		return errors.Join(err, os.Remove(e.out))
	}
	fmt.Fprintln(w.Out, w.Language.T("Written to %s. Hand it to the citizen and delete it.", e.out))
	return nil
}

// write asks whom it is about and writes what is kept.
func (e exportOptions) write(ctx context.Context, w terminal.Stdio, to io.Writer) error {
	var data store.PersonData
	err := e.act(ctx, w, func(db *store.DB, u store.OperatorRequest) (err error) {
		data, err = db.Export(ctx, u)
		return err
	})
	if err != nil {
		return err
	}
	for i := range data.Links {
		data.Links[i].Identifier = document.MaskPhone(data.Links[i].Identity.Value)
	}
	if e.format == "csv" {
		return writeCSV(to, data)
	}
	lines := json.NewEncoder(to)
	lines.SetIndent("", "  ")
	lines.SetEscapeHTML(false)
	return lines.Encode(data)
}

// writeCSV writes a line for each field: part, number of the row in it, field, value.
// The byte order mark is for Excel, which reads Chinese wrong without it.
func writeCSV(to io.Writer, data store.PersonData) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	numbers := json.NewDecoder(strings.NewReader(string(raw)))
	numbers.UseNumber()
	var parts map[string]any
	if err := numbers.Decode(&parts); err != nil {
		return err
	}
	if _, err := io.WriteString(to, "\ufeff"); err != nil {
		return err
	}
	lines := csv.NewWriter(to)
	lines.Write([]string{"part", "row", "field", "value"})
	for _, part := range sortedKeys(parts) {
		rows, isList := parts[part].([]any)
		if !isList {
			rows = []any{parts[part]}
		}
		for i, row := range rows {
			fields, isObject := row.(map[string]any)
			if !isObject {
				fields = map[string]any{"": row}
			}
			for _, field := range sortedKeys(fields) {
				lines.Write([]string{part, strconv.Itoa(i + 1), field, cell(fields[field])})
			}
		}
	}
	lines.Flush()
	return lines.Error()
}

func sortedKeys(m map[string]any) []string {
	var all []string
	for key := range m {
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}

// cell is a value that no spreadsheet takes for a formula.
func cell(v any) string {
	if v == nil {
		return ""
	}
	text := fmt.Sprint(v)
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
