package keycmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
	"fundpass/signing"
)

func fetchAppAuthCommand(w terminal.Stdio) *cobra.Command {
	var refresh bool
	cmd := &cobra.Command{
		Use:   "fetch-app-auth",
		Short: "Get the app_auth_token with which a third-party application serves a mini-program",
		Long: "Fetch-app-auth is for integrators whose third-party application serves the centre's\n" +
			"mini-program. It reads the app_auth_code, or the URL to which Alipay sent the centre\n" +
			"after the authorisation, from standard input, exchanges it at FUNDPASS_GATEWAY_URL and\n" +
			"writes the app_auth_token with its end to FUNDPASS_APP_AUTH_TOKEN_FILE. The code is\n" +
			"valid once and for a day. With --refresh it renews the token in that file instead.\n" +
			"It prints no token. Send the servers SIGHUP afterwards.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fetchAppAuth(cmd.Context(), w.For(cmd), refresh)
		},
	}
	cmd.Flags().BoolVar(&refresh, "refresh", false, "renew the token in the file instead of reading a code")
	return cmd
}

// appAuthSettings are what the command needs beside the keys of the third-party application.
var appAuthSettings = []string{
	"FUNDPASS_APP_ID", "FUNDPASS_THIRD_PARTY_APP_ID", "FUNDPASS_APP_KEY_FILE", "FUNDPASS_ALIPAY_KEY_FILES",
	"FUNDPASS_APP_CERT_FILE", "FUNDPASS_ALIPAY_ROOT_CERT_FILE", "FUNDPASS_APP_AUTH_TOKEN_FILE", "FUNDPASS_GATEWAY_URL",
}

// fetchAppAuth creates the file before it spends the code, so that a full or forbidden directory
// does not cost the authorisation.
func fetchAppAuth(ctx context.Context, w terminal.Stdio, refresh bool) error {
	s, err := settings.ParseFor(w.Getenv, appAuthSettings...)
	if err != nil {
		return fmt.Errorf("invalid settings:\n%w", err)
	}
	if s.ThirdPartyAppID == "" {
		return errors.New("FUNDPASS_THIRD_PARTY_APP_ID is not set: a mini-program with keys of its own needs no app_auth_token")
	}
	get, err := appAuthGetter(w.In, s, refresh)
	if err != nil {
		return err
	}
	next := s.AppAuthTokenFile + ".new" // a second call at the same time fails here
	if err := settings.WriteNew(next, nil); err != nil {
		return err
	}
	auth, err := exchangeAppAuth(ctx, s, get)
	if err == nil {
		err = writeAppAuth(next, s.AppAuthTokenFile, auth)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(next)))
	}
	printAppAuth(w, s.AppAuthTokenFile, auth)
	return nil
}

// An appAuthCall gets the tokens from Alipay.
type appAuthCall func(context.Context, *signing.Gateway) ([]keys.AppAuth, error)

// appAuthGetter returns the call with the code from in or, with refresh, with the refresh token of
// the present file.
func appAuthGetter(in io.Reader, s settings.Settings, refresh bool) (appAuthCall, error) {
	if !refresh {
		code, err := readAppAuthCode(in)
		return func(ctx context.Context, g *signing.Gateway) ([]keys.AppAuth, error) {
			return g.AppAuthByCode(ctx, code, time.Now())
		}, err
	}
	data, err := settings.ReadSmall(s.AppAuthTokenFile)
	if err != nil {
		return nil, err
	}
	auth, err := keys.ParseAppAuth(data)
	if err == nil && auth.Refresh == "" {
		err = errors.New("the file has no refresh token; the centre must authorise the application again")
	}
	return func(ctx context.Context, g *signing.Gateway) ([]keys.AppAuth, error) {
		return g.AppAuthByRefresh(ctx, auth.Refresh, time.Now())
	}, err
}

// readAppAuthCode reads the code, alone or in the URL to which Alipay sent the centre.
func readAppAuthCode(in io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(in, 8<<10))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(data))
	if u, err := url.Parse(text); err == nil && u.Query().Has("app_auth_code") {
		text = u.Query().Get("app_auth_code")
	}
	if text == "" {
		return "", errors.New("no app_auth_code on standard input")
	}
	return text, nil
}

// exchangeAppAuth calls Alipay as the third-party application itself and returns the authorisation
// of the mini-program FUNDPASS_APP_ID.
func exchangeAppAuth(ctx context.Context, s settings.Settings, get appAuthCall) (keys.AppAuth, error) {
	keyring, problems := s.LoadThirdPartyKeyring()
	if len(problems) > 0 {
		return keys.AppAuth{}, fmt.Errorf("invalid settings:\n%w", settings.Join(problems))
	}
	gateway, err := signing.NewGateway(keyring, s.GatewayURL, signing.Options{})
	if err != nil {
		return keys.AppAuth{}, settings.Problem{Setting: "FUNDPASS_GATEWAY_URL", Err: err}
	}
	all, err := get(ctx, gateway)
	if err != nil {
		return keys.AppAuth{}, err
	}
	i := slices.IndexFunc(all, func(a keys.AppAuth) bool { return a.MiniProgram == s.AppID })
	if i < 0 {
		return keys.AppAuth{}, terminal.Textf("mini-program %s has authorised the application, not FUNDPASS_APP_ID %s; nothing written", all[0].MiniProgram, s.AppID)
	}
	return all[i], nil
}

// writeAppAuth writes auth to next and renames it to path, so that a reader gets either the old or
// the new content.
func writeAppAuth(next, path string, auth keys.AppAuth) error {
	content, err := json.Marshal(auth)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(next, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(append(content, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		err = os.Rename(next, path)
		return errors.Join(err, syncDir(filepath.Dir(path)))
	}
	return errors.Join(replaceFile(next, path), syncDir(filepath.Dir(path)))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func printAppAuth(w terminal.Stdio, path string, auth keys.AppAuth) {
	l := w.Language
	end := l.T("not known")
	if !auth.NotAfter.IsZero() {
		end = auth.NotAfter.UTC().Format(time.DateOnly)
	}
	terminal.PrintPairs(w.Out, [][2]string{
		{l.T("file"), path},
		{l.T("third-party application"), auth.ThirdParty},
		{l.T("mini-program"), auth.MiniProgram},
		{l.T("ends"), end},
	})
	fmt.Fprintln(w.Out, l.T("\nThe former token may be void from now on: copy the file to every server and send\neach SIGHUP."))
}
