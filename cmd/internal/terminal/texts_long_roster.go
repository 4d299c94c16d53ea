package terminal

// rosterHelpTexts are the helps of import, sync, reconcile and migrate-openid.
var rosterHelpTexts = map[string]string{
	"import reads a centre's depositors into the database: new accounts with their\n" +
		"initial or old password, changes of name, document, phone and status of those\n" +
		"that are there. It never touches the password of an account that exists.\n" +
		"\n" +
		"FILE.csv is UTF-8, GB18030 or UTF-16. A file that reads in two encodings, or of\n" +
		"which some lines are in one and some in another, is refused before anything is\n" +
		"written; --encoding says what it is. Its first line names the columns, in any order:\n" +
		"  GRZH XINGMING ZJLX ZJHM GRZHZT   as in JGJ/T 320, needed\n" +
		"  SJHM DWZH                        as in JGJ/T 320, if known\n" +
		"ZJLX is a code of FUNDPASS_DOCUMENTS_FILE or, without that file, one of\n" +
		"  01 02 03 04 20 99\n" +
		"  CSMM   rule of the initial password, or six digits that are everybody's; rules:\n" +
		"         %s\n" +
		"  JMMM   or what the old system kept:\n" +
		"         {md5}DIGEST               also sha1, sha256, sha512, sm3, md5-md5 (md5 of the hex)\n" +
		"         {md5-before}SALT$DIGEST   salt before the password; -after; -hmac: salt is the key\n" +
		"         $2a$10$...                bcrypt, $2b$ and $2y$ as well, up to cost 12\n" +
		"         pbkdf2_sha256$N$salt$...  as Django writes it, or $pbkdf2-sha256$i=N$SALT$DIGEST;\n" +
		"                                   sha1, sha256, sha512, sm3, N up to 1,000,000\n" +
		"         DIGEST is hex or base64; SALT is hex:, base64: or text: and the salt\n" +
		"\n" +
		"A password that one of the policy's initial rules gives is found by its digest and\n" +
		"marked as such, and so is one of the commonest, such as 123456, behind a quick\n" +
		"digest: its owner must change it. For bcrypt and PBKDF2 the rules are slow and tried\n" +
		"with --try-initial only: each rule costs every new account one old digest, so three\n" +
		"rules at bcrypt's cost 10 (60 to 100 ms) are 50 to 80 hours of one core for a million\n" +
		"lines. Without it such a password is found when its owner first uses it.\n" +
		"\n" +
		"A line that cannot be imported goes to FILE.csv.refused.csv, with its account\n" +
		"number, column and reason and no other value; all others are imported, and the exit\n" +
		"status is %d (0 with --allow-refused). Where the account is there and the line's\n" +
		"status restricts it (03 to 06), the status is taken over all the same.\n" +
		"\n" +
		"An account number that stands twice is refused where both lines fall into one batch\n" +
		"of %d lines (%d with JMMM); otherwise the later line wins. A new account number that\n" +
		"differs only by zeros in front from one of the same person is refused, and numbers of\n" +
		"another length than those held are warned of: a spreadsheet drops such zeros. A code\n" +
		"of one digit is read as one of two, 1 as 01.\n" +
		"\n" +
		"Links follow their accounts as with sync (fundpass sync --help), those of merged\n" +
		"accounts (03) when the whole file is in.\n" +
		"\n" +
		"Stopped in the middle, by whatever it was, the same command goes on from there.\n" +
		"The same file again writes nothing.": "import 把中心的缴存人导入数据库：新账户及其初始密码或旧密码；已有账户的姓名、证件、\n" +
		"手机号和状态的变更。已有账户的密码从不改动。\n" +
		"\n" +
		"文件是 UTF-8、GB18030 或 UTF-16 的 CSV。两种编码都能读的文件，或各行编码不一的\n" +
		"文件，在写入之前就被拒绝；可用 --encoding 指明编码。第一行是列名，次序不限：\n" +
		"  GRZH XINGMING ZJLX ZJHM GRZHZT   同 JGJ/T 320，必填\n" +
		"  SJHM DWZH                        同 JGJ/T 320，有则填\n" +
		"ZJLX 是 FUNDPASS_DOCUMENTS_FILE 中的代码；没有该文件时为\n" +
		"  01 02 03 04 20 99\n" +
		"  CSMM   初始密码的规则，或人人相同的六位数字；规则有：\n" +
		"         %s\n" +
		"  JMMM   或旧系统保存的内容：\n" +
		"         {md5}散列                 或 sha1、sha256、sha512、sm3、md5-md5（hex 的 md5）\n" +
		"         {md5-before}盐$散列       盐在密码前；-after 在后；-hmac 以盐为密钥\n" +
		"         $2a$10$...                bcrypt，也可为 $2b$ 和 $2y$，代价不超过 12\n" +
		"         pbkdf2_sha256$N$盐$...    Django 的写法，或 $pbkdf2-sha256$i=N$盐$散列；\n" +
		"                                   sha1、sha256、sha512、sm3，N 不超过 1,000,000\n" +
		"         散列为十六进制或 base64；盐以 hex:、base64: 或 text: 开头\n" +
		"\n" +
		"密码如为规则的某种初始密码，可从散列认出并做标记；快速散列后面的常见密码（如 123456）\n" +
		"也是如此：本人必须修改。对 bcrypt 和 PBKDF2，逐条规则尝试很慢，只在加 --try-initial\n" +
		"时进行：每条规则对每个新账户要算一次旧散列，bcrypt 代价为 10（60 至 100 毫秒）时，\n" +
		"三条规则、一百万行要占一个核 50 至 80 小时。不加则在本人首次使用密码时认出。\n" +
		"\n" +
		"不能导入的行写入 文件.csv.refused.csv，只有账号、列和原因，没有其他内容；其余各行\n" +
		"照常导入，退出码为 %d（加 --allow-refused 则为 0）。账户已存在、该行状态为限制类\n" +
		"（03 至 06）的，状态仍然采用。\n" +
		"\n" +
		"同一账号出现两次、且两行在同一批 %d 行（有 JMMM 时为 %d 行）内的，拒绝；否则以后面\n" +
		"的行为准。新账号与同一人的账号只差开头的零的，拒绝；账号位数与已有账号不同的，给出\n" +
		"提示：表格软件会去掉开头的零。一位的代码按两位读取，1 读作 01。\n" +
		"\n" +
		"绑定随账户变化，与 sync 相同（fundpass sync --help）；已合并账户（03）的绑定在整个\n" +
		"文件导入后处理。\n" +
		"\n" +
		"中途因任何原因停下，再运行同一命令即从停下的地方继续。同一文件再导入不会写入。",

	"Migrate-openid moves links that were made while Alipay called citizens by user_id to the\n" +
		"open_id by which it calls them once the application has been changed over\n" +
		"(console: openid配置管理). Nobody links again: Alipay says which open_id is whose,\n" +
		"and link, sessions, open changes, consents, attempts and counts go along.\n" +
		"\n" +
		"Run it when Alipay gives open_ids to everybody, and once more when it has stopped\n" +
		"giving user_ids. Before that it does no harm: a citizen who comes with a user_id\n" +
		"alone still finds a link that was moved. One who comes with both is moved at\n" +
		"once, without this command. One who comes with an open_id alone is not found until\n" +
		"this command has run.\n" +
		"\n" +
		"Servers go on running. Stopped in the middle, by whatever it was, the same command\n" +
		"goes on; run again it changes nothing. When Alipay is called too often it waits and\n" +
		"asks again, six times at most, from half a second to sixteen.": "migrate-openid 把支付宝以 user_id 标识市民时建立的绑定，转到应用切换后所用的 open_id\n" +
		"（控制台：openid配置管理）。市民不必重新绑定：支付宝给出对应的 open_id，绑定、会话、\n" +
		"进行中的修改、同意记录、错误次数和计数一并转过去。\n" +
		"\n" +
		"请在支付宝对所有人给出 open_id 时运行，不再给出 user_id 之后再运行一次。提前运行也\n" +
		"无妨：只带 user_id 的市民仍能找到已转移的绑定；两者都带的，来时即转移，不需要本命令；\n" +
		"只带 open_id 的，要等本命令运行过才能找到。\n" +
		"\n" +
		"服务不必停止。中途因任何原因停下，再运行同一命令即可继续；重复运行没有改动。支付宝\n" +
		"限制调用频率时会等待再试，最多六次，间隔从半秒到十六秒。",

	"Reconcile asks Alipay who withdrew the authorisation of the mini-program on a day,\n" +
		"by Beijing's calendar, and does what the notices would have done: it ends sessions\n" +
		"and the link, unless the citizen authorised again since. It\n" +
		"may be run at any time, again, and beside running servers; run it every morning.\n" +
		"Alipay keeps the list for 7 days.": "reconcile 向支付宝查询某天（北京时间）谁取消了小程序的授权，并补做通知本应触发的事：\n" +
		"结束会话并解除绑定，此后又重新授权的除外。可随时运行、重复运行，也可与服务同时运行；\n" +
		"请每天早上运行。支付宝的名单保留 7 天。",

	"sync takes in the centre's nightly file: the columns and encodings of import\n" +
		"(fundpass import --help), all depositors or only those that changed; CSMM and JMMM\n" +
		"are needed for new accounts only. It first compares every line with the database,\n" +
		"writes nothing while it does, and then takes in what differs: new accounts, and\n" +
		"changes of name, document, phone and status. The same file again changes nothing. It\n" +
		"never touches the password of an account that exists.\n" +
		"\n" +
		"Links follow their accounts: one whose account was merged (GRZHZT 03) moves to the\n" +
		"person's other open account; it ends where there is none, where the account was\n" +
		"moved out (04) or closed (05), or where it is another person's now; the owner finds\n" +
		"that in the record and gets a notice. A change or reset of the password that is\n" +
		"open for such an account, or for one that was frozen (06), is cancelled.\n" +
		"\n" +
		"A wrong file must not unlink a city: when more links would end than --max-ended\n" +
		"allows, nothing is written. Look with --dry-run first, then say --yes.\n" +
		"\n" +
		"Accounts that are not in the file are counted and stay as they are. With --full the\n" +
		"file is meant to hold everybody, and the report says what to do about those.\n" +
		"\n" +
		"An account that stands in several lines counts as its last one says, except within\n" +
		"a batch of lines, where the first one counts; the others go to FILE.csv.refused.csv,\n" +
		"with the lines that cannot be read, and the exit status is 3 (0 with\n" +
		"--allow-refused). Where the account is there and such a line's status restricts it\n" +
		"(03 to 06), the status is taken over all the same.\n" +
		"\n" +
		"Stopped in the middle, by whatever it was, the same command goes on; of two at the\n" +
		"same file the one that began last does.": "sync 接收中心每夜的文件：列和编码与 import 相同（fundpass import --help），可以是全部\n" +
		"缴存人，也可以只是有变化的；CSMM 和 JMMM 只有新账户需要。它先把每一行与数据库比较，\n" +
		"其间不写入，再接收不同之处：新账户，以及姓名、证件、手机号和状态的变更。同一文件再运行\n" +
		"没有改动。已有账户的密码从不改动。\n" +
		"\n" +
		"绑定随账户变化：账户已合并（GRZHZT 03）的，转到本人的另一个正常账户；没有这样的账户、\n" +
		"账户已转出（04）或销户（05）、或账户已归他人的，绑定解除；本人在办理记录中能看到，并\n" +
		"收到通知。这些账户以及被冻结（06）的账户上进行中的修改或重置会取消。\n" +
		"\n" +
		"错误的文件不能把全市都解绑：将解除的绑定超过 --max-ended 时，不写入任何内容。请先用\n" +
		"--dry-run 查看，再加 --yes。\n" +
		"\n" +
		"文件中没有的账户只统计，保持不变。加 --full 表示文件应包含所有人，报告会说明怎样处理\n" +
		"缺少的账户。\n" +
		"\n" +
		"一个账户有几行的，以最后一行为准；同一批内以第一行为准。其余的行写入\n" +
		"文件.csv.refused.csv，读不了的行也在其中，退出码为 3（加 --allow-refused 则为 0）。\n" +
		"账户已存在、该行状态为限制类（03 至 06）的，状态仍然采用。\n" +
		"\n" +
		"中途因任何原因停下，再运行同一命令即可继续；两次运行同一文件时，后开始的继续。",
}
