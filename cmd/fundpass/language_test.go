package main

import (
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/passwd"
)

func isChinese(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// listed matches the lines of a help that list settings or rules, in both languages.
var listed = regexp.MustCompile(`FUNDPASS_.*FUNDPASS_|id-last6-digits`)

// TestHelpIsChinese checks that every text of every help has a Chinese one, in lines as short
// as the English ones.
func TestHelpIsChinese(t *testing.T) {
	t.Parallel()
	root := newRoot(terminal.Stdio{Getenv: cmdtest.GetenvOf(nil)})
	root.InitDefaultHelpCmd()
	check := func(where, english string) {
		chinese := terminal.Chinese.Match(english)
		if english != "json or csv" && english != "" && (chinese == english || !isChinese(chinese)) {
			t.Errorf("%s: no Chinese for %q", where, english)
		}
		for line := range strings.Lines(chinese) {
			if width := text.StringWidth(strings.TrimSuffix(line, "\n")); width > 90 && !listed.MatchString(line) {
				t.Errorf("%s: %d columns: %s", where, width, line)
			}
		}
	}
	seen := 0
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		seen++
		check(c.CommandPath(), c.Short)
		if c.Name() != "serve" { // it has the settings, which have a Chinese text of their own
			check(c.CommandPath(), c.Long)
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { check(c.CommandPath()+" --"+f.Name, f.Usage) })
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	if seen < 25 {
		t.Errorf("only %d commands", seen)
	}
}

// english matches what the library and English texts leave in a help.
var english = regexp.MustCompile(`(?i)usage:|flags|available|help for|default |\bthe\b|\ball\b`)

// TestHelp checks whole helps in Chinese, by every way to ask for them.
func TestHelp(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--lang zh": "命令：", "help --lang zh": "命令：", "--help --lang zh": "命令：", "help keys new --lang zh": "生成新服务",
		"serve --help --lang zh": "(必填)", "serve --lang=zh -h": "健康检查和指标的监听地址", "import --help --lang zh": "初始密码的规则",
		"audit --help --lang zh": "（默认 30）", "completion bash --help --lang zh": "补全", "unlock --help --lang zh": "FUNDPASS_DATABASE_URL",
	} {
		got := cmdtest.Run(t, nil, strings.Fields(args)...)
		cmdtest.NoError(t, got.Err)
		if !strings.Contains(got.Out, want) {
			t.Errorf("%s lacks %s:\n%s", args, want, got.Out)
		}
		if found := english.FindString(got.Out); found != "" {
			t.Errorf("%s says %q:\n%s", args, found, got.Out)
		}
	}
	if got := cmdtest.Run(t, nil, "help"); isChinese(got.Out) || !strings.Contains(got.Out, "Available Commands:") {
		t.Errorf("English help:\n%s", got.Out)
	}
}

// TestErrorIsChinese checks the error that ends a command, also where --lang was not reached.
func TestErrorIsChinese(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args, lang, want string
		status           int
	}{
		{"unlock", "zh_CN.UTF-8", "fundpass: 没有执行：须用 --operator 写明操作人，1 至 64 个字符\n", 2},
		{"unlock --lang zh", "", "fundpass: 没有执行：须用 --operator 写明操作人，1 至 64 个字符\n", 2},
		{"unlock --lang en", "zh_CN", "fundpass: not done: --operator is required: who does this, in 1 to 64 characters\n", 2},
		{"migrate", "zh", "fundpass: FUNDPASS_DATABASE_URL：未设置；需要：PostgreSQL 连接串", 1},
		{"serve", "zh", "fundpass: 设置有误：\nFUNDPASS_DATABASE_URL：未设置；需要：", 1},
		{"serv --lang zh", "", "fundpass: 没有命令 \"serv\"（在 \"fundpass\" 中）；是不是 serve？", 1},
		{"serve --x --lang=zh", "", "fundpass: 没有选项 --x；--help 列出全部选项\n", 1},
		{"serve --lang fr", "zh", "fundpass: 值 \"fr\" 不适用于选项 \"--lang\"：既不是 zh 也不是 en\n", 1},
		{"import x --encoding y", "zh", "fundpass: --encoding 只能是", 1},
	} {
		var log cmdtest.LogBuffer
		w := terminal.Stdio{Getenv: cmdtest.GetenvOf(cmdtest.Values{"LANG": c.lang}), In: strings.NewReader(""), Out: &log, Err: &log}
		if status := execute(t.Context(), strings.Fields(c.args), w); status != c.status || !strings.HasPrefix(log.String(), c.want) {
			t.Errorf("%s in %s: status %d\n%s", c.args, c.lang, status, log.String())
		}
	}
}

// A screen is a terminal of 80 columns.
type screen struct{ cmdtest.LogBuffer }

func (*screen) Columns() int { return 80 }

// TestTablesFit checks that a terminal of 80 columns wraps no line of a table, in both languages.
// Sentences around the tables, which end in a full stop, may be longer.
func TestTablesFit(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	s.Write("people.csv", "GRZH,XINGMING,ZJLX,ZJHM,GRZHZT,CSMM\n880000000001,,01,110101199003077758,01,id-last6\n880000000002,ANNA,09,110101199003077758,01,x\n")
	commands := [][]string{
		{"policy", "list"}, {"check"}, {"import", s.Path("people.csv"), "--allow-refused"}, {"sync", s.Path("people.csv"), "--dry-run", "--allow-refused"},
		{"retention", "--dry-run"}, {"keys", "rehash", "--dry-run"}, {"policy", "try", "default"},
	}
	for _, name := range passwd.Builtins() {
		commands = append(commands, []string{"policy", "lint", name})
	}
	for _, args := range commands {
		for _, lang := range []string{"en", "zh"} {
			var out screen
			w := terminal.Stdio{Getenv: cmdtest.GetenvOf(s.Env()), In: strings.NewReader("123456\n"), Out: &out, Err: new(cmdtest.LogBuffer)}
			_ = cmdtest.Execute(t.Context(), append(args, "--lang", lang), w) // a refusal has a table, too
			chinese := isChinese(out.String())
			if strings.Count(out.String(), "\n") < 2 || lang == "zh" && !chinese || lang == "en" && chinese && args[0] != "policy" {
				t.Errorf("%v in %s:\n%s", args, lang, out.String())
			}
			for line := range strings.Lines(out.String()) {
				line = strings.TrimSuffix(line, "\n")
				if width := text.StringWidth(line); width > 80 && !strings.HasSuffix(line, ".") && !strings.HasSuffix(line, "。") {
					t.Errorf("%v in %s: %d columns: %s", args, lang, width, line)
				}
			}
		}
	}
}
