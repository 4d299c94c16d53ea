package settings

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"fundpass/keys"
	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/miniapp-api/sms"
	"fundpass/miniapp-api/website/oidc"
)

// Files are the contents of the files that the settings name. A part that is not set or
// could not be read is nil.
type Files struct {
	Keyring   *keys.AlipayKeyring
	Cipher    *keys.ColumnCipher
	Pepper    *keys.Pepper
	Policy    *passwd.Policy
	Transport *keys.Transport // nil if not set
	Content   []byte          // nil if not set
	Documents *document.List
	Consents  []selfservice.ConsentText
	Issuer    *oidc.Settings // nil if not set
	SMS       *sms.Gateway   // nil if not set
}

// Load reads every file that the settings name and reports all problems, each under the
// setting that names the file.
func (s Settings) Load() (Files, []Problem) {
	var f Files
	var all []Problem
	note := func(setting string, err error) {
		if err != nil {
			all = append(all, Problem{setting, err})
		}
	}
	keyring, problems := s.LoadKeyring()
	f.Keyring, all = keyring, append(s.CheckModes(), problems...)
	var err error
	if s.ColumnKeyFile != "" {
		f.Cipher, err = keys.LoadColumnCipher(s.ColumnKeyFile)
		note("FUNDPASS_COLUMN_KEY_FILE", err)
	}
	if s.PepperFile != "" {
		f.Pepper, err = keys.LoadPepper(s.PepperFile)
		note("FUNDPASS_PEPPER_FILE", err)
	}
	f.Policy, err = s.LoadPolicy()
	note("FUNDPASS_POLICY_FILE", err)
	f.Documents, err = s.LoadDocuments()
	note("FUNDPASS_DOCUMENTS_FILE", err)
	f.Transport, err = s.LoadTransport(f.Keyring)
	note("FUNDPASS_TRANSPORT_KEY_FILES", err)
	f.Content, err = LoadContentKey(s.ContentKeyFile)
	note("FUNDPASS_CONTENT_KEY_FILE", err)
	f.Consents, err = loadConsents(s.ConsentsFile)
	note("FUNDPASS_CONSENTS_FILE", err)
	f.Issuer, err = loadIssuer(s.OIDCFile)
	note("FUNDPASS_OIDC_FILE", err)
	f.SMS = s.loadSMS(note)
	return f, all
}

// loadIssuer reads the description of an issuer and its client secret, or returns nil for "".
func loadIssuer(path string) (*oidc.Settings, error) {
	if path == "" {
		return nil, nil
	}
	s, err := oidc.LoadSettings(path)
	if err != nil {
		return nil, err
	}
	return &s, nil
}

