package keycmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
	"fundpass/signing"
)

// errRefused is the error for a message that the server refuses.
var errRefused = errors.New("message refused")

// maxCapture is larger than every message of Alipay. It rejects a log that is given by
// mistake.
const maxCapture = 2 << 20

func verifyCommand(w terminal.Stdio) *cobra.Command {
	var show bool
	cmd := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Diagnose a message of Alipay's and explain a refusal",
		Long: "Verify reads one message as it was received, from FILE or the standard input: the\n" +
			"body of a notification, of a call of /alipay/spi or of a reply of the gateway, or\n" +
			"the result of my.getPhoneNumber, with or without the HTTP headers before it. It\n" +
			"prints whether the server accepts it and the probable reason, using the keys of\n" +
			strings.Join(settings.KeyringSettings, ", ") + ".\nIt sends and stores nothing.\n\n" +
			"It also reads the line that a server logs if FUNDPASS_LOG_REFUSED_MESSAGE is sealed,\n" +
			"and decrypts it with FUNDPASS_COLUMN_KEY_FILE.\n\n" +
			"It exits 0 if the message is accepted, 1 if it is refused, 2 if it was not examined.",
		Args: func(cmd *cobra.Command, args []string) error {
			return terminal.AsUsage(cobra.MaximumNArgs(1)(cmd, args))
		},
		RunE: func(cmd *cobra.Command, args []string) error { return verifyMessage(w.For(cmd), args, show) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return terminal.AsUsage(err) })
	cmd.Flags().BoolVar(&show, "show", false, "also print the signed text, which may contain personal data")
	return cmd
}

// verifyMessage returns a usage error if there is no message to examine, and errRefused
// for a message that the server refuses.
func verifyMessage(w terminal.Stdio, args []string, show bool) error {
	_, keyring, err := settings.ReadKeyring(w.Getenv)
	if err != nil {
		return terminal.AsUsage(fmt.Errorf("invalid settings:\n%w", err))
	}
	raw, err := readCapture(w.In, args)
	if err != nil {
		return terminal.AsUsage(err)
	}
	if keys.HasSealedMessage(raw) {
		if raw, err = openSealed(w.Getenv, raw); err != nil {
			return terminal.AsUsage(err)
		}
	}
	c, err := parseCapture(raw)
	if err != nil {
		return terminal.AsUsage(err)
	}
	r := c.diagnose(keyring)
	printReport(w, r)
	if show {
		fmt.Fprintf(w.Out, "\n%s\n", printable(r.Text))
	}
	if r.Verdict != nil {
		return errRefused
	}
	return nil
}

// openSealed decrypts the message that a server logged because of FUNDPASS_LOG_REFUSED_MESSAGE.
func openSealed(getenv func(string) string, line []byte) ([]byte, error) {
	const setting = "FUNDPASS_COLUMN_KEY_FILE"
	path := getenv(setting)
	if path == "" {
		return nil, settings.Problemf(setting, "is not set: the message is encrypted with this key")
	}
	cipher, err := keys.LoadColumnCipher(path)
	if err != nil {
		return nil, settings.Problem{Setting: setting, Err: err}
	}
	message, err := cipher.OpenMessage(line)
	if err != nil {
		return nil, fmt.Errorf("the line is incomplete or another server's: %w", err)
	}
	return message, nil
}

// readCapture reads the file, or the standard input for "-" or no argument.
func readCapture(in io.Reader, args []string) ([]byte, error) {
	if len(args) > 0 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxCapture+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxCapture {
		return nil, errors.New("larger than any message of Alipay's; the input must be one message, not a log")
	}
	return raw, nil
}

// printReport prints the report on a message without the message's values.
func printReport(w terminal.Stdio, r signing.Report) {
	l := w.Language
	var rows [][2]string
	row := func(what, note string) { rows = append(rows, [2]string{what, note}) }
	row(l.T("family"), cmp.Or(r.Family, l.T("unknown")))
	row(l.T("signed part"), l.Match(cmp.Or(r.Rule, "unknown")))
	row(l.T("signed text"), l.T("%d bytes, SHA-256 %x", r.Length, r.Digest))
	for i, key := range r.Tried {
		row([]string{l.T("keys"), ""}[min(i, 1)], l.Match(key))
	}
	row(l.T("signature"), l.T(map[bool]string{true: "valid: Alipay's, over this text", false: "invalid: not Alipay's over this text"}[r.Genuine]))
	if r.Verdict == nil {
		row(l.T("verdict"), l.T("accepted"))
	} else {
		row(l.T("verdict"), l.T("refused: %s", l.Match(withoutPackage(r.Verdict.Error()))))
		row(l.T("likely"), l.Match(withoutPackage(r.Reason)))
		row(l.T("to do"), l.T(adviceFor(r)))
	}
	terminal.PrintPairs(w.Out, rows)
}

// withoutPackage removes the prefix "signing: " at every level of an error.
func withoutPackage(s string) string { return strings.ReplaceAll(s, "signing: ", "") }

// advices maps each refusal to what to do about it. The first match applies.
var advices = []struct {
	err error
	do  string
}{
	{keys.ErrUnknownSN, "download the certificate with fundpass keys fetch-cert or from the console, add its file to FUNDPASS_ALIPAY_KEY_FILES and restart the server"},
	{signing.ErrWrongApp, "compare FUNDPASS_APP_ID with the console; another application may use this server's address as its gateway"},
	{signing.ErrStale, "a message kept in a file expires; if it arrived that late, check the server's clock and the proxies that may have delayed the message"},
	{signing.ErrSignType, "set the application to RSA2 in the console (接口加签方式)"},
	{signing.ErrNoSign, "Alipay signs every message: another party sent this one, or a proxy removed the parameter"},
	{signing.ErrDuplicateKey, "find what adds parameters between Alipay and this server, such as a proxy that merges URL and body"},
	{signing.ErrUnknownFamily, "if Alipay sent it, cancel the subscription in the console: fundpass does not handle this kind of message"},
	{signing.ErrSignature, "if the key is wrong, compare the files above with the console; otherwise make the proxies between Alipay and this server forward bodies unchanged"},
	{signing.ErrForged, "if it came from FUNDPASS_GATEWAY_URL over TLS, find out which server replies there; do not rely on the content"},
	{signing.ErrConfiguration, "look the code up in Alipay's list of common error codes and correct the configuration in the console; a retry does not help"},
	{signing.ErrTokenInvalid, "make the mini-program ask the citizen for consent again"},
	{signing.ErrCodeInvalid, "make the mini-program get a new auth code; each is valid once"},
	{signing.ErrUndeliverable, "nothing: the citizen accepts no messages, or the subscription is used up"},
	{signing.ErrUnavailable, "nothing, unless it persists: Alipay or a proxy before it was overloaded"},
	{signing.ErrMalformed, "record the message again, complete and unchanged"},
}

// adviceFor returns what to do about a refused message.
func adviceFor(r signing.Report) string {
	for _, a := range advices {
		if errors.Is(r.Verdict, a.err) {
			return a.do
		}
	}
	return "record the message again, complete and unchanged"
}

// printable escapes invalid UTF-8 and control characters, which could move the terminal's
// cursor.
func printable(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		s = s[size:]
	}
	return b.String()
}
