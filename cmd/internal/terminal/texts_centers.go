package terminal

// centerTexts are the texts about several centres in one process.
var centerTexts = map[string]string{
	"id of the centre; required with FUNDPASS_CENTERS_FILE, and only then": "中心的标识；设了 FUNDPASS_CENTERS_FILE 时必填，否则不用",
	"centre %s": "中心 %s",
	"is a setting of one centre: with FUNDPASS_CENTERS_FILE write it into the centre's file of settings%s":                                   "是单个中心的设置：设了 FUNDPASS_CENTERS_FILE 时，请写入该中心的设置文件%s",
	"is a setting of the whole process: set it in the environment, not for one centre (%s)":                                                  "是整个进程的设置：请写在环境变量里，不能只为一个中心设置（%s）",
	"is %s, but FUNDPASS_CENTERS_FILE says %s (%s)":                                                                                          "是 %s，而 FUNDPASS_CENTERS_FILE 写的是 %s（%s）",
	`%s: is not JSON such as {"centers":[{"center":"hangzhou","env_file":"hangzhou.env","hosts":["gjj.example.cn"],"path":"hangzhou"}]}: %s`: `%s：不是这样的 JSON：{"centers":[{"center":"hangzhou","env_file":"hangzhou.env","hosts":["gjj.example.cn"],"path":"hangzhou"}]}：%s`,
	"%s: has more than one JSON value, or is larger than 64 KiB":                                                                             "%s：有多个 JSON 值，或超过 64 KiB",
	"%s: names no centre":                                                                                              "%s：没有写任何中心",
	"env_file is missing: the centre's file of settings":                                                               "缺少 env_file，即该中心的设置文件",
	"centre %d: center is missing: its id":                                                                             "第 %d 个中心：缺少 center，即中心的标识",
	"centre %s: has neither hosts nor a path: no mini-program could sign in":                                           "中心 %s：既没有 hosts 也没有 path，小程序无法登录",
	"centre %s: path is not one segment of lower-case letters, digits and -, without slashes":                          "中心 %s：path 须为一段小写字母、数字和 -，不含斜线",
	"centre %s: path %s is one of the API's own; choose another":                                                       "中心 %s：path %s 是接口自己的路径，请另选",
	"centre %s: %q is not a host such as gjj.example.cn; write neither https:// nor a path, and other scripts as xn--": "中心 %s：%q 不是 gjj.example.cn 这样的主机名；不要写 https:// 和路径，其他文字写成 xn--",
	"centres %s and %s have the same %s: %s":                                                                           "中心 %s 和 %s 的 %s 相同：%s",
	"--center needs FUNDPASS_CENTERS_FILE: without it there is one centre":                                             "--center 须与 FUNDPASS_CENTERS_FILE 同用：不设它就只有一个中心",
	"--center is required with FUNDPASS_CENTERS_FILE; its centres are: %s":                                             "设了 FUNDPASS_CENTERS_FILE 时须用 --center 指定中心；其中有：%s",
	"--center %s is not in FUNDPASS_CENTERS_FILE; its centres are: %s":                                                 "FUNDPASS_CENTERS_FILE 中没有 --center %s；其中有：%s",
}
