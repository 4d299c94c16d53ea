package keycmd

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"fundpass/cmd/internal/settings"
)

// envFileName is the file of settings that keys new writes beside the keys.
const envFileName = "fundpass.env"

const envFileHead = `# fundpass 的配置，供 fundpass serve、check、migrate、import 等命令的 --env-file 使用。
# 每行一项，写作 名称=值；环境变量优先于本文件。填好空着的项，再运行 fundpass check --env-file 本文件。
# 全部配置项：fundpass serve --help，或 docs/configuration.zh-CN.md。
#
# Settings of fundpass, for --env-file of fundpass serve, check, migrate, import and others.
# One NAME=value per line; the environment overrides this file. Fill in what is empty, then run
# fundpass check --env-file with this file. All settings: fundpass serve --help, or
# docs/configuration.md.
`

// envFile returns a file of the settings that a server needs and those that most servers
// set. dir is absolute and contains the files.
func envFile(dir string, files []keyFile, owner keyOwner) keyFile {
	values := knownSettings(dir, files, owner)
	var b strings.Builder
	b.WriteString(envFileHead)
	for _, f := range settings.Fields() {
		value, known := values[f.Name]
		if !f.Needed && !f.Usual && !known || f.OfProcess && owner.center != "" {
			continue
		}
		fmt.Fprintf(&b, "\n# %s\n# %s\n", f.AboutZH, f.About)
		if !f.Needed && !known {
			b.WriteString("#") // commented out: the default applies
			value = f.Default
		}
		b.WriteString(settings.EnvLine(f.Name, value) + "\n")
	}
	return keyFile{envFileName, []byte(b.String()), "", "the settings that a server needs; fill in the empty ones, and use it with --env-file"}
}

// knownSettings returns the settings that need no decision: the files that keys new creates,
// Alipay's files under the names that its console gives them, and a proxy on this machine.
func knownSettings(dir string, files []keyFile, owner keyOwner) map[string]string {
	known := map[string]string{
		"FUNDPASS_APP_ID":           owner.appID,
		"FUNDPASS_ALIPAY_KEY_FILES": filepath.Join(dir, "alipay_public_key.txt"),
		"FUNDPASS_TRUSTED_PROXIES":  "127.0.0.1,::1",
	}
	if owner.center != "" {
		known["FUNDPASS_CENTER"] = owner.center
	}
	for _, f := range files {
		if f.setting != "" {
			known[f.setting] = filepath.Join(dir, f.name)
		}
	}
	if owner.company != "" {
		known["FUNDPASS_ALIPAY_KEY_FILES"] = filepath.Join(dir, "alipayCertPublicKey_RSA2.crt")
		known["FUNDPASS_APP_CERT_FILE"] = filepath.Join(dir, "appCertPublicKey_"+cmp.Or(owner.appID, "APPID")+".crt")
		known["FUNDPASS_ALIPAY_ROOT_CERT_FILE"] = filepath.Join(dir, "alipayRootCert.crt")
	}
	return known
}
