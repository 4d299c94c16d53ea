package settings

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
)

// Settings are the environment variables of serve. A secret is in a file of mode 0600
// that a variable names; the database's password is in a passfile that
// FUNDPASS_DATABASE_URL names. The about tag is the description in the help, in errors
// about missing settings and in the documentation; the zh tag is the same in Chinese, for
// the documentation. The need tag is yes if a server cannot start without the setting, and
// usual if keys new writes it into its file of settings although a server can do without. The of tag is process for the settings that the centres of
// FUNDPASS_CENTERS_FILE share.
type Settings struct {
	Addr          string        `env:"FUNDPASS_ADDR" of:"process" envDefault:"127.0.0.1:8080" about:"listen address of the API; a loopback address behind a reverse proxy, another address only inside a container" zh:"接口的监听地址；在反向代理后面用本机地址，其他地址只用于容器内"`
	OpsAddr       string        `env:"FUNDPASS_OPS_ADDR" of:"process" envDefault:"127.0.0.1:9090" about:"listen address of health checks and metrics, for operators only" zh:"健康检查和指标的监听地址，只供运维使用"`
	OpsPublic     string        `env:"FUNDPASS_OPS_PUBLIC" of:"process" about:"yes permits a FUNDPASS_OPS_ADDR that is not a loopback address" zh:"yes 允许 FUNDPASS_OPS_ADDR 不是本机地址"`
	WebsiteAddr   string        `env:"FUNDPASS_WEBSITE_ADDR" of:"process" about:"address of the centre's pages in a browser; loopback behind a reverse proxy; without it there are none" zh:"网上服务大厅页面的地址；在反向代理后面用本机地址；不设则不提供页面"`
	WebsiteOrigin string        `env:"FUNDPASS_WEBSITE_ORIGIN" about:"origin of these pages as browsers see it, https://host or https://host:port; needed with FUNDPASS_WEBSITE_ADDR" zh:"浏览器看到的页面来源，写作 https://主机 或 https://主机:端口；设了 FUNDPASS_WEBSITE_ADDR 时必填"`
	MobileAddr    string        `env:"FUNDPASS_MOBILE_ADDR" of:"process" about:"listen address of the API for the centre's own app; loopback behind a reverse proxy; without it there is none" zh:"手机应用接口的监听地址；在反向代理后面用本机地址；不设则不提供"`
	MobileURL     string        `env:"FUNDPASS_MOBILE_URL" about:"URL before the paths of that API as the app calls it, https://host or https://host/prefix; needed with FUNDPASS_MOBILE_ADDR, because the app signs it in every request" zh:"手机应用访问该接口时路径之前的地址，https://主机 或 https://主机/前缀；设了 FUNDPASS_MOBILE_ADDR 时必填，手机应用的每个请求都对它签名"`
	DrainDelay    time.Duration `env:"FUNDPASS_DRAIN_DELAY" of:"process" envDefault:"0s" about:"how long a server that stops accepts connections while /readyz reports not ready, so that load balancers remove it; at most 1m" zh:"停止时继续接受连接、但 /readyz 报告未就绪的时间，供负载均衡摘除该服务；最长 1m"`

	CentersFile string `env:"FUNDPASS_CENTERS_FILE" of:"process" about:"JSON file of the fund centres that this process serves, each with a file of settings of its own; unset, it serves the one centre of the other settings" zh:"本进程所服务的各公积金中心的 JSON 文件，每个中心另有自己的设置文件；不设则只服务其余设置所写的一个中心"`
	Environment string `env:"FUNDPASS_ENVIRONMENT" of:"process" envDefault:"production" about:"name of the environment in every log line; production also warns if the gateway is not Alipay's production gateway" zh:"环境名称，写在每行日志里；production 还会在网关不是支付宝生产网关时告警"`
	Center      string `env:"FUNDPASS_CENTER" envDefault:"default" need:"usual" about:"id of the fund centre, 1 to 32 letters, digits, - or _; the first column of every table" zh:"公积金中心的标识，1 至 32 个字母、数字、- 或 _；是每张表的第一列"`
	DatabaseURL string `env:"FUNDPASS_DATABASE_URL" of:"process" need:"yes" about:"PostgreSQL connection string with an explicit sslmode, e.g. postgres://fundpass@db1,db2/fundpass?sslmode=verify-full&target_session_attrs=read-write&passfile=/etc/fundpass/pgpass" zh:"PostgreSQL 连接串，须写明 sslmode，例如 postgres://fundpass@db1,db2/fundpass?sslmode=verify-full&target_session_attrs=read-write&passfile=/etc/fundpass/pgpass"`

	AppID              string       `env:"FUNDPASS_APP_ID" need:"yes" about:"APPID of the mini-program, from Alipay's console" zh:"小程序的 APPID，见支付宝控制台"`
	ThirdPartyAppID    string       `env:"FUNDPASS_THIRD_PARTY_APP_ID" about:"for integrators: APPID of the third-party application (第三方应用) that the mini-program has authorised; the key settings are then this application's, and FUNDPASS_APP_ID stays the mini-program's" zh:"服务商填写：小程序授权的第三方应用的 APPID；设置后各项密钥都是第三方应用的，FUNDPASS_APP_ID 仍是小程序的"`
	AppAuthTokenFile   string       `env:"FUNDPASS_APP_AUTH_TOKEN_FILE" about:"file with the app_auth_token that the mini-program granted to the third-party application; fundpass keys fetch-app-auth writes it; SIGHUP reloads it; needed with FUNDPASS_THIRD_PARTY_APP_ID" zh:"小程序授权给第三方应用的 app_auth_token 的文件，由 fundpass keys fetch-app-auth 写入；SIGHUP 重新读取；设了 FUNDPASS_THIRD_PARTY_APP_ID 时必填"`
	AppKeyFile         string       `env:"FUNDPASS_APP_KEY_FILE" need:"yes" about:"file with the application's private key (应用私钥): PEM or one line of base64, PKCS#1 or PKCS#8; fundpass keys new creates one" zh:"应用私钥的文件：PEM 或一行 base64，PKCS#1 或 PKCS#8；可用 fundpass keys new 生成"`
	AlipayKeyFiles     FileList     `env:"FUNDPASS_ALIPAY_KEY_FILES" need:"yes" about:"files with Alipay's public keys (支付宝公钥) or, in certificate mode, certificates, comma separated; several while Alipay's key changes" zh:"支付宝公钥的文件，证书模式下为证书文件；用逗号分隔，支付宝更换密钥期间可有多个"`
	AppCertFile        string       `env:"FUNDPASS_APP_CERT_FILE" about:"certificate mode: file appCertPublicKey_<APPID>.crt" zh:"证书模式：appCertPublicKey_<APPID>.crt 文件"`
	AlipayRootCertFile string       `env:"FUNDPASS_ALIPAY_ROOT_CERT_FILE" about:"certificate mode: file alipayRootCert.crt" zh:"证书模式：alipayRootCert.crt 文件"`
	SandboxRootFile    string       `env:"FUNDPASS_SANDBOX_ROOT_FILE" about:"certificate mode in Alipay's sandbox only: file with the root of the sandbox's certificates; refused with any other gateway" zh:"仅用于支付宝沙箱的证书模式：沙箱根证书的文件；与其他网关同用时拒绝启动"`
	ContentKeyFile     string       `env:"FUNDPASS_CONTENT_KEY_FILE" about:"file with the AES-128 key for 接口内容加密 in base64, as the console shows it; it decrypts phone numbers, and without it POST /v1/phone replies NOT_OFFERED" zh:"接口内容加密的 AES-128 密钥文件，base64，与控制台显示的一致；用于解密手机号；不设则 POST /v1/phone 答复 NOT_OFFERED"`
	GatewayURL         string       `env:"FUNDPASS_GATEWAY_URL" envDefault:"https://openapi.alipay.com/gateway.do" about:"URL of Alipay's gateway" zh:"支付宝网关的地址"`
	Proof              string       `env:"FUNDPASS_PROOF" envDefault:"certdoc" about:"identity proofs that a link accepts beside the password, comma separated, in the order in which they are requested: certdoc (Alipay compares name and ID number), face (Alipay compares the face with the centre's record), phone (Alipay's phone number is the one on file), sms (a code is sent to the phone on file); or none" zh:"绑定时除密码外接受的身份证明，逗号分隔，按要求的先后排列：certdoc（支付宝比对姓名和证件号码）、face（支付宝按中心的记录核验人脸）、phone（支付宝的手机号与预留号码一致）、sms（向预留手机号发送验证码）；或 none"`
	InitialProof       string       `env:"FUNDPASS_INITIAL_PROOF" about:"the same for initial passwords and passwords that must be changed, which are not secret; unset, it is FUNDPASS_PROOF without phone" zh:"同上，用于初始密码和必须修改的密码，这些密码不算秘密；不设则为 FUNDPASS_PROOF 去掉 phone"`
	Consent            string       `env:"FUNDPASS_CONSENT" envDefault:"recorded" about:"how citizens give consent: recorded (they submit a form that shows the text) or required (they give each consent in a separate call)" zh:"市民怎样表示同意：recorded（提交显示说明文字的表单）或 required（每一项单独提交）"`
	LinkTransfer       LinkTransfer `env:"FUNDPASS_LINK_TRANSFER" about:"how long the holder of a link can reject its transfer to another Alipay account of the same person, counted from the notice, 0s to 720h; or off: a transfer requires a reset code; unset, it is 24h with FUNDPASS_MESSAGE_TEMPLATE and off without" zh:"本人更换支付宝账户申请改绑时，原账户收到通知后可以拒绝的时间，0s 至 720h；或 off：改绑须凭柜台重置码；不设时，设了 FUNDPASS_MESSAGE_TEMPLATE 为 24h，否则为 off"`
	ConsentsFile       string       `env:"FUNDPASS_CONSENTS_FILE" about:"file with the consent texts, a JSON list of purpose, version and text, and of provider centre for those of the website and the app; unset, the built-in texts apply" zh:"同意事项的说明文字文件，JSON 列表，含 purpose、version、text；网站和手机应用的另加 provider 为 centre；不设则用内置文字"`
	Reset              string       `env:"FUNDPASS_RESET" envDefault:"certify" about:"how citizens reset a forgotten password online: certify (Alipay verifies the face; requires a contract for alipay.user.certify.open) or off; reset codes work with both" zh:"市民怎样线上重置忘记的密码：certify（支付宝人脸核验，须签约 alipay.user.certify.open）或 off；柜台重置码不受影响"`

	ColumnKeyFile     string   `env:"FUNDPASS_COLUMN_KEY_FILE" need:"yes" about:"file with the key that encrypts columns; fundpass keys new creates one; without it the data are lost" zh:"加密数据库列的密钥文件；可用 fundpass keys new 生成；丢失则数据无法恢复"`
	PepperFile        string   `env:"FUNDPASS_PEPPER_FILE" need:"yes" about:"file with the key of the password hashes; fundpass keys new creates one; without it all passwords are lost" zh:"密码散列的密钥文件；可用 fundpass keys new 生成；丢失则全部密码失效"`
	TransportKeyFiles FileList `env:"FUNDPASS_TRANSPORT_KEY_FILES" about:"files with 2048-bit RSA private keys that decrypt the passwords in requests, comma separated; pages encrypt with the first, the others decrypt what pages encrypted earlier; unset, only TLS protects passwords" zh:"解密请求中密码的 2048 位 RSA 私钥文件，逗号分隔；页面用第一个的公钥加密，其余用于解密先前加密的密码；不设则密码只由 TLS 保护"`
	PlainPasswords    string   `env:"FUNDPASS_PLAIN_PASSWORDS" envDefault:"yes" about:"no refuses passwords that are not encrypted; requires FUNDPASS_TRANSPORT_KEY_FILES" zh:"no 拒绝未加密的密码；须设置 FUNDPASS_TRANSPORT_KEY_FILES"`
	PolicyFile        string   `env:"FUNDPASS_POLICY_FILE" need:"usual" about:"file with the city's password policy; unset, the built-in policy applies" zh:"本市密码规则的文件；不设则用内置规则"`
	DocumentsFile     string   `env:"FUNDPASS_DOCUMENTS_FILE" about:"file with the centre's codes of identity documents (ZJLX) for import and link; unset, the codes of JGJ/T 320 and 20 apply" zh:"中心的证件类型代码（ZJLX）文件，用于导入和绑定；不设则用 JGJ/T 320 的代码和 20"`

	OIDCFile string `env:"FUNDPASS_OIDC_FILE" about:"JSON file that describes an OpenID Connect issuer, such as the sign-on of the province, at which citizens can sign in to the website; without it there is none" zh:"描述统一身份认证平台（OpenID Connect，例如省平台）的 JSON 文件，市民可以通过它登录网站；不设则不提供"`

	MessageTemplate string `env:"FUNDPASS_MESSAGE_TEMPLATE" need:"usual" about:"id of the message template for notices to owners (user_template_id in Alipay's console), with long-term subscription and three keywords: event, time, advice; unset, notices are recorded and not sent" zh:"通知市民所用消息模板的编号（支付宝控制台的 user_template_id），须为长期订阅，三个关键词依次为事项、时间、处理办法；不设则只记录不发送"`
	MessagePage     string `env:"FUNDPASS_MESSAGE_PAGE" envDefault:"pages/freeze/index" about:"page of the mini-program that the message opens, on which owners can freeze the password; at most 80 bytes, ?notice=ID is appended" zh:"消息打开的小程序页面，市民可在该页冻结密码；最多 80 字节，后面附加 ?notice=ID"`

	SMSGatewayFile string `env:"FUNDPASS_SMS_GATEWAY_FILE" about:"JSON file that describes the centre's SMS gateway: request template, signature, meaning of its answers; unset, no SMS is sent: no codes to the phone on file, and no notices to owners whom no message of Alipay reaches" zh:"描述中心短信网关的 JSON 文件：请求模板、签名方法、答复的含义；不设则不发短信：没有预留手机号验证码，支付宝消息到不了的市民也收不到通知"`
	SMSKeyFile     string `env:"FUNDPASS_SMS_KEY_FILE" about:"file with the key of the SMS gateway, one line of at least 16 characters, which signs requests and delivery receipts" zh:"短信网关密钥的文件，一行，至少 16 个字符，用于请求和送达回执的签名"`

	AuditYears int `env:"FUNDPASS_AUDIT_YEARS" envDefault:"3" about:"how many years the events of links and passwords and the actions of operators are kept, 1 to 30" zh:"办理记录和人工操作记录保存的年数，1 至 30"`

	LogRefusedMessage string `env:"FUNDPASS_LOG_REFUSED_MESSAGE" envDefault:"no" about:"sealed logs the next refused message of Alipay, one after each start, encrypted with the column key; fundpass verify decrypts the line" zh:"sealed 把下一条被拒绝的支付宝消息用列密钥加密后写入日志，每次启动只写一条；用 fundpass verify 解密该行"`

	TrustedProxies Networks `env:"FUNDPASS_TRUSTED_PROXIES" of:"process" need:"usual" about:"addresses or CIDRs of reverse proxies whose X-Forwarded-For is trusted, comma separated; networks wider than /8, or /20 for IPv6, are refused" zh:"反向代理的地址或 CIDR，逗号分隔，信任其 X-Forwarded-For；比 /8（IPv6 为 /20）更宽的网段会被拒绝"`
	PerAddress     Rate     `env:"FUNDPASS_PER_ADDRESS" about:"rate limit of one network address as PER_SECOND,BURST; unset, it is 100,1000, because carriers share addresses" zh:"一个网络地址的请求限额，写作 每秒,突发；不设为 100,1000，因为运营商共用地址"`
	PerUser        Rate     `env:"FUNDPASS_PER_USER" about:"rate limit of one Alipay user as PER_SECOND,BURST; unset, it is 5,60" zh:"一个支付宝用户的请求限额，写作 每秒,突发；不设为 5,60"`
}

