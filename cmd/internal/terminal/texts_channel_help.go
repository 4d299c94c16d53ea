package terminal

// channelHelpTexts are the helps and errors of channel and app-client, and what came with them.
var channelHelpTexts = map[string]string{
	"Show the state of the password":                                       "显示密码的状态",
	"Change the password; reads the old one, then the new one":             "修改密码；先读旧密码，再读新密码",
	"number of the document":                                               "证件号码",
	"List the devices that have signed in":                                 "列出登录过的设备",
	"last sign-in":                                                         "最近登录",
	"End a device and its sessions":                                        "停用一台设备及其会话",
	"Show the record of link and password":                                 "显示绑定和密码的办理记录",
	"End the session":                                                      "退出登录",
	"Act as the centre's app on a phone, against a running demo or server": "模拟手机上的中心 App，连接运行中的 demo 或服务",
	"App-client is the reference client of the app. A device is a file with its private\n" +
		"key, which every request proves, and the token of its session. Passwords and codes\n" +
		"are read from the input, one a line, and never from arguments.\n" +
		"\n" +
		"In the demo, the codes are in the inbox of the simulated SMS gateway.": "app-client 是 App 的参考客户端。一台设备是一个文件，其中有每次请求都要证明的私钥和会话的\n" +
		"令牌。密码和验证码从输入读取，每行一个，不从命令行接收。\n" +
		"\n" +
		"在 demo 中，验证码在模拟短信网关的收件箱里。",
	"file of the device; sign-in creates it":                                                                      "设备的文件；sign-in 会建立它",
	"URL of the app's API, for a device without a file":                                                           "App 接口的网址，用于还没有文件的设备",
	"Sign in by document or account; a new device needs a code":                                                   "用证件或账号登录；新设备需要验证码",
	"type of the document (default 01, the ID card)":                                                              "证件类型（默认 01，身份证）",
	"number of the account, instead or as well":                                                                   "个人账号，代替证件或一并给出",
	"name of the device in the list":                                                                              "设备在列表中的名称",
	"--device %s does not exist: run app-client sign-in first":                                                    "--device %s 不存在：请先运行 app-client sign-in",
	"--device %s is not the file of a device":                                                                     "--device %s 不是设备的文件",
	"--base %s is not a URL such as http://127.0.0.1:8082":                                                        "--base %s 不是网址；写法如 http://127.0.0.1:8082",
	"the input has ended: give each password and code on a line of its own":                                       "输入已结束：请把每个密码和验证码各写一行",
	"the demo shows the channel":                                                                                  "演示用渠道",
	"Starting PostgreSQL, a simulated Alipay and the API ...":                                                     "正在启动 PostgreSQL、模拟的支付宝和接口……",
	"%s/ (the centre's pages, in a browser)":                                                                      "%s/（浏览器里的中心网页）",
	"%s (the API of the centre's app)":                                                                            "%s（中心 App 的接口）",
	"%s (what the simulated gateway at %s has sent)":                                                              "%s（模拟网关 %s 发出的短信）",
	"%s (simulated sign-on of a province, for the website)":                                                       "%s（模拟的省级统一登录，用于网站）",
	"Act as the centre's app on a new phone. It asks for the password, then for the code in the SMS inbox above:": "在新手机上模拟中心 App。先问密码，再问上述短信收件箱中的验证码：",
	"Audit lists the manual actions of operators on accounts (fundpass unlock,\n" +
		"issue-reset-code, export-person, erase-person) and on channels (fundpass channel), and\n" +
		"channels that their failures switched off, with Beijing time, operator, action, account\n" +
		"or channel, and reason, oldest first. With --account - it reads an account number (GRZH)\n" +
		"from the standard input and lists the actions on all accounts of its holder.\n" +
		"\n" +
		"It needs %s.": "audit 按先后列出操作员对账户的人工操作（fundpass unlock、issue-reset-code、\n" +
		"export-person、erase-person）、对渠道的操作（fundpass channel），以及因故障自动关闭的\n" +
		"渠道：北京时间、操作员、操作、账户或渠道、原因。加 --account - 时，从标准输入读取个人\n" +
		"账号（GRZH），列出该户主全部账户上的操作。\n" +
		"\n" +
		"需要设置：%s。",
	"Hours are the same every day: 08:30-17:00, over midnight 22:00-06:00, all day 00:00-24:00.\n" +
		"Outside them citizens can still sign in, freeze their password and reject a transfer.": "每天的时间相同：08:30-17:00，跨午夜 22:00-06:00，全天 00:00-24:00。服务时间之外，\n" +
		"市民仍可登录、冻结密码、拒绝改绑。",
	"settings are not right:\n" +
		"%w": "设置有误：\n" +
		"%w",
	"Switch a channel off: two operators within 30 minutes, or --emergency": "关闭渠道：两名操作员在 30 分钟内各执行一次，或用 --emergency",
	"Off closes a channel to everything but sign-out, until it is switched on. Two different\n" +
		"operators have to run it within 30 minutes; with --emergency one is enough. fundpass\n" +
		"audit lists both. The program takes the names as they are typed: that two people did\n" +
		"it is the centre's rule to keep.": "off 关闭一个渠道的全部业务，只能退出登录，直到重新打开。须由两名不同的操作员在 30 分钟内\n" +
		"各执行一次；加 --emergency 则一人即可。fundpass audit 会列出两人。程序只看所输的姓名：\n" +
		"是否确为两人，由中心的制度保证。",
	"at once, by one operator": "立即关闭，一名操作员即可",
	"%s has requested it already: another operator has to run this, or use --emergency": "%s 已经申请过：须由另一名操作员执行，或用 --emergency",
	"%s is off already": "%s 已经关闭",
	"no such channel: app, wechat, website, kiosk, kiosk-51 to kiosk-53, hotline, alipay, partner-91 to partner-99": "没有这个渠道；渠道有：app、wechat、website、kiosk、kiosk-51 至 kiosk-53、hotline、alipay、partner-91 至 partner-99",
	"--operator must not be automatic: that is the program itself":                                                  "--operator 不能写 automatic：那是程序自己",
	"%s is still on: until %s another operator has to run the same command":                                         "%s 仍然打开：须在 %s 之前由另一名操作员执行同一命令",
	"List and switch the channels on which citizens reach the centre":                                               "列出、打开和关闭市民使用的渠道",
	"Channel lists the centre's registry of channels and changes it: which are on, when,\n" +
		"with how many requests a minute, and whether they take the password that is changed\n" +
		"here. Without it only the mini-program in Alipay is on, day and night. A closed\n" +
		"channel answers CHANNEL_CLOSED, with when it opens and which others are open.\n" +
		"Every change needs --operator and --reason, is in force within 5 seconds, and is\n" +
		"listed by fundpass audit. See docs/channels.md.\n" +
		"\n" +
		"The commands need %s,\n" +
		"and FUNDPASS_POLICY_FILE where the centre has one.\n" +
		"They exit 0 when done, 1 when not, 2 when called wrongly, 3 when a second operator\n" +
		"has to approve it.": "channel 列出并修改中心的渠道登记：哪些打开、服务时间、每分钟请求数，以及是否使用在此修改的\n" +
		"密码。没有登记时，只有支付宝小程序全天打开。关闭的渠道答复 CHANNEL_CLOSED，并说明何时\n" +
		"打开、还有哪些渠道可用。每次修改都须写 --operator 和 --reason，5 秒内生效，fundpass\n" +
		"audit 会列出。见 docs/channels.md。\n" +
		"\n" +
		"需要设置：%s，\n" +
		"中心如有 FUNDPASS_POLICY_FILE，也须设置。\n" +
		"退出码：0 完成，1 未完成，2 用法有误，3 须由第二名操作员确认。",
	"Switch a channel on": "打开渠道",
	"On switches a channel on, whoever or whatever switched it off, and ends a request to\n" +
		"switch it off. It is refused while the channel types less than the policy allows.": "on 打开一个渠道，不论是谁或什么原因关闭的，并撤销关闭的申请。渠道能输入的字符少于密码规则\n" +
		"所允许的，则拒绝打开。",
	"Set the service hours of a channel, in Beijing time": "设置渠道的服务时间（北京时间）",
	"%s; initial %s": "%s；初始密码 %s",
	"List the channels, and what waits for a second operator":                 "列出渠道，以及等待第二名操作员确认的事项",
	"Say what a channel is called, what it takes and what can be typed there": "设置渠道的名称、密码种类和可输入的字符",
	"Set changes what the given flags name. Citizens are told that a channel uses the same\n" +
		"password if it is on and shares it, and that it has a PIN of its own if it takes phone_pin.": "set 只修改所给的选项。渠道已打开且共用密码的，会告诉市民它使用同一密码；用 phone_pin 的，\n" +
		"会告诉市民它另有密码。",
	"its name for citizens, in Chinese":                                                                               "给市民看的中文名称",
	"password, or phone_pin: digits of its own for a keypad":                                                          "password，或 phone_pin：用数字键盘输入的另一个密码",
	"it takes the password that is changed here; =false: another one":                                                 "使用在此修改的密码；=false：另有密码",
	"characters that can be typed there, such as 0-9, or any":                                                         "该渠道可输入的字符，如 0-9，或 any",
	"accepted for a password that its owner chose, such as certdoc,face, or settings":                                 "本人自设密码时接受的身份证明，如 certdoc,face，或 settings",
	"accepted for any other password, or settings":                                                                    "其他密码时接受的身份证明，或 settings",
	"no proof is named; settings stands for those of FUNDPASS_PROOF":                                                  "没有写身份证明；settings 表示用 FUNDPASS_PROOF 的",
	"--requests is between 0 and 10000000; 0 is no limit":                                                             "--requests 须在 0 和 10000000 之间；0 为不限",
	"--failures is between 0 and 100 percent; 0 is never. It needs --minimum of at least 1 and --window of 1m to 60m": "--failures 须在 0 和 100（百分数）之间；0 为从不关闭。另须 --minimum 至少为 1，--window 为 1m 至 60m",
	"--cool-down is between 1m and 24h, or 0 to wait for an operator":                                                 "--cool-down 须在 1m 和 24h 之间；0 为等操作员打开",
	"nothing to change: give a flag":                                                                                  "没有要修改的：请给出选项",
	"--title has 1 to 32 characters on one line":                                                                      "--title 须为一行，1 至 32 个字符",
	"--credential is password or phone_pin":                                                                           "--credential 只能是 password 或 phone_pin",
	"a channel with a phone_pin does not share the password":                                                          "用 phone_pin 的渠道不共用密码",
	"Limit the requests a minute, and the failures that switch a channel off":                                         "限制每分钟请求数，以及自动关闭渠道的失败比例",
	"Limit changes what the given flags name. Requests of all servers are counted; a server\n" +
		"learns of the others' every 5 seconds. Failures are those that nobody who sends requests\n" +
		"can cause: an internal error, a provider or a database that is away. When they exceed\n" +
		"the limit the channel switches off and an alert is due (fundpass_channel_state); it is\n" +
		"on again after --cool-down, or when an operator switches it on.": "limit 只修改所给的选项。请求数按全部服务合计；一台服务每 5 秒得知其他服务的数目。失败只算\n" +
		"请求者无法造成的：内部错误、身份核验方或数据库不可用。超过限额时渠道自动关闭，并应告警\n" +
		"（fundpass_channel_state）；过了 --cool-down 或由操作员打开后恢复。",
	"requests a minute of all servers; 0: no limit":                      "全部服务每分钟的请求数；0 为不限",
	"percent of failed requests that switches the channel off; 0: never": "失败请求达到此百分比时关闭渠道；0 为从不",
	"the least number of requests that is judged":                        "参与判断的最少请求数",
	"the time that is judged":                                            "判断的时间段",
	"when the channel is on again by itself; 0: never":                   "渠道多久后自动恢复；0 为从不",
	"%s: %s at %s, client %s":                                            "%s：%s，地址 %s，客户端 %s",
	"Check reads the settings and files that serve reads and inspects the database and the\n" +
		"registry of channels, without changing anything. It prints one line for each finding, also if settings are\n" +
		"missing. It exits 1 if a line says fail. No line contains a key or a password.": "check 读取 serve 所读的设置和文件，并查看数据库和渠道登记，不作任何改动。每项结果一行，缺少\n" +
		"设置时也照常检查。有一行为 fail 时退出码为 1。各行都不含密钥和密码。",
	"needs FUNDPASS_WEBSITE_ADDR and FUNDPASS_WEBSITE_ORIGIN: citizens sign in at the issuer on the website": "须设 FUNDPASS_WEBSITE_ADDR 和 FUNDPASS_WEBSITE_ORIGIN：市民在网站上经统一登录方登录",
}
