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
	errNoOutput = errors.New("--out FILE is required; --show prints personal data on this terminal instead")
	errFormat   = errors.New("--format is neither json nor csv")
)

// exportOptions are the flags of export-person.
type exportOptions struct {
	operatorOptions
	out, format string
	show        bool
}

func exportCommand(w terminal.Stdio) *cobra.Command {
	var e exportOptions
	cmd := &cobra.Command{
		Use:   "export-person",
		Short: "Write all data of a citizen to a file for them",
		Long: "Export-person writes the data of a citizen who requests it (PIPL article 45):\n" +
			"accounts, links, sessions and events, and when passwords were set, but no password.\n" +
			"It asks for the account number or the ID number, so that the shell's history does\n" +
			"not contain it. The file is new and has mode 0600; give it to the citizen and delete\n" +
			"it. fundpass audit lists the export.\n\n" +
			"It needs " + strings.Join(operatorSettings, ", ") + ".\n" +
			"It exits 0 if the file is written, 1 if not, 2 if the call is invalid.",
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

// check requires exactly one of --out and --show.
func (e *exportOptions) check() error {
	switch {
	case e.format != "json" && e.format != "csv":
		return errFormat
	case (e.out == "") != e.show:
		return errNoOutput
	}
	return e.operatorOptions.check()
}

// exportPerson removes the file if the export fails.
func exportPerson(ctx context.Context, w terminal.Stdio, e exportOptions) error {
	if err := e.check(); err != nil {
		return terminal.AsUsage(err)
	}
	if e.show {
		return e.write(ctx, w, w.Out)
	}
	// An existing file is refused before anything is recorded.
	file, err := os.OpenFile(e.out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(e.write(ctx, w, file), file.Close()); err != nil {
		return errors.Join(err, os.Remove(e.out))
	}
	fmt.Fprintln(w.Out, w.Language.T("Written to %s. Give the file to the citizen and delete it.", e.out))
	return nil
}

// write asks for the person's number and writes their data.
func (e exportOptions) write(ctx context.Context, w terminal.Stdio, to io.Writer) error {
	var data store.PersonData
	err := e.withPerson(ctx, w, func(db *store.DB, u store.OperatorRequest) (err error) {
		data, err = db.Operations().Export(ctx, u)
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

// writeCSV writes one line for each field: part, row number in the part, field, value.
// The byte order mark makes Excel read the file as UTF-8.
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

// cell formats a value so that a spreadsheet does not take it for a formula.
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