// A Problem is an error in one setting. Its text names the setting and says what to do.
// It never contains the content of a file or the value of a setting that may contain a
// password.
type Problem struct {
	Setting string // "" if it is not about one setting
	Err     error
}

func (p Problem) Error() string {
	if p.Setting == "" {
		return p.Err.Error()
	}
	return p.Setting + ": " + p.Err.Error()
}

func (p Problem) Unwrap() error { return p.Err }

// Problemf returns a problem with a formatted text.
func Problemf(setting, format string, args ...any) Problem {
	return Problem{setting, terminal.Textf(format, args...)}
}

// Parse reads the settings without opening a file. A setting that cannot be parsed keeps
// its zero value.
func Parse(getenv func(string) string) (Settings, []Problem) {
	var s Settings
	var problems []Problem
	given := make(map[string]string)
	for _, f := range Fields() {
		if v := strings.TrimSpace(getenv(f.Name)); v != "" {
			given[f.Name] = v
		} else if f.Needed {
			problems = append(problems, Problemf(f.Name, "is not set; wanted: %s", f.Wanted()))
		}
	}
	problems = append(problems, asProblems(env.ParseWithOptions(&s, env.Options{Environment: given}), given)...)
	if given["FUNDPASS_LINK_TRANSFER"] == "" && s.MessageTemplate != "" {
		s.LinkTransfer = LinkTransfer{Offered: true, Window: usualWindow}
	}
	return s, append(problems, s.validate()...)
}

