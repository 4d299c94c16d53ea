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

// errKeysExist is returned instead of overwriting a key, because a lost key cannot be
// recreated.
var errKeysExist = errors.New("key files are never overwritten; choose another directory, or move the existing files")

func keysCommand(w terminal.Stdio) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Create and rotate keys"}
	cmd.AddCommand(keysNewCommand(w), fetchCertCommand(w), fetchAppAuthCommand(w),
		rotateCommand(w, rotation{
			use: "rotate-column FILE", short: "Add a new key to a column key file",
			rotate: keys.RotateColumnKey, effect: "New values are encrypted with the new key; the older keys in the file still decrypt old values.",
		}),
		rotateCommand(w, rotation{
			use: "rotate-pepper FILE", short: "Add a new key to a pepper file",
			rotate: keys.RotatePepper, effect: "New hashes use the new key; the older keys in the file still verify old hashes.\nWhen every server has the file, run fundpass keys rehash to apply the new key to all stored hashes.",
		}), rehashCommand(w))
	return cmd
}

func keysNewCommand(w terminal.Stdio) *cobra.Command {
	var owner keyOwner
	cmd := &cobra.Command{
		Use:   "new DIR",
		Short: "Create every key that a new server needs, and its file of settings",
		Long: "New creates the keys of a new server in a directory, readable by their owner only,\n" +
			"and prints what each file is for. It overwrites nothing. It also writes\n" +
			"fundpass.env, a file with the settings that the server needs. With --company it\n" +
			"also creates the certificate request (CSR) for Alipay's certificate mode.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return newKeys(w.For(cmd), args[0], owner) },
	}
	cmd.Flags().StringVar(&owner.appID, "app-id", "", "APPID of the mini-program, for the certificate request")
	cmd.Flags().StringVar(&owner.center, "center", "", "id of the centre, for one of several in FUNDPASS_CENTERS_FILE: its file has no settings of the process")
	cmd.Flags().StringVar(&owner.company, "company", "", "company of the Alipay account, exactly as Alipay spells it; creates app.csr")
	return cmd
}

// A keyOwner is the subject of the certificate request, and the centre of the keys.
type keyOwner struct {
	appID, company string
	center         string // one of several in a process; "" = the only one
}

// A keyFile is a file that keys new writes.
type keyFile struct {
	name    string
	content []byte
	setting string // setting that names the file; "" = none
	use     string
}

// newKeys writes the keys and prints a table of the files.
func newKeys(w terminal.Stdio, dir string, owner keyOwner) error {
	files, err := makeKeys(owner)
	if err != nil {
		return err
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	files = append(files, envFile(absolute, files, owner))
	if err := writeKeys(dir, files); err != nil {
		return err
	}
	var rows []table.Row
	for _, f := range files {
		rows = append(rows, table.Row{filepath.Join(dir, f.name), f.setting, w.Language.T(f.use)})
	}
	terminal.PrintTable(w.Out, w.Language.Row("file", "setting", "what it is for"), rows)
	fmt.Fprintln(w.Out, w.Language.T("\nKeep a copy of column.key and pepper.key in a safe place apart from the database's\nbackup: without them the data and every password are lost."))
	fmt.Fprintln(w.Out, w.Language.T("\nNext: put Alipay's files beside the keys, fill in the empty settings, and run\nfundpass check --env-file %s", filepath.Join(dir, envFileName)))
	return nil
}

// makeKeys creates the contents of all files before the first is written.
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

// writeKeys writes all files or none. If some exist, it returns errKeysExist with their
// names.
func writeKeys(dir string, files []keyFile) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var existing []error
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.name)); err == nil {
			existing = append(existing, fmt.Errorf("%s exists", filepath.Join(dir, f.name)))
		}
	}
	if len(existing) > 0 {
		return errors.Join(append(existing, errKeysExist)...)
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
