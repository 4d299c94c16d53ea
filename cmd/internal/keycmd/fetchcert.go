package keycmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
	"fundpass/signing"
)

func fetchCertCommand(w terminal.Stdio) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "fetch-cert SN --out FILE",
		Short: "Download a certificate of Alipay's for comparison",
		Long: "Fetch-cert downloads the certificate with serial number SN from FUNDPASS_GATEWAY_URL.\n" +
			"A refused message contains the SN in alipay_cert_sn. It checks that the certificate\n" +
			"is Alipay's, is for this merchant, is valid and was issued under\n" +
			"FUNDPASS_ALIPAY_ROOT_CERT_FILE, writes it to a new file and prints what to compare.\n" +
			"The server trusts it only after you add the file to FUNDPASS_ALIPAY_KEY_FILES.\n" +
			"The command works in certificate mode only.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return fetchCert(cmd.Context(), w.For(cmd), strings.ToLower(args[0]), out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write; it must not exist")
	_ = cmd.MarkFlagRequired("out") // fails only for an unknown flag
	return cmd
}

// fetchCert downloads and checks the certificate before it creates the file, so that a
// refused certificate leaves none.
func fetchCert(ctx context.Context, w terminal.Stdio, sn, out string) error {
	if _, err := os.Lstat(out); err == nil {
		return fmt.Errorf("%s exists; %w", out, errKeysExist)
	}
	s, keyring, err := settings.ReadKeyring(w.Getenv, "FUNDPASS_GATEWAY_URL")
	if err != nil {
		return fmt.Errorf("invalid settings:\n%w", err)
	}
	if s.AlipayRootCertFile == "" {
		return errors.New("FUNDPASS_ALIPAY_ROOT_CERT_FILE is not set: in public-key mode there are no certificates; copy Alipay's public key from the console")
	}
	gateway, err := signing.NewGateway(keyring, s.GatewayURL, signing.Options{})
	if err != nil {
		return settings.Problem{Setting: "FUNDPASS_GATEWAY_URL", Err: err}
	}
	content, err := gateway.DownloadCertificate(ctx, sn)
	if err != nil {
		return err
	}
	cert, err := keys.CheckAlipayCert(s.KeyringFiles(), sn, content)
	if err != nil {
		return fmt.Errorf("the downloaded certificate is refused, nothing written: %w", err)
	}
	if err := settings.WriteNew(out, content); err != nil {
		return err
	}
	printCandidate(w, out, cert)
	return syncDir(filepath.Dir(out))
}

// printCandidate prints what the operator compares with Alipay's console.
func printCandidate(w terminal.Stdio, path string, c keys.AlipayCert) {
	l := w.Language
	terminal.PrintPairs(w.Out, [][2]string{
		{l.T("file"), path},
		{l.T("serial (SN)"), c.SN},
		{l.T("subject"), printable(c.Subject)},
		{l.T("issuer"), printable(c.Issuer)},
		{l.T("valid"), l.T("%s to %s", c.NotBefore.UTC().Format(time.DateOnly), c.End.UTC().Format(time.DateOnly))},
		{"SHA-256", fmt.Sprintf("%x", c.Fingerprint)},
	})
	root := "root file"
	if c.Sandbox {
		root = "sandbox's pinned root"
	}
	fmt.Fprintln(w.Out, l.T("\nIt was issued under the %s. Compare it with the certificate in\n"+
		"Alipay's console (接口加签方式 > 证书 > 支付宝公钥证书). If subject, validity and serial\n"+
		"number are the same, add the file to FUNDPASS_ALIPAY_KEY_FILES beside the old one,\n"+
		"run fundpass check and restart the servers. Otherwise delete the file.", l.T(root)))
}