// loadConsents reads the centre's texts, or returns the built-in texts for "".
func loadConsents(path string) ([]selfservice.ConsentText, error) {
	if path == "" {
		return alipay.DefaultConsents(), nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	texts, err := selfservice.ParseConsents(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return texts, nil
}

// loadSMS reads the description and the key of the SMS gateway, or returns nil if none is set.
// An error of one is reported under its own setting.
func (s Settings) loadSMS(note func(string, error)) *sms.Gateway {
	if s.SMSGatewayFile == "" || s.SMSKeyFile == "" {
		return nil
	}
	description, err := ReadSmall(s.SMSGatewayFile)
	note("FUNDPASS_SMS_GATEWAY_FILE", err)
	key, keyErr := ReadSmall(s.SMSKeyFile)
	note("FUNDPASS_SMS_KEY_FILE", keyErr)
	if err != nil || keyErr != nil {
		return nil
	}
	gateway, err := sms.New(description, key)
	switch {
	case errors.Is(err, sms.ErrKey):
		note("FUNDPASS_SMS_KEY_FILE", fmt.Errorf("%s: %w", s.SMSKeyFile, err))
	case err != nil:
		note("FUNDPASS_SMS_GATEWAY_FILE", fmt.Errorf("%s: %w", s.SMSGatewayFile, err))
	default:
		return gateway
	}
	return nil
}

// A namedFile is a file that a setting names.
type namedFile struct {
	setting, path string
	secret        bool // only the server may read it
}

// named returns the files that are set, in the order of the settings.
func (s Settings) named() []namedFile {
	all := []namedFile{{"FUNDPASS_APP_KEY_FILE", s.AppKeyFile, true}}
	for _, path := range s.AlipayKeyFiles {
		all = append(all, namedFile{"FUNDPASS_ALIPAY_KEY_FILES", path, false})
	}
	all = append(all,
		namedFile{"FUNDPASS_APP_AUTH_TOKEN_FILE", s.AppAuthTokenFile, true},
		namedFile{"FUNDPASS_APP_CERT_FILE", s.AppCertFile, false},
		namedFile{"FUNDPASS_ALIPAY_ROOT_CERT_FILE", s.AlipayRootCertFile, false},
		namedFile{"FUNDPASS_SANDBOX_ROOT_FILE", s.SandboxRootFile, false},
		namedFile{"FUNDPASS_CONTENT_KEY_FILE", s.ContentKeyFile, true},
		namedFile{"FUNDPASS_COLUMN_KEY_FILE", s.ColumnKeyFile, true},
		namedFile{"FUNDPASS_PEPPER_FILE", s.PepperFile, true})
	for _, path := range s.TransportKeyFiles {
		all = append(all, namedFile{"FUNDPASS_TRANSPORT_KEY_FILES", path, true})
	}
	all = append(all, namedFile{"FUNDPASS_POLICY_FILE", s.PolicyFile, false})
	all = append(all, namedFile{"FUNDPASS_DOCUMENTS_FILE", s.DocumentsFile, false})
	all = append(all, namedFile{"FUNDPASS_CONSENTS_FILE", s.ConsentsFile, false})
	all = append(all, namedFile{"FUNDPASS_OIDC_FILE", s.OIDCFile, false})
	all = append(all, namedFile{"FUNDPASS_SMS_GATEWAY_FILE", s.SMSGatewayFile, false})
	all = append(all, namedFile{"FUNDPASS_SMS_KEY_FILE", s.SMSKeyFile, true})
	return slices.DeleteFunc(all, func(n namedFile) bool { return n.path == "" })
}

// CheckModes reports secret files that other users may read. It ignores missing files,
// which their readers report.
func (s Settings) CheckModes() []Problem {
	var all []Problem
	for _, n := range s.named() {
		if err := keys.CheckMode(n.path); n.secret && errors.Is(err, keys.ErrOpenToOthers) {
			all = append(all, Problem{n.setting, err})
		}
	}
	return all
}

// KeyringFiles returns the files of the keyring.
func (s Settings) KeyringFiles() keys.AlipayKeyringFiles {
	return keys.AlipayKeyringFiles{
		AppID: s.AppID, ThirdPartyAppID: s.ThirdPartyAppID, AppAuth: s.AppAuthTokenFile,
		AppKey: s.AppKeyFile, AlipayKeys: s.AlipayKeyFiles,
		AppCert: s.AppCertFile, AlipayRootCert: s.AlipayRootCertFile, SandboxRoot: s.SandboxRootFile,
	}
}

// LoadKeyring loads the keyring and reports each of its problems under a setting. It
// leaves files that are not set to validate, which names them.
func (s Settings) LoadKeyring() (*keys.AlipayKeyring, []Problem) {
	keyring, err := keys.LoadAlipayKeyring(s.KeyringFiles())
	if err == nil {
		return keyring, nil
	}
	var all []Problem
	for _, e := range Unjoin(err) {
		if !errors.Is(e, keys.ErrIncomplete) {
			all = append(all, Problem{s.settingOf(e), e})
		}
	}
	return nil, all
}

// settingOf returns the setting whose file an error names, or FUNDPASS_APP_ID: the ids are the only
// parts of a keyring without a file, and validate checks the third-party application's.
func (s Settings) settingOf(err error) string {
	setting, longest := "FUNDPASS_APP_ID", 0
	for _, n := range s.named() {
		if len(n.path) > longest && strings.Contains(err.Error(), n.path+":") {
			setting, longest = n.setting, len(n.path)
		}
	}
	return setting
}

// Unjoin returns the errors that errors.Join has joined.
func Unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// LoadPolicy reads the policy; without a file it returns the built-in default.
func (s Settings) LoadPolicy() (*passwd.Policy, error) {
	if s.PolicyFile == "" {
		return passwd.Default(), nil
	}
	return passwd.LoadPolicy(s.PolicyFile)
}

// LoadDocuments reads the centre's document codes, or returns the built-in ones if no
// file is set.
func (s Settings) LoadDocuments() (*document.List, error) {
	if s.DocumentsFile == "" {
		return document.Default(), nil
	}
	return document.LoadList(s.DocumentsFile)
}

// LoadTransport refuses the application's key: a key with which callers make the server
// decrypt must not also sign requests to Alipay.
func (s Settings) LoadTransport(keyring *keys.AlipayKeyring) (*keys.Transport, error) {
	if len(s.TransportKeyFiles) == 0 {
		return nil, nil
	}
	private, err := loadPrivateKeys(s.TransportKeyFiles)
	if err != nil {
		return nil, err
	}
	transport, err := keys.NewTransport(private...)
	if err == nil && keyring != nil && transport.Holds(keyring.Signer().Public()) {
		err = errors.New("the application's private key is among them; fundpass keys new creates a key for this purpose")
	}
	if err != nil {
		return nil, err
	}
	return transport, nil
}

// loadPrivateKeys reports the problems of all files at once.
func loadPrivateKeys(paths []string) ([]*rsa.PrivateKey, error) {
	var all []*rsa.PrivateKey
	var problems []error
	for _, path := range paths {
		data, err := ReadSmall(path)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		key, err := keys.ParsePrivateKey(data)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", path, err))
			continue
		}
		all = append(all, key)
	}
	return all, errors.Join(problems...)
}

// ContentKeySize is the size of an AES-128 key, the only size of 接口内容加密.
const ContentKeySize = 16

// LoadContentKey reads an AES-128 key in base64, as Alipay's console shows it. It returns
// nil for an empty path.
func LoadContentKey(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	data, err := ReadSmall(path)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.AppendDecode(nil, bytes.TrimSpace(data))
	if err != nil || len(key) != ContentKeySize {
		return nil, fmt.Errorf("%s: not an AES-128 key in base64 (24 characters ending in ==); copy it again from 接口内容加密方式", path)
	}
	return key, nil
}
