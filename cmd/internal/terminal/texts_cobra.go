package terminal

// cobraTexts are the texts of the library that reads the command line.
var cobraTexts = map[string]string{
	"Usage:":              "用法：",
	"Available Commands:": "命令：",
	"Flags:":              "选项：",
	"Global Flags:":       "全局选项：",
	"[flags]":             "[选项]",
	"[command]":           "[命令]",
	"(default %s)":        "（默认 %s）",
	`Use "%s [command] --help" for more information about a command.`: "用 “%s [命令] --help” 查看某个命令的说明。",
	"help for %s":            "查看 %s 的说明",
	"Help about any command": "查看任一命令的说明",
	"Help provides help for any command in the application.\nSimply type %s help [path to command] for full details.":                                   "help 显示任一命令的说明。\n请输入 %s help [命令]。",
	"Generate the autocompletion script for the specified shell":                                                                                        "生成命令行自动补全脚本",
	"Generate the autocompletion script for %s for the specified shell.\nSee each sub-command's help for details on how to use the generated script.\n": "completion 为指定的 shell 生成 %s 的自动补全脚本。\n",
	"Generate the autocompletion script for %s":                                                                                                         "生成 %s 的自动补全脚本",
	"disable completion descriptions":                                                                                                                   "补全时不显示说明",

	"unknown command %q for %q":                               "没有命令 %q（在 %q 中）；fundpass help 列出全部命令",
	"unknown command %q for %q\n\nDid you mean this?\n\t%s\n": "没有命令 %q（在 %q 中）；是不是 %s？\n",
	"unknown flag: %s":                                        "没有选项 %s；--help 列出全部选项",
	"unknown shorthand flag: %q in %s":                        "没有选项 %q（在 %s 中）；--help 列出全部选项",
	"bad flag syntax: %s":                                     "选项写法有误：%s",
	"flag needs an argument: %s":                              "选项 %s 缺少值",
	"invalid argument %q for %q flag: %s":                     "值 %q 不适用于选项 %q：%s",
	"accepts %d arg(s), received %d":                          "须有 %d 个参数，实有 %d 个",
	"accepts at most %d arg(s), received %d":                  "最多 %d 个参数，实有 %d 个",
	"required flag(s) %s not set":                             "缺少必填的选项 %s",
}