// asProblems converts the errors of the env library to problems. It drops their texts,
// which name Go fields and may quote the value.
func asProblems(err error, given map[string]string) []Problem {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return nil
	}
	var problems []Problem
	for _, e := range all.Errors {
		var p env.ParseError
		if !errors.As(e, &p) {
			problems = append(problems, Problem{"", e})
			continue
		}
		field := FieldOf(p.Name)
		if hint := field.unitHint(given[field.Name]); hint != "" {
			problems = append(problems, Problemf(field.Name, "%s; wanted: %s", hint, field.Wanted()))
			continue
		}
		problems = append(problems, Problemf(field.Name, "cannot be read; wanted: %s", field.Wanted()))
	}
	return problems
}

// Join joins the problems; it returns nil if there are none.
func Join(problems []Problem) error {
	all := make([]error, len(problems))
	for i, p := range problems {
		all[i] = p
	}
	return errors.Join(all...)
}

// A Field describes a setting by its tags.
type Field struct {
	Name, Default, About string
	AboutZH              string // About in Chinese
	kind                 string // "time" or "int"; "" for all others
	Needed               bool
	Usual                bool // not needed, but what most servers set
	OfProcess            bool // of the process and not of a centre
	index                int
}

// Fields returns the settings in the order of the struct.
func Fields() []Field {
	var all []Field
	for f := range reflect.TypeFor[Settings]().Fields() {
		if f.Tag.Get("env") == "" {
			continue
		}
		all = append(all, Field{
			Name: f.Tag.Get("env"), Default: f.Tag.Get("envDefault"), About: f.Tag.Get("about"), AboutZH: f.Tag.Get("zh"),
			kind: kindOf(f.Type), Needed: f.Tag.Get("need") == "yes", Usual: f.Tag.Get("need") == "usual", OfProcess: f.Tag.Get("of") == "process", index: f.Index[0],
		})
	}
	return all
}

