package terminal

// mobileTexts are the texts of the settings of the app's channel.
var mobileTexts = map[string]string{
	"is not set, but FUNDPASS_MOBILE_URL is: nothing would answer there":   "没有设置，但设置了 FUNDPASS_MOBILE_URL：那里不会有应答",
	"is not https://host or https://host/prefix, as the app calls the API": "不是 https://主机 或 https://主机/前缀，即手机应用访问接口的地址",
	"is plain http: passwords would be readable on the way; write https":   "是明文 http：密码在途中可被读取；请用 https",
}
