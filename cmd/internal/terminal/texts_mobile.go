package terminal

// mobileTexts are the texts of the app's settings, of app-client, and of the demo about them.
var mobileTexts = map[string]string{
	"is not set, but FUNDPASS_MOBILE_URL is: nothing would answer there":   "没有设置，但设置了 FUNDPASS_MOBILE_URL：那里不会有应答",
	"is not https://host or https://host/prefix, as the app calls the API": "不是 https://主机 或 https://主机/前缀，即手机应用访问接口的地址",
	"is plain http: passwords would be readable on the way; write https":   "是明文 http：密码在途中可被读取；请用 https",

	"Act as the centre's app on a phone, against a running demo or server": "在命令行上充当手机应用，访问正在运行的演示或服务",
	"App-client is the reference client of the app. A device is a file with its private\nkey, which every request proves, and the token of its session. Passwords and codes\nare read from the input, one a line, and never from arguments.\n\nIn the demo, the codes are in the inbox of the simulated SMS gateway.": "app-client 是手机应用的参考客户端。一台设备是一个文件，内有私钥（每个请求都证明\n持有它）和登录令牌。密码和验证码从标准输入读取，每行一个，不作为参数。\n\n在演示中，验证码在模拟短信网关的收件箱里。",
	"file of the device; sign-in creates it":                                "设备的文件；sign-in 会创建",
	"URL of the app's API, for a device without a file":                     "手机应用接口的地址，用于还没有文件的设备",
	"Sign in by document or account; a new device needs a code":             "用证件或个人账号登录；新设备须输入验证码",
	"number of the document":                                                "证件号码",
	"type of the document (default 01, the ID card)":                        "证件类型（默认 01，身份证）",
	"number of the account, instead or as well":                             "个人账号，可代替证件号码或一并给出",
	"name of the device in the list":                                        "设备列表中的名称",
	"Set a new password with a code to the phone on file":                   "忘记密码：用发到预留手机的验证码设置新密码",
	"name of the person":                                                    "姓名",
	"number of the account, for a person who has several":                   "个人账号，有多个账户时填写",
	"Show the state of the password":                                        "查看密码状态",
	"Change the password; reads the old one, then the new one":              "修改密码；依次读取原密码和新密码",
	"List the devices that have signed in":                                  "列出登录过的设备",
	"platform":                                                              "系统",
	"id":                                                                    "编号",
	"last sign-in":                                                          "最近登录",
	"End a device and its sessions":                                         "移除一台设备并退出其登录",
	"Show the record of link and password":                                  "查看办理记录",
	"End the session":                                                       "退出登录",
	"--device %s does not exist: run app-client sign-in first":              "--device %s 不存在：请先运行 app-client sign-in",
	"--device %s is not the file of a device":                               "--device %s 不是设备文件",
	"--base %s is not a URL such as http://127.0.0.1:8082":                  "--base %s 不是网址，例如 http://127.0.0.1:8082",
	"the input has ended: give each password and code on a line of its own": "输入已结束：每个密码和验证码各占一行",

	"%s (the API of the centre's app)": "%s（手机应用的接口）",
	"the demo shows the channel":       "演示此渠道",
	"Act as the centre's app on a new phone. It asks for the password, then for the code in the SMS inbox above:": "在新手机上使用手机应用：先输入密码，再输入上面短信收件箱里的验证码：",
	"%s app-client --base %s sign-in --document %s":                                                               "%s app-client --base %s sign-in --document %s",
}
