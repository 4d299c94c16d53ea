package serve

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
	"fundpass/store"
)

// errCheckFailed is returned if serve would not start or not be ready.
var errCheckFailed = errors.New("checks failed")

func checkCommand(w terminal.Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check the settings, the files and the database",
		Long: "Check reads the settings and files that serve reads and inspects the database and the\n" +
			"registry of channels, without changing anything. It prints one line for each finding, also if settings are\n" +
			"missing. It exits 1 if a line says fail. No line contains a key or a password.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return check(cmd.Context(), w.For(cmd)) },
	}
}

// A verdict is the result of one check.
type verdict string

const (
	verdictOK   verdict = "ok"
	verdictWarn verdict = "warn"
	verdictFail verdict = "fail"
)

// A finding is one line of the output: what was checked, and a note.
type finding struct {
	verdict verdict
	what    string
	note    any // a string, a terminal.Localized or an error
}

// noteIn returns the note in a language, on one line.
func (f finding) noteIn(l terminal.Language) string {
	text := ""
	switch note := f.note.(type) {
	case string:
		text = l.T(note)
	case terminal.Localized:
		text = note.In(l)
	case error:
		text = l.Of(note)
	}
	return strings.ReplaceAll(text, "\n", "; ")
}

// check inspects the database only if its connection string is valid.
func check(ctx context.Context, w terminal.Stdio) error {
	var groups []findingGroup
	if settings.HasCenters(w.Getenv) {
		groups = checkCenters(ctx, w)
	} else {
		groups = []findingGroup{{all: checkOne(ctx, w)}}
	}
	failed, count := 0, 0
	for _, g := range groups {
		if g.center != "" {
			fmt.Fprintf(w.Out, "\n%s\n", w.Language.T("centre %s", g.center))
		}
		printFindings(w, g.all)
		for _, one := range g.all {
			count++
			if one.verdict == verdictFail {
				failed++
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d %w", failed, count, errCheckFailed)
	}
	return nil
}

// A findingGroup has the findings about one centre, or about the process if center is "".
type findingGroup struct {
	center string
	all    []finding
}

// checkOne checks a process of one centre.
func checkOne(ctx context.Context, w terminal.Stdio) []finding {
	s, problems := settings.Parse(w.Getenv)
	f, more := s.Load()
	all := findSettings(s, f, append(problems, more...), func(settings.Field) bool { return true })
	for _, p := range settings.Misspelt(w) {
		all = append(all, finding{verdictFail, p.Setting, p.Err})
	}
	if s.DatabaseURL != "" && store.CheckDSN(s.DatabaseURL) == nil {
		all = append(all, findDatabase(ctx, s, f)...)
	}
	return all
}

// findSettings returns at least one finding for every setting to keep, in their order, and one for
// every problem.
func findSettings(s settings.Settings, f settings.Files, problems []settings.Problem, keep func(settings.Field) bool) []finding {
	wrong, odd := bySetting(problems), bySetting(s.Warnings(f, time.Now()))
	var all []finding
	for _, field := range settings.Fields() {
		for _, err := range wrong[field.Name] {
			all = append(all, finding{verdictFail, field.Name, err})
		}
		if !keep(field) {
			continue
		}
		for _, err := range odd[field.Name] {
			all = append(all, finding{verdictWarn, field.Name, err})
		}
		if len(wrong[field.Name])+len(odd[field.Name]) == 0 {
			all = append(all, finding{verdictOK, field.Name, describe(s, field, f)})
		}
	}
	for _, err := range wrong[""] {
		all = append(all, finding{verdictFail, "settings", err})
	}
	return all
}

// bySetting groups problems by setting and splits joined errors, so that each gets its
// own line.
func bySetting(problems []settings.Problem) map[string][]error {
	m := make(map[string][]error)
	for _, p := range problems {
		m[p.Setting] = append(m[p.Setting], settings.Unjoin(p.Err)...)
	}
	return m
}

// describe returns the note for a valid setting.
func describe(s settings.Settings, field settings.Field, f settings.Files) any {
	switch field.Name {
	case "FUNDPASS_DATABASE_URL":
		return "set" // it may hold a password
	case "FUNDPASS_APP_KEY_FILE":
		return terminal.Textf("%s: %s", s.AppKeyFile, describePrivate(s.AppKeyFile))
	case "FUNDPASS_TRANSPORT_KEY_FILES":
		if f.Transport != nil {
			kid, _ := f.Transport.Current()
			return terminal.Textf("%s: pages encrypt with key %s", strings.Join(s.TransportKeyFiles, ", "), kid)
		}
	case "FUNDPASS_CONTENT_KEY_FILE":
		if s.ContentKeyFile != "" {
			return terminal.Textf("%s: %s", s.ContentKeyFile, "AES-128")
		}
	case "FUNDPASS_ALIPAY_KEY_FILES":
		return describeAlipay(s.AlipayKeyFiles, f.Keyring)
	case "FUNDPASS_APP_AUTH_TOKEN_FILE":
		if f.Keyring != nil && f.Keyring.IsThirdParty() {
			return describeAppAuth(s.AppAuthTokenFile, f.Keyring)
		}
	case "FUNDPASS_APP_CERT_FILE":
		if f.Keyring != nil && s.AppCertFile != "" {
			return terminal.Textf("%s: belongs to the application's key, ends on %s", s.AppCertFile, f.Keyring.AppCertNotAfter().UTC().Format(time.DateOnly))
		}
	case "FUNDPASS_POLICY_FILE":
		if f.Policy != nil {
			return terminal.Textf("%s: %d rules", describeSource(s.PolicyFile), len(f.Policy.Public()))
		}
	case "FUNDPASS_OIDC_FILE":
		if f.Issuer != nil {
			return fmt.Sprintf("%s: %s at %s, client %s", s.OIDCFile, f.Issuer.Name, f.Issuer.Issuer, f.Issuer.ClientID)
		}
	case "FUNDPASS_SMS_GATEWAY_FILE":
		if f.SMS != nil {
			return terminal.Textf("%s: %s at %s", s.SMSGatewayFile, f.SMS.Name(), f.SMS.Host())
		}
	case "FUNDPASS_DOCUMENTS_FILE":
		if f.Documents != nil {
			return terminal.Textf("%s: %d types of %s", describeSource(s.DocumentsFile), len(f.Documents.Types()), f.Documents.Name)
		}
	}
	if !s.IsSet(field) && field.Default == "" {
		return "not set"
	}
	value := s.Text(field)
	return terminal.Bilingual{English: value, Chinese: value} // a value is not translated
}

func describeSource(path string) any {
	if path == "" {
		return terminal.Textf("built in")
	}
	return path
}

// describePrivate reads the key itself, because there is no keyring while another part of
// it is missing.
func describePrivate(path string) *terminal.Text {
	data, err := settings.ReadSmall(path)
	if err != nil {
		return terminal.Textf("readable")
	}
	key, err := keys.ParsePrivateKey(data)
	if err != nil {
		return terminal.Textf("readable")
	}
	return terminal.Textf("RSA, %d bits, signs and verifies", key.N.BitLen())
}

// describeAppAuth says until when the token applies, if Alipay gave an end.
func describeAppAuth(path string, keyring *keys.AlipayKeyring) *terminal.Text {
	if end := keyring.AppAuthNotAfter(); !end.IsZero() {
		return terminal.Textf("%s: app_auth_token to %s", path, end.UTC().Format(time.DateOnly))
	}
	return terminal.Textf("%s: app_auth_token without a known end", path)
}

func describeAlipay(paths []string, keyring *keys.AlipayKeyring) any {
	if keyring == nil {
		return terminal.Textf("%s: checked once the other settings of the keyring are valid", strings.Join(paths, ", "))
	}
	var all textList
	for _, key := range keyring.AlipayKeys() {
		all = append(all, describeAlipayKey(key))
	}
	return all
}

// A textList joins its texts with semicolons.
type textList []*terminal.Text

// In implements terminal.Localized.
func (all textList) In(l terminal.Language) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = one.In(l)
	}
	return strings.Join(texts, "; ")
}

func describeAlipayKey(key keys.AlipayKey) *terminal.Text {
	kind := terminal.Textf("public key")
	if !key.NotAfter.IsZero() {
		kind = terminal.Textf("certificate to %s", key.NotAfter.UTC().Format(time.DateOnly))
	}
	return terminal.Textf("%s: %s, %s, not the application's own", key.Source, bits(key.Public), kind)
}

func bits(key *rsa.PublicKey) *terminal.Text { return terminal.Textf("RSA %d bits", key.N.BitLen()) }

func printFindings(w terminal.Stdio, all []finding) {
	l := w.Language
	var rows []table.Row
	for _, one := range all {
		rows = append(rows, table.Row{one.verdict, l.T(one.what), one.noteIn(l)})
	}
	terminal.PrintTable(w.Out, table.Row{"", l.T("what"), l.T("note")}, rows)
}