// kindOf returns the kind of values for which unitHint knows advice.
func kindOf(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration](), reflect.TypeFor[LinkTransfer]():
		return "time"
	case reflect.TypeFor[int]():
		return "int"
	}
	return ""
}

// FieldOf returns the setting with the given Go field name.
func FieldOf(goName string) Field {
	f, ok := reflect.TypeFor[Settings]().FieldByName(goName)
	if !ok {
		panic("fundpass: no setting " + goName)
	}
	return Fields()[f.Index[0]]
}

// IsSet reports whether the setting has a value, which may be its default.
func (s Settings) IsSet(f Field) bool { return !reflect.ValueOf(s).Field(f.index).IsZero() }

// A FileList is a comma-separated list of file names.
type FileList []string

// UnmarshalText refuses empty entries, because a missing name would not be noticed.
func (l *FileList) UnmarshalText(text []byte) error {
	names := strings.Split(string(text), ",")
	for i, name := range names {
		if names[i] = strings.TrimSpace(name); names[i] == "" {
			return errors.New("a name in the list is blank")
		}
	}
	*l = names
	return nil
}

// Networks is a comma-separated list of CIDRs or addresses.
type Networks []*net.IPNet

// UnmarshalText parses a list of CIDRs and addresses; an address is a network of its own.
func (n *Networks) UnmarshalText(text []byte) error {
	var all Networks
	for entry := range strings.SplitSeq(string(text), ",") {
		entry = strings.TrimSpace(entry)
		if ip := net.ParseIP(entry); ip != nil && ip.To4() != nil {
			entry += "/32"
		} else if ip != nil {
			entry += "/128"
		}
		_, network, err := net.ParseCIDR(entry)
		if err != nil {
			return err
		}
		all = append(all, network)
	}
	*n = all
	return nil
}

