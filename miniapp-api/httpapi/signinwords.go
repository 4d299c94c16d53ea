package httpapi

// SignInEntries are the errors of the channels on which a person signs in with the document and
// the password, complete, for their Words.
var SignInEntries = []Presentation{
	{Code: "SIGN_IN_REFUSED", Status: 403, Title: "The sign-in was refused",
		TitleZH: "登录未通过", NextZH: "清空密码。无论什么原因，答复相同。",
		Message: "登录信息不正确，或密码多次输错已暂时锁定。请核对后再试，有多个账户的请用个人账号登录；一直不能登录的，请用“忘记密码”重设，或到柜台办理",
		Next:    "Clear the password. The answer is the same for every reason."},
	{Code: "SIGN_IN_UNKNOWN", Status: 403, Title: "The centre has no account of the proven person",
		TitleZH: "中心没有这位已核实的人的账户", NextZH: "显示 message。",
		Message: "没有找到您的公积金账户，请到柜台核对登记的姓名和证件号码", Next: "Show the message."},
	{Code: "SIGN_IN_GONE", Status: 410, Title: "The step of a sign-in has expired, belongs to another front end, or the password was replaced",
		TitleZH: "登录的这一步已超时、属于另一个前端，或密码已更换", NextZH: "重新开始登录。",
		Message: "验证已超时，请重新登录", Next: "Begin the sign-in again."},
	{Code: "SIGN_IN_CODE_UNAVAILABLE", Status: 409, Title: "The password does not suffice and no code can be sent",
		TitleZH: "只有密码还不够，又无法发送验证码", NextZH: "显示 message。",
		Message: "初始密码、已冻结或需要修改的密码，须用短信验证码核实本人，目前无法向您的预留手机发送。请本人携带身份证件到柜台办理", Next: "Show the message."},
}
