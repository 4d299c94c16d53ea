package settings

import (
	"slices"

	"fundpass/keys"
)

// Read reads the settings and every file that they name, and reports all problems at
// once. It connects to nothing.
func Read(getenv func(string) string, misspelt ...Problem) (Settings, error) {
	s, problems := Parse(getenv)
	_, more := s.Load()
	return s, Join(slices.Concat(misspelt, problems, more))
}

// ReadFor reads the settings and the files, and reports the problems of the needed
// settings at once.
func ReadFor(getenv func(string) string, needed []string) (Settings, Files, error) {
	s, problems := Parse(getenv)
	f, more := s.Load()
	return s, f, Join(only(append(problems, more...), needed))
}

// ParseFor is ReadFor without the files.
func ParseFor(getenv func(string) string, needed ...string) (Settings, error) {
	s, problems := Parse(getenv)
	return s, Join(only(problems, needed))
}

// KeyringSettings are the settings of a keyring; the first three are required.
var KeyringSettings = []string{
	"FUNDPASS_APP_ID", "FUNDPASS_APP_KEY_FILE", "FUNDPASS_ALIPAY_KEY_FILES",
	"FUNDPASS_APP_CERT_FILE", "FUNDPASS_ALIPAY_ROOT_CERT_FILE", "FUNDPASS_SANDBOX_ROOT_FILE",
	"FUNDPASS_THIRD_PARTY_APP_ID", "FUNDPASS_APP_AUTH_TOKEN_FILE",
}

// ReadKeyring reads the settings of a keyring, and those in more, and reports their
// problems at once. It ignores the problems of other settings.
func ReadKeyring(getenv func(string) string, more ...string) (Settings, *keys.AlipayKeyring, error) {
	s, problems := Parse(getenv)
	keyring, wrong := s.LoadKeyring()
	return s, keyring, Join(append(only(problems, slices.Concat(KeyringSettings, more)), wrong...))
}

// only returns the problems of the wanted settings.
func only(problems []Problem, wanted []string) []Problem {
	return slices.DeleteFunc(problems, func(p Problem) bool { return !slices.Contains(wanted, p.Setting) })
}