// A Rate is a rate limit such as "5,60": five requests a second on average, and sixty at
// once.
type Rate httpapi.Rate

// UnmarshalText parses two positive numbers. It refuses values above a million, which are
// not limits.
func (r *Rate) UnmarshalText(text []byte) error {
	perSecond, burst, _ := strings.Cut(string(text), ",")
	long, err := strconv.ParseFloat(strings.TrimSpace(perSecond), 64)
	if err != nil {
		return err
	}
	once, err := strconv.Atoi(strings.TrimSpace(burst))
	if err != nil {
		return err
	}
	if !(long > 0 && long <= 1e6) || once < 1 || once > 1e6 {
		return errors.New("both must be above 0 and at most a million")
	}
	*r = Rate{PerSecond: long, Burst: once}
	return nil
}

// usualWindow is the default window in which a holder can reject a transfer.
const usualWindow = 24 * time.Hour

// longestWindow is the longest window that a centre can set.
const longestWindow = 30 * 24 * time.Hour

// A LinkTransfer is "off" or a duration.
type LinkTransfer selfservice.TransferPolicy

// UnmarshalText parses "off" or a duration up to longestWindow.
func (r *LinkTransfer) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*r = LinkTransfer{}
		return nil
	}
	window, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	if window < 0 || window > longestWindow {
		return errors.New("is not between 0s and 720h")
	}
	*r = LinkTransfer{Offered: true, Window: window}
	return nil
}

func (r LinkTransfer) String() string {
	if !r.Offered {
		return "off"
	}
	return r.Window.String()
}

// Wanted returns what the setting is for.
func (f Field) Wanted() terminal.Bilingual {
	return terminal.Bilingual{English: f.About, Chinese: f.AboutZH}
}

// Text returns the value of a setting for operators. It must not be called for
// FUNDPASS_DATABASE_URL, which may contain a password.
func (s Settings) Text(f Field) string {
	switch v := reflect.ValueOf(s).Field(f.index).Interface().(type) {
	case FileList:
		return strings.Join(v, ", ")
	case Rate:
		return fmt.Sprintf("%g a second, %d at once", v.PerSecond, v.Burst)
	default:
		return fmt.Sprint(v)
	}
}
