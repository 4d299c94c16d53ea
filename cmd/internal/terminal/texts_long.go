package terminal

// longHelpTexts are the texts of commands' helps.
var longHelpTexts = map[string]string{
	"Demo starts a private PostgreSQL, a simulated Alipay and the API, loads invented\n" +
		"depositors and lists them. Ctrl-C stops all of it. Without --data everything is\n" +
		"in a temporary directory that is removed at the end.": "demo 启动一个私有的 PostgreSQL、模拟的支付宝和接口，导入并列出虚构的缴存人。\n" +
		"按 Ctrl-C 全部停止。不写 --data 时，全部数据放在临时目录，结束时删除。",

	"fundpass serves the mini-program with which citizens change their housing-\n" +
		"provident-fund password, and has the commands that its operators need.\n" +
		"\n" +
		"To try it:  fundpass demo, then fundpass walk\n" +
		"To run it:  fundpass %s": "fundpass 为小程序提供服务，供市民修改住房公积金密码，并包含运维所需的命令。\n" +
		"\n" +
		"试用：  fundpass demo，然后 fundpass walk\n" +
		"部署：  fundpass %s",

	"Fetch-cert downloads the certificate with serial number SN from FUNDPASS_GATEWAY_URL.\n" +
		"A refused message contains the SN in alipay_cert_sn. It checks that the certificate\n" +
		"is Alipay's, is for this merchant, is valid and was issued under\n" +
		"FUNDPASS_ALIPAY_ROOT_CERT_FILE, writes it to a new file and prints what to compare.\n" +
		"The server trusts it only after you add the file to FUNDPASS_ALIPAY_KEY_FILES.\n" +
		"The command works in certificate mode only.": "fetch-cert 从 FUNDPASS_GATEWAY_URL 下载序列号为 SN 的证书。被拒绝的消息中，\n" +
		"alipay_cert_sn 就是 SN。它检查证书是否为支付宝所有、是否属于本商户、是否有效、\n" +
		"是否在 FUNDPASS_ALIPAY_ROOT_CERT_FILE 之下签发，再写入新文件并显示核对的内容。\n" +
		"把文件加入 FUNDPASS_ALIPAY_KEY_FILES 之后，服务才信任它。只用于证书模式。",

	"New creates the keys of a new server in a directory, readable by their owner only,\n" +
		"and prints what each file is for. It overwrites nothing. It also writes\n" +
		"fundpass.env, a file with the settings that the server needs. With --company it\n" +
		"also creates the certificate request (CSR) for Alipay's certificate mode.": "new 在一个目录中生成新服务的密钥，只有所有者可读，并说明每个文件的用途。\n" +
		"不覆盖任何文件。它还写入 fundpass.env，即服务所需的设置。加 --company 时，\n" +
		"另生成支付宝证书模式的证书请求（CSR）。",

	"Rehash applies the newest key of the pepper file to every stored password hash of\n" +
		"the centre, without knowing a password. Afterwards a stolen database and a leaked\n" +
		"older key are not enough to guess passwords; the newest key is needed, too.\n" +
		"\n" +
		"Run it after rotate-pepper, when every server has the new file: a server without\n" +
		"the newest key cannot verify the hashes that rehash writes. Servers keep running.\n" +
		"A password that is changed or used meanwhile is skipped. If rehash is interrupted,\n" +
		"run it again to continue; once it is complete, it changes nothing.\n" +
		"\n" +
		"The older keys are still needed and stay in the file: a hash names every key that\n" +
		"was applied to it, until its owner uses the password and the hash is replaced by\n" +
		"one of the newest key alone. The table shows how many hashes need which key. Remove\n" +
		"a key from the file only if no hash of any centre needs it. Earlier passwords,\n" +
		"which are kept to prevent their reuse, are not in the table: removing their key\n" +
		"deletes them from the history.": "rehash 把 pepper 文件中最新的密钥用于本中心全部已存的密码散列，不需要知道密码。\n" +
		"此后，即使数据库被盗、旧密钥泄露，也不足以猜出密码，还须有最新的密钥。\n" +
		"\n" +
		"请在 rotate-pepper 之后、所有服务都换上新文件时运行：没有最新密钥的服务无法验证\n" +
		"rehash 写入的散列。服务不必停止。其间被修改或使用的密码会跳过。中断后再运行即可\n" +
		"继续；全部完成后再运行不会有改动。\n" +
		"\n" +
		"旧密钥仍然需要，须留在文件中：散列记着用过的每个密钥，直到本人使用密码，换成只用\n" +
		"最新密钥的散列。表中列出需要各密钥的散列数。所有中心的散列都不再需要某个密钥时，\n" +
		"才能从文件中删除它。为防止重复使用而保留的旧密码不在表中：删除其密钥，就从历史\n" +
		"记录中删除了它们。",

	"%s.\n" +
		"\n" +
		"The file is replaced in one step, keeps its owner and gets mode 0600. A server that\n" +
		"still has the old file cannot read what one with the new file wrote: distribute\n" +
		"the file, then restart all servers together.": "%s。\n" +
		"\n" +
		"文件一次性替换，保持所有者，权限为 0600。仍用旧文件的服务读不了用新文件的服务\n" +
		"写入的数据：请先分发文件，再一起重启全部服务。",

	"Verify reads one message as it was received, from FILE or the standard input: the\n" +
		"body of a notification, of a call of /alipay/spi or of a reply of the gateway, or\n" +
		"the result of my.getPhoneNumber, with or without the HTTP headers before it. It\n" +
		"prints whether the server accepts it and the probable reason, using the keys of\n" +
		"%s.\n" +
		"It sends and stores nothing.\n" +
		"\n" +
		"It also reads the line that a server logs if FUNDPASS_LOG_REFUSED_MESSAGE is sealed,\n" +
		"and decrypts it with FUNDPASS_COLUMN_KEY_FILE.\n" +
		"\n" +
		"It exits 0 if the message is accepted, 1 if it is refused, 2 if it was not examined.": "verify 从文件或标准输入读取一条原样的消息：通知的正文、/alipay/spi 调用的正文、\n" +
		"网关的答复，或 my.getPhoneNumber 的结果；前面可以带 HTTP 头。它用以下设置中的\n" +
		"密钥，说明服务是否接受以及可能的原因：\n" +
		"%s。\n" +
		"不发送也不保存任何内容。\n" +
		"\n" +
		"它也能读 FUNDPASS_LOG_REFUSED_MESSAGE 为 sealed 时服务写入日志的那一行，并用\n" +
		"FUNDPASS_COLUMN_KEY_FILE 解密。\n" +
		"\n" +
		"退出码：0 接受，1 拒绝，2 未诊断。",

	"Erase-person deletes the data of a citizen who requests it (PIPL article 47):\n" +
		"links, sessions, changes, resets, earlier passwords, attempts, phone proofs,\n" +
		"notices and Alipay's messages. Without --yes it only lists what it would delete.\n" +
		"\n" +
		"Accounts and their passwords belong to the centre's core system and are kept,\n" +
		"unless --account-too is set; an account that the roster still lists is added again\n" +
		"by the next import. The record of the actions is kept for FUNDPASS_AUDIT_YEARS; it\n" +
		"names no person. Backups keep the data until they are overwritten.\n" +
		"\n" +
		"It needs %s.\n" +
		"It exits 0 if the data are deleted, 1 if not, 2 if the call is invalid.": "erase-person 应本人要求删除其个人信息（《个人信息保护法》第四十七条）：绑定、会话、\n" +
		"修改、重置、旧密码、错误次数、手机号证明、通知和支付宝的消息。不加 --yes 只列出\n" +
		"将删除的内容。\n" +
		"\n" +
		"账户及其密码属于中心核心系统，予以保留，除非加 --account-too；名册中仍有的账户，\n" +
		"下次导入会重新加入。操作记录保存 FUNDPASS_AUDIT_YEARS 年，其中不含姓名。备份中的\n" +
		"数据要等备份被覆盖才消失。\n" +
		"\n" +
		"需要设置：%s。\n" +
		"退出码：0 已删除，1 未删除，2 用法有误。",

	"Export-person writes the data of a citizen who requests it (PIPL article 45):\n" +
		"accounts, links, sessions and events, and when passwords were set, but no password.\n" +
		"It asks for the account number or the ID number, so that the shell's history does\n" +
		"not contain it. The file is new and has mode 0600; give it to the citizen and delete\n" +
		"it. fundpass audit lists the export.\n" +
		"\n" +
		"It needs %s.\n" +
		"It exits 0 if the file is written, 1 if not, 2 if the call is invalid.": "export-person 应本人要求写出其个人信息（《个人信息保护法》第四十五条）：账户、绑定、\n" +
		"会话、办理记录和设置密码的时间，不含密码。个人账号或证件号码在运行时询问，不会留在\n" +
		"命令历史中。文件是新建的，权限为 0600；交给市民后请删除。fundpass audit 会列出\n" +
		"这次导出。\n" +
		"\n" +
		"需要设置：%s。\n" +
		"退出码：0 已写入，1 未写入，2 用法有误。",

	"Issue-reset-code reads an account number (GRZH) from the standard input and prints a\n" +
		"one-time code for its holder, whose document the operator has seen. The citizen enters\n" +
		"the code in the mini-program under 忘记密码 and chooses a new password there, which\n" +
		"the operator does not see.\n" +
		"The code is shown once. It is valid for 30 minutes, 5 tries and one use, and replaces\n" +
		"an earlier code. The current password stays valid until the code is used. A citizen\n" +
		"without a link enters the code instead of the password to link the account.\n" +
		"\n" +
		"The citizen's record shows the code's issue, and fundpass audit lists it with the\n" +
		"operator's staff number.": "issue-reset-code 从标准输入读取个人账号（GRZH），为户主显示一个一次性的重置码；\n" +
		"操作员须已查验其证件。市民在小程序的“忘记密码”中输入重置码并设新密码，操作员看不到\n" +
		"新密码。\n" +
		"重置码只显示一次，30 分钟内有效，最多试 5 次，只能用一次，并使先前的重置码失效。\n" +
		"使用之前，原密码仍然有效。尚未绑定的市民可用重置码代替密码绑定账户。\n" +
		"\n" +
		"市民的办理记录中有这次发放，fundpass audit 列出它和操作员的工号。",

	"Retention deletes expired data and prints the number of rows of each kind. serve\n" +
		"does the same once a day. Events and operators' actions are kept for\n" +
		"FUNDPASS_AUDIT_YEARS, and so are consents that were withdrawn or replaced, or whose\n" +
		"Alipay user has no link; the other periods are fixed. Locks that have not ended and\n" +
		"the last consents of linked citizens are never deleted.\n" +
		"\n" +
		"It needs %s.": "retention 删除过期数据，并显示每一种的行数。serve 每天也做一次。办理记录和操作记录\n" +
		"保存 FUNDPASS_AUDIT_YEARS 年；已撤回、已被替换或其支付宝用户已无绑定的同意记录也是\n" +
		"如此；其他期限是固定的。尚未结束的锁定和已绑定市民最近的同意记录从不删除。\n" +
		"\n" +
		"需要设置：%s。",

	"Unlock resets the failed attempts of a person, in the mini-program and elsewhere,\n" +
		"after the clerk has checked their identity. It asks for the account number or the\n" +
		"ID number, so that the shell's history does not contain it. It does not show, set\n" +
		"or unfreeze a password. The citizen sees the action in their record (办理记录), and\n" +
		"fundpass audit lists it.\n" +
		"\n" +
		"It needs %s,\n" +
		"and FUNDPASS_DOCUMENTS_FILE if the centre has one.\n" +
		"It exits 0 if the person is unlocked, 1 if not, 2 if the call is invalid.": "unlock 在柜员核实本人身份后，清除其在小程序和其他渠道的密码错误次数。个人账号或证件\n" +
		"号码在运行时询问，不会留在命令历史中。它不显示、不设置、也不解冻密码。市民在“办理\n" +
		"记录”中能看到这次操作，fundpass audit 也会列出。\n" +
		"\n" +
		"需要设置：%s，\n" +
		"中心如有 FUNDPASS_DOCUMENTS_FILE，也须设置。\n" +
		"退出码：0 已解锁，1 未解锁，2 用法有误。",

	"Lint prints for each clause that depends on the policy whether it is met, and if\n" +
		"not, what would correct it. It exits 1 if the policy fails a clause without\n" +
		"declaring it (\"legacy\": true with a reason), or is invalid.": "lint 对取决于规则的每一条款，说明是否符合；不符合的，说明怎样改正。规则有未声明的\n" +
		"不合格（声明即 \"legacy\": true 并写明理由）或本身有误时，退出码为 1。",

	"Policy works with the built-in password policies and with files for\n" +
		"FUNDPASS_POLICY_FILE. To create one:\n" +
		"\n" +
		"  fundpass policy list\n" +
		"  fundpass policy show wuxi > policy.json   # then compare it with the centre's notices\n" +
		"  fundpass policy lint policy.json\n" +
		"  fundpass policy try policy.json": "policy 处理内置的密码规则和 FUNDPASS_POLICY_FILE 所用的文件。新建一份：\n" +
		"\n" +
		"  fundpass policy list\n" +
		"  fundpass policy show wuxi > policy.json   # 再与中心的公告核对\n" +
		"  fundpass policy lint policy.json\n" +
		"  fundpass policy try policy.json",

	"Try asks for a password, without showing it, and for its owner's name, document\n" +
		"number, phone and account number, which may be empty. It prints the rules that the\n" +
		"password breaks, but not the password. It stores and sends nothing, and takes none\n" +
		"of these as arguments, because shells keep a history.\n" +
		"\n" +
		"Without a terminal it reads the five answers as lines of the standard input; the\n" +
		"last four may be missing. It exits 1 if the password is refused.": "try 询问一个密码（不显示）以及本人的姓名、证件号码、手机号和个人账号（可留空），\n" +
		"显示密码违反了哪些规则，但不显示密码。不保存也不发送任何内容；也不从命令行接收，\n" +
		"因为命令历史会留下它们。\n" +
		"\n" +
		"不在终端上时，从标准输入读取五行作为回答，后四行可以没有。密码被拒绝时退出码为 1。",

	"Migrate applies the migrations that the database of FUNDPASS_DATABASE_URL lacks and\n" +
		"prints their names. It can run at any time and on several machines at once. It must\n" +
		"connect to the server directly, not through a transaction pooler.\n" +
		"\n" +
		"With --distributed it also distributes the tables of a Citus cluster: connect to the\n" +
		"coordinator, after the extension was created and the workers were added.": "migrate 执行 FUNDPASS_DATABASE_URL 的数据库缺少的迁移，并显示其名称。可随时运行，\n" +
		"也可在几台机器上同时运行。须直接连接数据库，不能经由事务级连接池。\n" +
		"\n" +
		"加 --distributed 时，还会分布 Citus 集群的表：请连接协调节点，并先建好扩展、加入各\n" +
		"工作节点。",

	"Serve serves the mini-program until it gets SIGTERM or SIGINT, and then finishes the\n" +
		"active requests. SIGHUP reloads the keys of the application, of Alipay, of the\n" +
		"transport and of the content; the other files are read at the start only. With\n" +
		"FUNDPASS_CENTERS_FILE it also adds, removes and changes centres. Settings\n" +
		"are environment variables, or lines of the file that --env-file names; the\n" +
		"environment wins:\n" +
		"\n" +
		"%s": "serve 为小程序提供服务，收到 SIGTERM 或 SIGINT 后处理完进行中的请求再结束。SIGHUP\n" +
		"重新读取应用密钥、支付宝密钥、传输密钥和内容密钥；其他文件只在启动时读取。\n" +
		"设了 FUNDPASS_CENTERS_FILE 时，还会增加、移除和更换中心。设置取自环境变量，或\n" +
		" --env-file 所指文件中的各行；环境变量优先：\n" +
		"\n" +
		"%s",

	"Walk acts as a citizen who changes the password, step by step, against a running\n" +
		"fundpass demo. It exits 0 only if every step passes. It restores the person's\n" +
		"password at the end, so that a walk can be repeated.": "walk 以一位市民的身份，在运行中的 fundpass demo 上一步一步修改密码。每一步都通过时\n" +
		"退出码才为 0。最后恢复此人的密码，因此可以反复运行。",
}
