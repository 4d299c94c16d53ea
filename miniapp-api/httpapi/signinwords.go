package httpapi

// SignInEntries are the errors of the channels on which a person signs in with the document and
// the password, complete, for their Words.
var SignInEntries = []Presentation{
	{Code: "SIGN_IN_REFUSED", Status: 403, Title: "The sign-in was refused",
		Message: "登录信息不正确，或密码多次输错已暂时锁定。请核对后再试，有多个账户的请用个人账号登录；一直不能登录的，可以用短信验证码重设密码，或到柜台办理",
		Next:    "Clear the password. The answer is the same for every reason."},
	{Code: "SIGN_IN_UNKNOWN", Status: 403, Title: "The centre has no account of the proven person",
		Message: "没有找到您的公积金账户，请到柜台核对登记的姓名和证件号码", Next: "Show the message."},
	{Code: "SIGN_IN_GONE", Status: 410, Title: "The step of a sign-in has expired, belongs to another front end, or the password was replaced",
		Message: "验证已超时，请重新登录", Next: "Begin the sign-in again."},
	{Code: "SIGN_IN_CODE_UNAVAILABLE", Status: 409, Title: "The password does not suffice and no code can be sent",
		Message: "初始密码、已冻结或需要修改的密码，须用短信验证码核实本人，目前无法向您的预留手机发送。请本人携带身份证件到柜台办理", Next: "Show the message."},
}
