package terminal

// restoreTexts are the texts of fundpass restore.
var restoreTexts = map[string]string{
	"restore": "从备份恢复",
	"Finish the restoration of the database to an earlier moment": "完成数据库按时间点的恢复",
	"Restore finishes a restoration of the database from a backup (see docs/scaling.md).\n" +
		"First, if the former database can still be read, restore list writes what happened in\n" +
		"it after the moment. Then restore finish ends what was in flight in the restored\n" +
		"database and repeats what protects citizens. Servers start afterwards.": "restore 完成数据库从备份的恢复（见 docs/scaling.zh-CN.md）。原数据库若仍可读，先用\n" +
		"restore list 写出该时间点之后其中发生的事；再用 restore finish 结束恢复后的库中未办完的\n" +
		"事项，并重做保护市民的操作。之后才启动服务。",
	"Write what happened after a moment, from the former database": "从原数据库写出某时间点之后发生的事",
	"List reads the former database and writes a file with the erasures, the ended links and\n" +
		"the changed and frozen passwords after the moment, one a line. The file names accounts\n" +
		"by keyed digests and contains no personal data. Delete the lines of the accident itself,\n" +
		"such as a wrong erasure: restore finish repeats the others. What an import of the roster\n" +
		"did is not listed; the next import does it again.\n" +
		"\n" +
		"It needs %s.": "list 读取原数据库，把该时间点之后的个人信息删除、解除的绑定、修改和冻结的密码写入\n" +
		"文件，每行一件。文件用带密钥的摘要表示账户，不含个人信息。请删去事故本身的行（例如\n" +
		"误删）：restore finish 会重做其余各行。名册导入所做的不在其中，下次导入会再做。\n" +
		"\n" +
		"需要设置：%s。",
	"Prepare the restored database for service": "使恢复后的数据库可以投入服务",
	"Finish ends all sessions, devices, open changes, resets, transfers and codes, and does not\n" +
		"send queued notices, because most were sent. With the file of restore list it erases\n" +
		"erased persons again, removes links that had ended, freezes passwords that were frozen\n" +
		"and requires a change of passwords that were replaced: the old ones are valid again.\n" +
		"The citizens concerned read it in their record (办理记录). Without --yes nothing is\n" +
		"changed. Stop all servers before.\n" +
		"\n" +
		"It needs %s.\n" +
		"It exits 0 if the database is ready, 1 if not, 2 if the call is invalid.": "finish 结束全部会话、设备、未完成的修改、重置、改绑和验证码；排队的通知不再发送，因为\n" +
		"多数已经发出。加上 restore list 的文件，它再次删除已删除者的信息，再次解除已解除的绑定，\n" +
		"再次冻结已冻结的密码，并要求修改被换掉的密码：旧密码又有效了。相关市民会在办理记录中\n" +
		"看到。不加 --yes 不作任何改动。运行前请停止所有服务。\n" +
		"\n" +
		"需要设置：%s。\n" +
		"退出码：0 可以投入服务，1 不可以，2 用法有误。",
	"the moment, in Beijing time (required)":                                                           "时间点，北京时间（必填）",
	"the file of restore list, or - if there is none (required)":                                       "restore list 的文件；没有则写 -（必填）",
	"do it; without it nothing is changed or recorded":                                                 "执行；不加则不改动、不记录",
	"--since is required: the moment of the restoration in Beijing time, e.g. \"2026-12-01 10:00:00\"": "必须有 --since：恢复到的时间点，北京时间，例如 \"2026-12-01 10:00:00\"",
	"--out FILE is required":                                                                           "必须有 --out 文件",
	"--lost names a file of fundpass restore list, and - says that there is none":                      "--lost 为 fundpass restore list 的文件，没有则写 -",
	"event after the moment":                                                                           "该时间点之后的事", "ended": "已结束",
	"Written to %s for fundpass restore finish --lost.":                                                         "已写入 %s，供 fundpass restore finish --lost 使用。",
	"Persons erased again: %d. Links removed again: %d. Passwords frozen again: %d.":                            "再次删除个人信息：%d 人。再次解除绑定：%d。再次冻结密码：%d。",
	"Passwords replaced after the moment, which must be changed: %d. Citizens who read it in their record: %d.": "该时间点之后换过、现须修改的密码：%d。在办理记录中看到恢复的账户：%d。",
	"Nothing was changed. Run it again with --yes.":                                                             "未作改动。确认后加 --yes 再运行。",
}
