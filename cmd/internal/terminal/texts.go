package terminal

// chinese maps the English of every text that operators read to its Chinese. Formats are keys,
// too; Language.Match finds the format of a text that was formatted elsewhere.
var chinese = merged(operatorTexts, personTexts, restoreTexts, keyTexts, rosterTexts, checkTexts, settingTexts, channelTexts, mobileTexts,
	errorTexts, reportTexts, verifyTexts, policyTexts, walkTexts, helpTexts, longHelpTexts, rosterHelpTexts, keyFileTexts, causeTexts, channelHelpTexts, cobraTexts, thirdPartyTexts, centerTexts)

func merged(tables ...map[string]string) map[string]string {
	all := make(map[string]string)
	for _, table := range tables {
		for english, text := range table {
			all[english] = text
		}
	}
	return all
}

// operatorTexts are the texts of unlock, issue-reset-code and audit.
var operatorTexts = map[string]string{
	"Account number or ID number: ": "个人账号或证件号码：",
	"account number: ":              "个人账号：",
	"Unlocked %s, %s, account %s: %d attempt counters cleared, %d of them were locked.":            "已解锁：%s，%s，账号 %s。清除了 %d 个错误计数，其中 %d 个已锁定。",
	"Failed attempts reset; the account was not locked: %s, %s, account %s.":                       "密码错误次数已清零；该账户本来没有锁定：%s，%s，账号 %s。",
	"There were no failed attempts, and the account was not locked: %s, %s, account %s.":           "没有密码错误记录，该账户也没有锁定：%s，%s，账号 %s。",
	"The password is still frozen: it requires a reset by identity verification or at the centre.": "密码仍处于冻结状态：只能由本人核验身份后重置，或由中心处理。",
	"The citizen reads in 办理记录: 公积金中心已解除密码锁定, %s.":                                                 "市民在“办理记录”中看到：公积金中心已解除密码锁定，%s。",
	"Recorded as %s.": "记录编号 %s。",
	"holder   %s, document %s: compare with the one you saw\ncode     %s-%s\nvalid    until %s, once": "户主     %s，证件 %s：请与所见证件核对\n重置码   %s-%s\n有效期   至 %s，只能用一次",
	"Nothing was done by hand in this time.":                                                          "这段时间没有人工操作。",
	"at":                                                                                              "时间",
	"operator":                                                                                        "操作员",
	"action":                                                                                          "操作",
	"account":                                                                                         "账户",
	"reason":                                                                                          "原因",
	"unlock":                                                                                          "解锁",
	"reset code":                                                                                      "发放重置码",
	"export":                                                                                          "导出个人信息",
	"erase":                                                                                           "删除个人信息",
	"erase with account":                                                                              "删除个人信息和账户",
}

// personTexts are the texts of export-person, erase-person, retention, reconcile and migrate-openid.
var personTexts = map[string]string{
	"Written to %s. Give the file to the citizen and delete it.": "已写入 %s。交给市民后请删除。",
	"%s, %s, %d accounts:": "%s，%s，%d 个账户：",
	"kept":                 "保留", "table": "表", "rows": "行数",
	"Nothing was changed. Run it again with --yes to delete.": "没有改动。加 --yes 再运行才会执行。",
	"kind": "种类", "older than": "早于", "deleted": "已删除", "to delete": "将删除", "partitions dropped": "删除的分区",
	"day": "日期", "listed": "支付宝列出", "already known": "已知", "repaired": "已补办",
	"links": "绑定", "moved to the open_id": "已换到 open_id", "would be moved to the open_id": "将换到 open_id", "moved before": "以前已换",
	"moved or unlinked meanwhile": "其间已换或已解绑", "unknown to Alipay": "支付宝不认识", "in conflict": "有冲突", "left under the user_id": "仍用 user_id",
	"%d stay under the user_id, because Alipay names no open_id for it: the citizen has left Alipay, or the application is\nnot changed over yet. Run it again later; whoever comes to the counter is unlinked by erase-person.": "%d 个仍用 user_id，因为支付宝没有给出 open_id：市民已注销支付宝，或应用尚未切换。\n请以后再运行；到柜台来的用 erase-person 解除绑定。",
	"One Alipay user is linked to accounts %s and %s (as in audit): find out whose it is, have the other link\nremoved (erase-person), and run it again.":                                                                        "同一支付宝用户绑定了账户 %s 和 %s（编号同 audit）：请查明属于谁，解除另一个绑定\n（erase-person），再运行。",
	"Nothing is left. Run it once more when Alipay gives this application no user_id any more.":                                                                                                                                  "已全部完成。支付宝不再给本应用 user_id 之后，请再运行一次。",
}

// keyTexts are the texts of keys new.
var keyTexts = map[string]string{
	"the settings that a server needs; fill in the empty ones, and use it with --env-file":                          "服务所需的设置：填好空着的项，用 --env-file 指定",
	"\nNext: put Alipay's files beside the keys, fill in the empty settings, and run\nfundpass check --env-file %s": "\n下一步：把支付宝的文件放在密钥旁边，填好设置中空着的项，然后运行\nfundpass check --env-file %s",
	"file":                     "文件",
	"setting":                  "设置",
	"what it is for":           "用途",
	"signs requests to Alipay": "对发往支付宝的请求签名",
	"paste into Alipay's console: 开发设置 > 接口加签方式(密钥/证书) > 公钥, as 应用公钥":                                                                                  "填入支付宝控制台：开发设置 > 接口加签方式(密钥/证书) > 公钥，作为应用公钥",
	"the same private key for Alipay's tools and Java SDK; delete it if unused":                                                                        "同一私钥，供支付宝工具和 Java SDK 使用；不用请删除",
	"the same private key for SDKs of other languages; delete it if unused":                                                                            "同一私钥，供其他语言的 SDK 使用；不用请删除",
	"encrypts personal data in the database":                                                                                                           "加密数据库中的个人信息",
	"is mixed into every password hash":                                                                                                                "参与每个密码散列的计算",
	"decrypts passwords that pages encrypt":                                                                                                            "解开页面加密的密码",
	"upload to Alipay's console for certificate mode: 接口加签方式 > 证书":                                                                                     "证书模式：上传到支付宝控制台，接口加签方式 > 证书",
	"\nKeep a copy of column.key and pepper.key in a safe place apart from the database's\nbackup: without them the data and every password are lost.": "\n请把 column.key 和 pepper.key 另存一份在安全的地方，与数据库备份分开：\n丢失它们，数据和全部密码都无法恢复。",
}
