package keycmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
)

// errKeysExist protects what cannot be made again.
var errKeysExist = errors.New("key files are never overwritten; give another directory, or move these away yourself")

func keysCommand(w terminal.Stdio) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Make and rotate keys"}
	cmd.AddCommand(keysNewCommand(w), fetchCertCommand(w),
		rotateCommand(w, rotation{
			use: "rotate-column FILE", short: "Put a fresh key that seals columns into a column key file",
			rotate: keys.RotateColumnKey, effect: "New values are sealed with the fresh key; older keys in the file still open what they sealed.",
		}),
		rotateCommand(w, rotation{
			use: "rotate-pepper FILE", short: "Put a fresh key behind new password hashes into a pepper file",
			rotate: keys.RotatePepper, effect: "New hashes use the fresh key; older keys in the file still verify theirs.\nWhen every server has the file, fundpass keys rehash lays the fresh key over all stored hashes.",
		}), rehashCommand(w))
	return cmd
}

func keysNewCommand(w terminal.Stdio) *cobra.Command {
	var owner keyOwner
	cmd := &cobra.Command{
		Use:   "new DIR",
		Short: "Make every key a new server needs",
		Long: "New makes the keys of a new server in a directory, readable by their owner only,\n" +
			"and says what each file is for. It overwrites nothing. With --company it also\n" +
			"makes the request (CSR) that Alipay's certificate mode asks for.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return newKeys(w.For(cmd), args[0], owner) },
	}
	cmd.Flags().StringVar(&owner.appID, "app-id", "", "the mini-program's APPID, for the request")
	cmd.Flags().StringVar(&owner.company, "company", "", "company of the Alipay account, letter by letter; makes app.csr")
	return cmd
}

// A keyOwner is whose application the keys are for.
type keyOwner struct{ appID, company string }

// A keyFile is a file that keys new makes.
type keyFile struct {
	name    string
	content []byte
	setting string // that names it; "" = none
	use     string
}

func newKeys(w terminal.Stdio, dir string, owner keyOwner) error {
	files, err := makeKeys(owner)
	if err != nil {
		return err
	}
	if err := writeKeys(dir, files); err != nil {
		return err
	}
	var rows []table.Row
	for _, f := range files {
		rows = append(rows, table.Row{filepath.Join(dir, f.name), f.setting, w.Language.T(f.use)})
	}
	terminal.PrintTable(w.Out, w.Language.Row("file", "setting", "what it is for"), rows)
	fmt.Fprintln(w.Out, w.Language.T("\nKeep a copy of column.key and pepper.key in a safe place apart from the database's\nbackup: without them the data and every password are lost."))
	return nil
}

// makeKeys makes everything before anything is written.
func makeKeys(owner keyOwner) ([]keyFile, error) {
	app, err := keys.NewAppKey()
	if err != nil {
		return nil, err
	}
	transport, err := keys.NewAppKey()
	if err != nil {
		return nil, err
	}
	column, err := keys.NewColumnKey()
	if err != nil {
		return nil, err
	}
	pepper, err := keys.NewPepperKey()
	if err != nil {
		return nil, err
	}
	files := []keyFile{
		{"app_private_key.pem", app.PEM(), "FUNDPASS_APP_KEY_FILE", "signs requests to Alipay"},
		{"app_public_key.txt", textLine(app.Public()), "", "paste into Alipay's console: 开发设置 > 接口加签方式(密钥/证书) > 公钥, as 应用公钥"},
		{"app_private_pkcs8.txt", textLine(app.PKCS8()), "", "the same private key for Alipay's tools and Java SDK; delete it if unused"},
		{"app_private_pkcs1.txt", textLine(app.PKCS1()), "", "the same private key for SDKs of other languages; delete it if unused"},
		{"column.key", column, "FUNDPASS_COLUMN_KEY_FILE", "encrypts personal data in the database"},
		{"pepper.key", pepper, "FUNDPASS_PEPPER_FILE", "is mixed into every password hash"},
		{"transport_private_key.pem", transport.PEM(), "FUNDPASS_TRANSPORT_KEY_FILES", "decrypts passwords that pages encrypt"},
	}
	if owner.company == "" {
		return files, nil
	}
	request, err := keys.NewCSR(app.Private(), owner.company, owner.appID)
	if err != nil {
		return nil, fmt.Errorf("--company and --app-id: %w", err)
	}
	return append(files, keyFile{"app.csr", request, "", "upload to Alipay's console for certificate mode: 接口加签方式 > 证书"}), nil
}

func textLine(s string) []byte { return append([]byte(s), '\n') }

// writeKeys writes all files or none. Errors: errKeysExist, naming them.
func writeKeys(dir string, files []keyFile) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var there []error
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.name)); err == nil {
			there = append(there, fmt.Errorf("%s is there", filepath.Join(dir, f.name)))
		}
	}
	if len(there) > 0 {
		return errors.Join(append(there, errKeysExist)...)
	}
	for i, f := range files {
		if err := settings.WriteNew(filepath.Join(dir, f.name), f.content); err != nil {
			for _, done := range files[:i] {
				err = errors.Join(err, os.Remove(filepath.Join(dir, done.name)))
			}
			return err
		}
	}
	return nil
}
