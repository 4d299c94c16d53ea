package terminal

// channelTexts are the texts of channel, and those of check and audit about channels.
var channelTexts = map[string]string{
	"code": "编号", "channel": "渠道", "title": "名称", "state": "状态", "hours": "服务时间", "takes": "使用", "keys": "可输入", "proofs": "核验方式", "limits": "限制",
	"open": "开放", "on, opens %s": "已开通，%s 开放", "off": "未开通", "none": "无",
	"off automatically (%s)":                       "自动关闭（%s）",
	"off automatically until %s (%s)":              "自动关闭至 %s（%s）",
	"off by hand since %s (%s)":                    "人工关闭，自 %s（%s）",
	"%d requests/min":                              "每分钟 %d 次请求",
	"off at %d%% failures of %d in %d min":         "故障达 %d%%（至少 %d 次请求，%d 分钟内）时关闭",
	"off at %d%% failures of %d in %d min, for %s": "故障达 %d%%（至少 %d 次请求，%d 分钟内）时关闭 %s",
	"a phone PIN":                                  "电话密码",
	"the password":                                 "同一密码",
	"another password":                             "其他密码",
	"%s: %s requests to switch it off (%s); another operator can approve it until %s": "%s：%s 申请关闭（%s）；另一名操作员可在 %s 前批准",
	"warning: the policy allows what %s cannot type":                                  "警告：密码规则允许的字符在 %s 不能全部输入",
	"In force on every server within 5 seconds.":                                      "5 秒内在所有服务器生效。",
	"%s is off, requested by %s and approved by %s.":                                  "%s 已关闭，%s 申请，%s 批准。",
	"%s is off, by %s alone.":                                                         "%s 已由 %s 一人紧急关闭。",

	"account or channel":     "账户或渠道",
	"channel on":             "开通渠道",
	"channel off":            "关闭渠道",
	"channel off requested":  "申请关闭渠道",
	"channel off, emergency": "紧急关闭渠道",
	"channel hours":          "设置服务时间",
	"channel limit":          "设置渠道限制",
	"channel set":            "设置渠道",

	"%s is on":                              "%s 已开通",
	"%s was switched off automatically: %s": "%s 已自动关闭：%s",
	"%s was switched off by hand: %s":       "%s 已人工关闭：%s",
	"%s is on; the password alone opens it, in what its keypad types: a phone PIN is safer":                                                                                          "%s 已开通；只凭按键能输入的密码即可进入：使用单独的电话密码更安全",
	"%s types only %s and shares the password, but the policy %s allows more: add a rule with charset %[2]s to the policy, or run fundpass channel set %[1]s --credential phone_pin": "%s 只能输入 %s 并使用同一密码，但密码规则 %s 允许更多字符：请在规则中加入 charset %[2]s，或运行 fundpass channel set %[1]s --credential phone_pin",
}
