package settings

import (
	"slices"

	"fundpass/keys"
)

// Read reads the settings and every file they name, and reports everything that is wrong
// or unsafe at once. Nothing has been connected to.
func Read(getenv func(string) string, misspelt ...Problem) (Settings, error) {
	s, problems := Parse(getenv)
	_, more := s.Load()
	return s, Join(slices.Concat(misspelt, problems, more))
}

// ReadFor reads the settings a command needs, and the files, and reports everything wrong
// with them at once.
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

// KeyringSettings name the files of a keyring; all but the last three are required.
var KeyringSettings = []string{
	"FUNDPASS_APP_ID", "FUNDPASS_APP_KEY_FILE", "FUNDPASS_ALIPAY_KEY_FILES",
	"FUNDPASS_APP_CERT_FILE", "FUNDPASS_ALIPAY_ROOT_CERT_FILE", "FUNDPASS_SANDBOX_ROOT_FILE",
}

// ReadKeyring reads the settings that a keyring is made of, and more if named, and leaves
// all others alone. It reports everything that is missing or wrong at once.
func ReadKeyring(getenv func(string) string, more ...string) (Settings, *keys.AlipayKeyring, error) {
	s, problems := Parse(getenv)
	keyring, wrong := s.LoadKeyring()
	return s, keyring, Join(append(only(problems, slices.Concat(KeyringSettings, more)), wrong...))
}

// only returns the problems of the wanted settings.
func only(problems []Problem, wanted []string) []Problem {
	return slices.DeleteFunc(problems, func(p Problem) bool { return !slices.Contains(wanted, p.Setting) })
}
