package terminal

// thirdPartyTexts are the texts about third-party applications (第三方应用).
var thirdPartyTexts = map[string]string{
	"Get the app_auth_token with which a third-party application serves a mini-program": "获取第三方应用为小程序代调用所用的 app_auth_token",
	"renew the token in the file instead of reading a code":                             "不读授权码，改为刷新文件中的令牌",
	"Fetch-app-auth is for integrators whose third-party application serves the centre's\n" +
		"mini-program. It reads the app_auth_code, or the URL to which Alipay sent the centre\n" +
		"after the authorisation, from standard input, exchanges it at FUNDPASS_GATEWAY_URL and\n" +
		"writes the app_auth_token with its end to FUNDPASS_APP_AUTH_TOKEN_FILE. The code is\n" +
		"valid once and for a day. With --refresh it renews the token in that file instead.\n" +
		"It prints no token. Send the servers SIGHUP afterwards.": "fetch-app-auth 供服务商使用，其第三方应用为中心的小程序代调用。它从标准输入读取\n" +
		"app_auth_code，或中心授权后支付宝跳转的网址，在 FUNDPASS_GATEWAY_URL 换取\n" +
		"app_auth_token，连同到期日写入 FUNDPASS_APP_AUTH_TOKEN_FILE。授权码只能用一次，\n" +
		"一天内有效。加 --refresh 时改为刷新该文件中的令牌。它不显示令牌。之后请向各服务\n" +
		"发 SIGHUP。",
	"FUNDPASS_THIRD_PARTY_APP_ID is not set: a mini-program with keys of its own needs no app_auth_token": "未设置 FUNDPASS_THIRD_PARTY_APP_ID：自有密钥的小程序不需要 app_auth_token",
	"the file has no refresh token; the centre must authorise the application again":                      "文件中没有刷新令牌；须由中心重新授权",
	"no app_auth_code on standard input":                                                                  "标准输入中没有 app_auth_code",
	"mini-program %s has authorised the application, not FUNDPASS_APP_ID %s; nothing written":             "授权的是小程序 %s，不是 FUNDPASS_APP_ID %s；没有写入",
	"third-party application": "第三方应用",
	"mini-program":            "小程序",
	"ends":                    "到期",
	"not known":               "未知",
	"\nThe former token may be void from now on: copy the file to every server and send\neach SIGHUP.": "\n原来的令牌可能就此失效：请把文件复制到每台服务器，并向各服务发 SIGHUP。",

	"app_auth_token not usable":                                                                     "app_auth_token 不可用",
	"%w: not the JSON that fundpass keys fetch-app-auth writes":                                     "%w：不是 fundpass keys fetch-app-auth 写入的 JSON",
	"%w: no app_auth_token of 16 to 128 letters, digits, - or _":                                    "%w：其中没有 16 至 128 个字母、数字、- 或 _ 的 app_auth_token",
	"%w: the mini-program and the third-party application have the same id":                         "%w：小程序与第三方应用的 APPID 相同",
	"%w: the app_auth_token is missing":                                                             "%w：缺少 app_auth_token",
	"%w: it was granted to another third-party application":                                         "%w：它授权给了别的第三方应用",
	"%w: it was granted by another mini-program":                                                    "%w：它是别的小程序授权的",
	"the file with the app_auth_token that the mini-program granted to the third-party application": "小程序授权给第三方应用的 app_auth_token 的文件",
	"%s: app_auth_token to %s":                                                                      "%s：app_auth_token 至 %s",
	"%s: app_auth_token without a known end":                                                        "%s：app_auth_token，到期日未知",
}
