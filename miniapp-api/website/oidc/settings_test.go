package oidc_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fundpass/miniapp-api/website/oidc"
	"fundpass/store/storetest"
)

const settingsJSON = `{
  "name": "广东省统一身份认证平台",
  "issuer": "https://id.example.gov.cn",
  "client_id": "fund-hall",
  "client_secret_file": "client.secret",
  "scopes": ["profile", "identity"],
  "claims": {"name": "name", "id_type": "cert_type", "id_number": "cert_no"},
  "id_types": {"10": "01", "11": "03"},
  "require": {"auth_level": ["L2", "L3"]}
}`

// Every mistake in a settings file is named, and all of them at once.
func TestSettings(t *testing.T) {
	t.Parallel()
	s, err := oidc.ParseSettings([]byte(settingsJSON))
	noError(t, err)
	if s.ClientAuth != "basic" || s.IDTypes["11"] != "03" || s.MaxAge != nil {
		t.Errorf("%+v", s)
	}
	replace := func(old, new string) string { return strings.Replace(settingsJSON, old, new, 1) }
	for name, c := range map[string]struct{ file, want string }{
		"not JSON":           {"{", "EOF"},
		"unknown key":        {replace(`"client_id"`, `"client"`), "client"},
		"repeated key":       {replace(`"scopes"`, `"issuer": "https://a.example", "scopes"`), "issuer"},
		"other case":         {replace(`"scopes"`, `"Scopes"`), "Scopes"},
		"no name":            {replace("广东省统一身份认证平台", ""), "name is not"},
		"plain http":         {replace("https://id", "http://id"), "issuer is not https"},
		"query in issuer":    {replace("gov.cn\"", "gov.cn?a\""), "issuer has more"},
		"no client":          {replace("fund-hall", ""), "client_id"},
		"no secret":          {replace("client.secret", ""), "client_secret_file"},
		"another auth":       {replace(`"scopes"`, `"client_auth": "none", "scopes"`), "client_auth"},
		"two scopes in one":  {replace(`"profile"`, `"a b"`), `scope "a b"`},
		"lasting access":     {replace(`"profile"`, `"offline_access"`), "offline_access"},
		"no claim":           {replace(`"cert_no"`, `""`), "claims need"},
		"no types":           {replace(`{"10": "01", "11": "03"}`, `{}`), "id_types is empty"},
		"types for no claim": {replace(`"id_type": "cert_type", `, ``), `its only key`},
		"type without claim": {replace(`{"10"`, `{"": "01", "10"`), "left out"},
		"empty requirement":  {replace(`["L2", "L3"]`, `[]`), `require "auth_level"`},
		"requires empty":     {replace(`["L2", "L3"]`, `["L2", ""]`), `require "auth_level"`},
		"negative age":       {replace(`"scopes"`, `"max_age": -1, "scopes"`), "max_age"},
	} {
		if _, err := oidc.ParseSettings([]byte(c.file)); !errors.Is(err, oidc.ErrSettings) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	both := strings.NewReplacer("fund-hall", "", "client.secret", "").Replace(settingsJSON)
	if _, err := oidc.ParseSettings([]byte(both)); err == nil || !strings.Contains(err.Error(), "client_id") || !strings.Contains(err.Error(), "client_secret_file") {
		t.Errorf("two mistakes: %v", err)
	}
}

// The secret stands beside the settings file, which others may read; the secret they may not.
func TestLoadSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, secret := filepath.Join(dir, "oidc.json"), filepath.Join(dir, "client.secret")
	write := func(path, text string, mode os.FileMode) {
		t.Helper()
		noError(t, os.WriteFile(path, []byte(text), mode))
		noError(t, os.Chmod(path, mode))
	}
	refused := func(name, want string) {
		t.Helper()
		_, err := oidc.LoadSettings(file)
		if !errors.Is(err, oidc.ErrSettings) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused("no file", "oidc.json")
	write(file, settingsJSON, 0o644)
	refused("no secret", "client.secret")
	for _, short := range []string{"", "s3cret", "s3cret with a blank in it", "s3cret\nof two lines, long"} {
		write(secret, short, 0o600)
		refused("wrong secret", "client.secret")
	}
	write(secret, "s3cret-of-the-client\n", 0o644)
	refused("open secret", "client.secret")
	write(secret, "s3cret-of-the-client\n", 0o600)
	s, err := oidc.LoadSettings(file)
	noError(t, err)
	if s.SecretFile != secret {
		t.Errorf("secret at %s", s.SecretFile)
	}
	write(file, settingsJSON+strings.Repeat(" ", 64<<10), 0o644)
	refused("too long", "longer")
}

// A client needs everything at the start of the program, not at the first sign-in.
func TestNewIsComplete(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s, err := oidc.ParseSettings([]byte(settingsJSON))
	noError(t, err)
	for name, make := range map[string]func() (*oidc.Client, error){
		"no secret": func() (*oidc.Client, error) { return oidc.New(s, db, oidc.Options{RedirectURL: redirectURL}) },
		"no settings": func() (*oidc.Client, error) {
			return oidc.New(oidc.Settings{}.WithSecret("s"), db, oidc.Options{RedirectURL: redirectURL})
		},
		"no database": func() (*oidc.Client, error) {
			return oidc.New(s.WithSecret("s"), nil, oidc.Options{RedirectURL: redirectURL})
		},
		"no redirect": func() (*oidc.Client, error) { return oidc.New(s.WithSecret("s"), db, oidc.Options{}) },
		"redirect by http": func() (*oidc.Client, error) {
			return oidc.New(s.WithSecret("s"), db, oidc.Options{RedirectURL: "http://hall.example/a"})
		},
		"redirect to query": func() (*oidc.Client, error) {
			return oidc.New(s.WithSecret("s"), db, oidc.Options{RedirectURL: redirectURL + "?a"})
		},
	} {
		if c, err := make(); err == nil || c != nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
