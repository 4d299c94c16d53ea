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

var (
	// errRefused is verify's word for a message the server would not take.
	errRefused = errors.New("refused")
)

// maxCapture is above everything Alipay sends; a log given by mistake is larger.
const maxCapture = 2 << 20

func verifyCommand(w terminal.Stdio) *cobra.Command {
	var show bool
	cmd := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Say what a message of Alipay's is, and why it is refused",
		Long: "Verify takes one message as it came: the body of a notification, of a call of\n" +
			"/alipay/spi or of an answer of the gateway, or what my.getPhoneNumber gave, with\n" +
			"or without the HTTP headers before it; from FILE or from the standard input. It\n" +
			"says what the server says of it and most likely why, with the keys that\n" +
			strings.Join(settings.KeyringSettings, ", ") + "\nname. Nothing is sent, stored or done.\n\n" +
			"It also takes the line that a server logged because FUNDPASS_LOG_REFUSED_MESSAGE is\n" +
			"sealed, and opens it with FUNDPASS_COLUMN_KEY_FILE.\n\n" +
			"It exits 0 when the message is taken, 1 when it is refused, 2 when it was not looked at.",
		Args: func(cmd *cobra.Command, args []string) error {
			return terminal.AsUsage(cobra.MaximumNArgs(1)(cmd, args))
		},
		RunE: func(_ *cobra.Command, args []string) error { return verifyMessage(w, args, show) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return terminal.AsUsage(err) })
	cmd.Flags().BoolVar(&show, "show", false, "print the signed text, too: it may hold personal data")
	return cmd
}

func verifyMessage(w terminal.Stdio, args []string, show bool) error {
	_, keyring, err := settings.ReadKeyring(w.Getenv)
	if err != nil {
		return terminal.AsUsage(fmt.Errorf("settings are not right:\n%w", err))
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
	printReport(w.Out, r)
	if show {
		fmt.Fprintf(w.Out, "\n%s\n", printable(r.Text))
	}
	if r.Verdict != nil {
		return fmt.Errorf("message %w", errRefused)
	}
	return nil
}

// openSealed opens the message that a server logged by FUNDPASS_LOG_REFUSED_MESSAGE.
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
		return nil, fmt.Errorf("the line of the log is not whole, or another server's: %w", err)
	}
	return message, nil
}

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
		return nil, errors.New("larger than any message of Alipay's; give one message, not a log")
	}
	return raw, nil
}

// printReport writes what is known of a message but its values.
func printReport(out io.Writer, r signing.Report) {
	row := func(what, note string) { fmt.Fprintf(out, "%-13s%s\n", what, note) }
	row("family", cmp.Or(r.Family, "none that is known"))
	row("signed part", cmp.Or(r.Rule, "not known"))
	row("its text", fmt.Sprintf("%d bytes, SHA-256 %x", r.Length, r.Digest))
	for i, key := range r.Tried {
		row([]string{"keys", ""}[min(i, 1)], key)
	}
	row("signature", map[bool]string{true: "Alipay's, over this very text", false: "not Alipay's over this text"}[r.Genuine])
	if r.Verdict == nil {
		row("verdict", "taken")
		return
	}
	row("verdict", "refused: "+withoutPackage(r.Verdict.Error()))
	row("likely", withoutPackage(r.Reason))
	row("to do", adviceFor(r))
}

// withoutPackage removes the prefix "signing: " at every level of an error.
func withoutPackage(s string) string { return strings.ReplaceAll(s, "signing: ", "") }

// advices say what to do about each refusal; the first that fits holds.
var advices = []struct {
	err error
	do  string
}{
	{keys.ErrUnknownSN, "get the certificate with fundpass keys fetch-cert or from the console, add its file to FUNDPASS_ALIPAY_KEY_FILES and restart the server"},
	{signing.ErrWrongApp, "compare FUNDPASS_APP_ID with the console; another application may have this server's address as its gateway"},
	{signing.ErrStale, "a message kept in a file grows stale by itself; if it arrived that late, look at the clock of the server and at what held the message up"},
	{signing.ErrSignType, "set the application to RSA2 in the console (接口加签方式)"},
	{signing.ErrNoSign, "Alipay signs every message: somebody else sent this one, or something on the way dropped the parameter"},
	{signing.ErrDuplicateKey, "look for what adds parameters between Alipay and this server, such as a proxy that mixes URL and body"},
	{signing.ErrUnknownFamily, "if Alipay sent it, cancel its subscription in the console: this product takes none of its kind"},
	{signing.ErrSignature, "when the key is wrong, compare the files above with the console; otherwise let whatever lies between Alipay and this server pass bodies on byte for byte"},
	{signing.ErrForged, "if it came from FUNDPASS_GATEWAY_URL over TLS, find out what answers there; do not act on what it says"},
	{signing.ErrConfiguration, "look the code up in Alipay's list of common error codes; the console must be changed, trying again does not help"},
	{signing.ErrTokenInvalid, "let the mini-program ask the citizen for consent again"},
	{signing.ErrCodeInvalid, "let the mini-program get a new auth code; each is good once"},
	{signing.ErrUndeliverable, "nothing: this citizen takes no messages, or the form number is used up"},
	{signing.ErrUnavailable, "nothing, unless it lasts: Alipay, or something before it, was busy"},
	{signing.ErrMalformed, "capture the message again, whole and byte for byte"},
}

func adviceFor(r signing.Report) string {
	for _, a := range advices {
		if errors.Is(r.Verdict, a.err) {
			return a.do
		}
	}
	return "capture the message again, whole and byte for byte"
}

// printable writes what would move a terminal's cursor, or is no text, as escapes.
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
