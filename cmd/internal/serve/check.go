package serve

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
	"fundpass/store"
)

// errCheckFailed says that serve would not start, or not serve.
var errCheckFailed = errors.New("checks failed")

func checkCommand(w terminal.Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Say line by line what is right and wrong with the settings",
		Long: "Check reads the settings and files that serve would read and looks at the\n" +
			"database and the channels, without changing anything. It works with half of the settings missing.\n" +
			"It exits 1 when a line says fail. No line holds a key or a password.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return check(cmd.Context(), w) },
	}
}

// A verdict is what check says of one thing.
type verdict string

const (
	verdictOK   verdict = "ok"
	verdictWarn verdict = "warn"
	verdictFail verdict = "fail"
)

// A finding is one line of check: what was looked at and what to know or do.
type finding struct {
	verdict verdict
	what    string
	note    string
}

func check(ctx context.Context, w terminal.Stdio) error {
	s, problems := settings.Parse(w.Getenv)
	f, more := s.Load()
	all := findSettings(s, f, append(problems, more...))
	for _, p := range settings.Misspelt(w) {
		all = append(all, finding{verdictFail, p.Setting, p.Err.Error()})
	}
	if s.DatabaseURL != "" && store.CheckDSN(s.DatabaseURL) == nil {
		all = append(all, findDatabase(ctx, s, f)...)
	}
	printFindings(w.Out, all)
	failed := 0
	for _, one := range all {
		if one.verdict == verdictFail {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d %w", failed, len(all), errCheckFailed)
	}
	return nil
}

// findSettings says something of every setting, in their order.
func findSettings(s settings.Settings, f settings.Files, problems []settings.Problem) []finding {
	wrong, odd := bySetting(problems), bySetting(s.Warnings(f, time.Now()))
	var all []finding
	for _, field := range settings.Fields() {
		for _, err := range wrong[field.Name] {
			all = append(all, finding{verdictFail, field.Name, oneLine(err)})
		}
		for _, err := range odd[field.Name] {
			all = append(all, finding{verdictWarn, field.Name, oneLine(err)})
		}
		if len(wrong[field.Name])+len(odd[field.Name]) == 0 {
			all = append(all, finding{verdictOK, field.Name, describe(s, field, f)})
		}
	}
	for _, err := range wrong[""] {
		all = append(all, finding{verdictFail, "settings", oneLine(err)})
	}
	return all
}

func bySetting(problems []settings.Problem) map[string][]error {
	m := make(map[string][]error)
	for _, p := range problems {
		m[p.Setting] = append(m[p.Setting], settings.Unjoin(p.Err)...)
	}
	return m
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// describe says what a setting that is right amounts to.
func describe(s settings.Settings, field settings.Field, f settings.Files) string {
	switch field.Name {
	case "FUNDPASS_DATABASE_URL":
		return "set" // it may hold a password
	case "FUNDPASS_APP_KEY_FILE":
		return s.AppKeyFile + ": " + describePrivate(s.AppKeyFile)
	case "FUNDPASS_TRANSPORT_KEY_FILES":
		if f.Transport != nil {
			kid, _ := f.Transport.Current()
			return fmt.Sprintf("%s: key %s is handed out", strings.Join(s.TransportKeyFiles, ", "), kid)
		}
	case "FUNDPASS_CONTENT_KEY_FILE":
		if s.ContentKeyFile != "" {
			return s.ContentKeyFile + ": AES-128"
		}
	case "FUNDPASS_ALIPAY_KEY_FILES":
		return describeAlipay(s.AlipayKeyFiles, f.Keyring)
	case "FUNDPASS_APP_CERT_FILE":
		if f.Keyring != nil && s.AppCertFile != "" {
			return s.AppCertFile + ": belongs to the application's key, ends on " + f.Keyring.AppCertNotAfter().UTC().Format(time.DateOnly)
		}
	case "FUNDPASS_POLICY_FILE":
		if f.Policy != nil {
			return fmt.Sprintf("%s: %d rules", describeSource(s.PolicyFile), len(f.Policy.Rules))
		}
	case "FUNDPASS_DOCUMENTS_FILE":
		if f.Documents != nil {
			return fmt.Sprintf("%s: %d types of %s", describeSource(s.DocumentsFile), len(f.Documents.Types()), f.Documents.Name)
		}
	}
	if !s.IsSet(field) && field.Default == "" {
		return "not set"
	}
	return s.Text(field)
}

func describeSource(path string) string {
	if path == "" {
		return "built in"
	}
	return path
}

// describePrivate reads the key itself, because the other half of its keyring may
// be missing.
func describePrivate(path string) string {
	data, err := settings.ReadSmall(path)
	if err != nil {
		return "readable"
	}
	key, err := keys.ParsePrivateKey(data)
	if err != nil {
		return "readable"
	}
	return fmt.Sprintf("RSA, %d bits, signs and verifies", key.N.BitLen())
}

func describeAlipay(paths []string, keyring *keys.AlipayKeyring) string {
	if keyring == nil {
		return strings.Join(paths, ", ") + ": usable once the rest is right"
	}
	var all []string
	for _, key := range keyring.AlipayKeys() {
		all = append(all, describeAlipayKey(key))
	}
	return strings.Join(all, "; ")
}

func describeAlipayKey(key keys.AlipayKey) string {
	kind := "public key"
	if !key.NotAfter.IsZero() {
		kind = "certificate to " + key.NotAfter.UTC().Format(time.DateOnly)
	}
	return fmt.Sprintf("%s: %s, %s, not the application's own", key.Source, bits(key.Public), kind)
}

func bits(key *rsa.PublicKey) string { return fmt.Sprintf("RSA %d bits", key.N.BitLen()) }

func printFindings(out io.Writer, all []finding) {
	var rows []table.Row
	for _, one := range all {
		rows = append(rows, table.Row{one.verdict, one.what, one.note})
	}
	terminal.PrintTable(out, table.Row{"", "what", "note"}, rows)
}
