package httpapi

import (
	"cmp"

	"fundpass/miniapp-api/selfservice"
)

// A fieldView is the JSON form of a FieldError.
type fieldView struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// fieldTexts are the messages shown beside a field, by field and code. An entry without a field
// applies to every field. No message contains the value, which may be a secret.
var fieldTexts = map[[2]string]string{
	{"id_number", "REQUIRED"}:    "请输入证件号码",
	{"id_type", "UNKNOWN"}:       "不支持该证件类型",
	{"id_type", "COUNTER_ONLY"}:  "该证件类型暂不支持线上绑定，请到柜台办理",
	{"name", "INVALID"}:          "请填写与证件一致的姓名",
	{"account_no", "INVALID"}:    "个人账号不正确，请核对",
	{"password", "REQUIRED"}:     "请输入密码",
	{"old_password", "REQUIRED"}: "请输入原密码",
	{"new_password", "REQUIRED"}: "请输入新密码",
	{"reset_code", "INVALID"}:    "重置码为10位数字，请核对",
	{"code", "INVALID"}:          "重置码为10位数字，请核对",
	{"code", "SIX_DIGITS"}:       "验证码为6位数字，请核对",
	{"face_first", "INVALID"}:    "刷脸通过后再提交密码",
	{"proof", "UNKNOWN"}:         "不支持该验证方式",
	{"face", "PROOF_REQUIRED"}:   "请完成刷脸验证",
	{"phone", "PROOF_REQUIRED"}:  "请授权获取手机号，核对是否与公积金预留手机号一致；与家人预留同一号码的，请用其他方式或到柜台办理",
	{"sms", "PROOF_REQUIRED"}:    "请输入发送到公积金预留手机号的短信验证码",
	{"version", "REQUIRED"}:      "缺少说明的版本",
	{"purpose", "UNKNOWN"}:       "没有这一项说明",
	{"template_id", "REQUIRED"}:  "缺少消息模板",
	{"accepted", "REQUIRED"}:     "缺少订阅结果",
	{"auth_code", "REQUIRED"}:    "缺少授权码",
	{"encrypted", "REQUIRED"}:    "当前版本过旧，请更新后再办理",
	{"encrypted", "TWICE"}:       "密码重复提交，请返回重试",

	{"Idempotency-Key", "TOO_LONG"}: "幂等键过长",

	{"", "CONSENT_REQUIRED"}:  "请先阅读并同意相关说明",
	{"", "CONTROL_CHARACTER"}: "内容包含不可见字符，请重新输入",
}

// viewsOfFields returns the field errors with their texts. A text that the error brings along
// comes first: the package that found the error knows more, for example the number of
// characters.
func viewsOfFields(fields []selfservice.FieldError) []fieldView {
	var views []fieldView
	for _, f := range fields {
		text := cmp.Or(f.Text, fieldTexts[[2]string{f.Field, f.Code}], fieldTexts[[2]string{"", f.Code}])
		views = append(views, fieldView{f.Field, f.Code, text})
	}
	return views
}
