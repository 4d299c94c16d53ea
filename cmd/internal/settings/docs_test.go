package settings

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/configuration.md and its Chinese twin anew")

// The two pages of settings say what the settings' own tags say.
func TestConfigurationDocs(t *testing.T) {
	for _, page := range []struct {
		file, head, columns, required string
		about                         func(Field) string
	}{
		{"../../../docs/configuration.md", configurationHead, "| variable | what | default |", "required", func(f Field) string { return f.About }},
		{"../../../docs/configuration.zh-CN.md", configurationHeadZH, "| 变量 | 含义 | 默认值 |", "必填", func(f Field) string { return f.AboutZH }},
	} {
		var b strings.Builder
		b.WriteString(page.head + "\n" + page.columns + "\n|---|---|---|\n")
		for _, f := range Fields() {
			def := ""
			switch {
			case f.Needed:
				def = page.required
			case f.Default != "":
				def = "`" + f.Default + "`"
			}
			if page.about(f) == "" {
				t.Errorf("%s: no text for %s", page.file, f.Name)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, strings.NewReplacer("|", "\\|", "<", "&lt;").Replace(page.about(f)), def)
		}
		if *update {
			if err := os.WriteFile(page.file, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(page.file)
		if err != nil {
			t.Fatal(err)
		}
		if string(have) != b.String() {
			t.Errorf("%s is not what the settings say: run go test ./cmd/internal/settings -run ConfigurationDocs -update", page.file)
		}
	}
}

const configurationHead = `# Settings

[中文](configuration.zh-CN.md)

Settings are environment variables, or lines of the file that ` + "`--env-file`" + ` names; the environment wins. ` + "`fundpass keys new`" + `
writes such a file. Secrets are files with mode 0600 that a variable names. ` + "`fundpass check`" + ` and
` + "`fundpass serve`" + ` report everything wrong at once, by name, before anything listens. A variable that begins with ` + "`FUNDPASS_`" + `
and is no setting is refused, with the setting that may be meant.

This page is written from the program: ` + "`go test ./cmd/internal/settings -run ConfigurationDocs -update`" + `.
`

const configurationHeadZH = `# 配置项

[English](configuration.md)

配置项是环境变量，或 ` + "`--env-file`" + ` 文件里的一行，环境变量优先；` + "`fundpass keys new`" + ` 会写好这样一个文件。秘密内容放在权限 0600 的文件里，变量写文件名。` + "`fundpass check`" + ` 和 ` + "`fundpass serve`" + ` 在监听之前一次列出所有错误，指出是哪一项。
以 ` + "`FUNDPASS_`" + ` 开头却不是配置项的变量会被拒绝，并提示可能要写的是哪一项。

本页由程序生成：` + "`go test ./cmd/internal/settings -run ConfigurationDocs -update`" + `。
`
