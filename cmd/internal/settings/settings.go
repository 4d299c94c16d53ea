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

// Settings are the environment variables of serve. What is secret stands in a
// file of mode 0600 that a variable names; the database's password belongs into
// a passfile that FUNDPASS_DATABASE_URL names. The about tag is what an operator
// reads in the help and when the setting is missing; zh is the same in Chinese, for the
// documents.
type Settings struct {
	Addr       string        `env:"FUNDPASS_ADDR" envDefault:"127.0.0.1:8080" about:"address the mini-program reaches; loopback behind a reverse proxy, anything else only inside a container" zh:"小程序访问的地址；在反向代理后面用本机地址，其他地址只用于容器内"`
	OpsAddr    string        `env:"FUNDPASS_OPS_ADDR" envDefault:"127.0.0.1:9090" about:"address of health and metrics, for operators only" zh:"健康检查和指标的地址，只供运维使用"`
	OpsPublic  string        `env:"FUNDPASS_OPS_PUBLIC" about:"yes allows FUNDPASS_OPS_ADDR outside loopback" zh:"yes 允许 FUNDPASS_OPS_ADDR 不是本机地址"`
	DrainDelay time.Duration `env:"FUNDPASS_DRAIN_DELAY" envDefault:"0s" about:"how long /readyz says no before connections are refused at the end; what a load balancer needs to notice, at most 1m" zh:"停止前 /readyz 先报不就绪多久，供负载均衡察觉，最长 1m"`

	Environment string `env:"FUNDPASS_ENVIRONMENT" envDefault:"production" about:"stands in every log line; production also warns of a gateway that is not Alipay's production gateway" zh:"写在每行日志里；production 还会提醒网关不是支付宝生产网关"`
	Center      string `env:"FUNDPASS_CENTER" envDefault:"default" about:"the fund centre, 1 to 32 letters, digits, - or _; the first column of every table" zh:"公积金中心，1 至 32 个字母、数字、- 或 _；是每张表的第一列"`
	DatabaseURL string `env:"FUNDPASS_DATABASE_URL" need:"yes" about:"PostgreSQL connection string with sslmode written, e.g. postgres://fundpass@db1,db2/fundpass?sslmode=verify-full&target_session_attrs=read-write&passfile=/etc/fundpass/pgpass" zh:"PostgreSQL 连接串，须写明 sslmode，例如 postgres://fundpass@db1,db2/fundpass?sslmode=verify-full&target_session_attrs=read-write&passfile=/etc/fundpass/pgpass"`

	AppID              string       `env:"FUNDPASS_APP_ID" need:"yes" about:"the mini-program's APPID, from Alipay's console" zh:"小程序的 APPID，见支付宝控制台"`
	AppKeyFile         string       `env:"FUNDPASS_APP_KEY_FILE" need:"yes" about:"file of the application's private key (应用私钥): PEM or one line of base64, PKCS#1 or PKCS#8; fundpass keys new makes one" zh:"应用私钥的文件：PEM 或一行 base64，PKCS#1 或 PKCS#8；fundpass keys new 可生成"`
	AlipayKeyFiles     FileList     `env:"FUNDPASS_ALIPAY_KEY_FILES" need:"yes" about:"files of Alipay's public keys (支付宝公钥) or, in certificate mode, certificates; comma separated, several while Alipay's key changes" zh:"支付宝公钥的文件，证书模式下为证书；用逗号分隔，支付宝更换密钥期间可有多个"`
	AppCertFile        string       `env:"FUNDPASS_APP_CERT_FILE" about:"certificate mode: appCertPublicKey_<APPID>.crt" zh:"证书模式：appCertPublicKey_<APPID>.crt"`
	AlipayRootCertFile string       `env:"FUNDPASS_ALIPAY_ROOT_CERT_FILE" about:"certificate mode: alipayRootCert.crt" zh:"证书模式：alipayRootCert.crt"`
	SandboxRootFile    string       `env:"FUNDPASS_SANDBOX_ROOT_FILE" about:"certificate mode in Alipay's sandbox only: the root of the sandbox's certificates; refused with any other gateway" zh:"仅用于支付宝沙箱的证书模式：沙箱证书的根；与其他网关同用则拒绝"`
	ContentKeyFile     string       `env:"FUNDPASS_CONTENT_KEY_FILE" about:"file of the AES-128 key for 接口内容加密, base64 as the console shows it; reads phone numbers, without it POST /v1/phone answers NOT_OFFERED" zh:"接口内容加密的 AES-128 密钥文件，base64，与控制台显示的一致；用于读取手机号，没有它 POST /v1/phone 答复 NOT_OFFERED"`
	GatewayURL         string       `env:"FUNDPASS_GATEWAY_URL" envDefault:"https://openapi.alipay.com/gateway.do" about:"Alipay's gateway" zh:"支付宝网关"`
	Proof              string       `env:"FUNDPASS_PROOF" envDefault:"certdoc" about:"what proves a link beside the password, comma separated, the first asked for first: certdoc (Alipay compares name and ID), face (Alipay verifies the face against the centre's record), phone (Alipay's number is the one on file); or none" zh:"绑定时密码之外的证明，逗号分隔，先写的先要求：certdoc（支付宝比对姓名和证件）、face（支付宝按中心记录刷脸）、phone（支付宝的手机号与预留号码一致）；或 none"`
	InitialProof       string       `env:"FUNDPASS_INITIAL_PROOF" about:"the same for initial passwords and those that must be changed, which are no secret; FUNDPASS_PROOF without phone unless set" zh:"初始密码和须修改的密码（不算秘密）所需的证明；不设则为 FUNDPASS_PROOF 去掉 phone"`
	Consent            string       `env:"FUNDPASS_CONSENT" envDefault:"recorded" about:"what stands for a citizen's consent: recorded (submitting a form beside which the text stands) or required (each given by a call of its own)" zh:"怎样算市民同意：recorded（提交旁边显示说明的表单）或 required（每一项单独同意）"`
	LinkTransfer       LinkTransfer `env:"FUNDPASS_LINK_TRANSFER" about:"transfer of a link to another Alipay account of the same proven person: how long its present holder, once notified, can reject it, 0s to 720h; or off, only with a reset code; 24h where FUNDPASS_MESSAGE_TEMPLATE is set, else off" zh:"本人换支付宝怎样改绑：通知原绑定者之后可拒绝的时间，0s 至 720h；或 off，只能凭柜台重置码；设了 FUNDPASS_MESSAGE_TEMPLATE 时为 24h，否则为 off"`
	ConsentsFile       string       `env:"FUNDPASS_CONSENTS_FILE" about:"file of the texts citizens consent to, a JSON list of purpose, version and text; without it the built-in ones" zh:"市民同意的说明文字，JSON 列表，含 purpose、version、text；不设则用内置的"`
	Reset              string       `env:"FUNDPASS_RESET" envDefault:"certify" about:"how a forgotten password is reset online: certify (Alipay verifies the face; needs the contract for alipay.user.certify.open) or off; a reset code works with both" zh:"忘记密码怎样线上重置：certify（支付宝刷脸，须签约 alipay.user.certify.open）或 off；柜台重置码总可以用"`

	ColumnKeyFile     string   `env:"FUNDPASS_COLUMN_KEY_FILE" need:"yes" about:"file of the key that encrypts columns; fundpass keys new makes one, and losing it loses the data" zh:"加密数据库列的密钥文件；fundpass keys new 可生成，丢失即丢失数据"`
	PepperFile        string   `env:"FUNDPASS_PEPPER_FILE" need:"yes" about:"file of the key behind the password hashes; fundpass keys new makes one, and losing it loses every password" zh:"密码散列所用的密钥文件；fundpass keys new 可生成，丢失即丢失全部密码"`
	TransportKeyFiles FileList `env:"FUNDPASS_TRANSPORT_KEY_FILES" about:"files of RSA private keys for encrypted passwords in requests, comma separated: the first is handed out, the others still open what pages sealed for them; without it passwords come readable over TLS" zh:"解开页面加密密码的 RSA 私钥文件，逗号分隔：发出第一个的公钥，其余仍可解开；不设则密码由 TLS 保护"`
	PlainPasswords    string   `env:"FUNDPASS_PLAIN_PASSWORDS" envDefault:"yes" about:"no refuses passwords that are not encrypted; needs FUNDPASS_TRANSPORT_KEY_FILES" zh:"no 拒绝未加密的密码；需要 FUNDPASS_TRANSPORT_KEY_FILES"`
	PolicyFile        string   `env:"FUNDPASS_POLICY_FILE" about:"file of the city's password policy; without it the built-in one holds" zh:"本市密码规则的文件；不设则用内置规则"`
	DocumentsFile     string   `env:"FUNDPASS_DOCUMENTS_FILE" about:"file of the centre's codes of identity documents (ZJLX), in import and link; without it those of JGJ/T 320 and 20 hold" zh:"中心的证件类型代码（ZJLX）文件，用于导入和绑定；不设则用 JGJ/T 320 的代码和 20"`

	MessageTemplate string `env:"FUNDPASS_MESSAGE_TEMPLATE" about:"the message template (user_template_id, from Alipay's console) by which owners are told of changes: three keywords, what, when and what to do; without it notices are recorded and not sent" zh:"通知市民所用的消息模板（支付宝控制台的 user_template_id）：三个关键词，依次为事项、时间、怎样处理；须为长期订阅；不设则只记录不发送"`
	MessagePage     string `env:"FUNDPASS_MESSAGE_PAGE" envDefault:"pages/freeze/index" about:"page of the mini-program that the message opens, where the owner can freeze the password; at most 80 bytes, ?notice=ID is added" zh:"消息打开的小程序页面，市民可在那里冻结密码；最多 80 字节，会加上 ?notice=ID"`

	AuditYears int `env:"FUNDPASS_AUDIT_YEARS" envDefault:"3" about:"how many years the record of what was done to links and passwords, by citizens and by operators, is kept; 1 to 30" zh:"办理记录和人工操作保存几年，1 至 30"`

	LogRefusedMessage string `env:"FUNDPASS_LOG_REFUSED_MESSAGE" envDefault:"no" about:"sealed writes the next refused message of Alipay into the log, one after each start, encrypted with the column key; fundpass verify opens the line" zh:"sealed 把下一条被拒绝的支付宝消息加密（列密钥）写入日志，每次启动只写一条；用 fundpass verify 打开该行"`

	TrustedProxies Networks `env:"FUNDPASS_TRUSTED_PROXIES" about:"addresses or CIDRs of reverse proxies whose X-Forwarded-For is believed, comma separated" zh:"反向代理的地址或 CIDR，逗号分隔；相信它们的 X-Forwarded-For；比 /8 或 /20（IPv6）更宽的拒绝"`
	PerAddress     Rate     `env:"FUNDPASS_PER_ADDRESS" about:"requests one address may make as PER_SECOND,BURST; 100,1000 unless set, because carriers share addresses" zh:"一个地址的请求限额，写作 每秒,突发；不设为 100,1000，因为运营商共用地址"`
	PerUser        Rate     `env:"FUNDPASS_PER_USER" about:"requests one Alipay user may make as PER_SECOND,BURST; 5,60 unless set" zh:"一个支付宝用户的请求限额，写作 每秒,突发；不设为 5,60"`
}

// A Problem is one thing wrong with one setting. Its text names the setting
// and says what to do; it never holds the content of a file, nor the value of
// a setting that may hold a password.
type Problem struct {
	Setting string // "" when it is not one setting's
	Err     error
}

func (p Problem) Error() string {
	if p.Setting == "" {
		return p.Err.Error()
	}
	return p.Setting + ": " + p.Err.Error()
}

func (p Problem) Unwrap() error { return p.Err }

// Problemf is a problem whose text is known where it is found.
func Problemf(setting, format string, args ...any) Problem {
	return Problem{setting, terminal.Textf(format, args...)}
}

// Parse reads the settings without opening a file. What is wrong keeps
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

// asProblems names the setting of each error of the env library. Its own texts
// are dropped: they name fields of Go and may quote the value.
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

// Join joins problems, or is nil.
func Join(problems []Problem) error {
	all := make([]error, len(problems))
	for i, p := range problems {
		all[i] = p
	}
	return errors.Join(all...)
}

// A Field is what the tags say of a setting.
type Field struct {
	Name, Default, About string
	zh                   string // about in Chinese
	kind                 string // "time" or "int"; "" for all others
	Needed               bool
	index                int
}

// Fields lists the settings in the order of the struct.
func Fields() []Field {
	var all []Field
	for f := range reflect.TypeFor[Settings]().Fields() {
		if f.Tag.Get("env") == "" {
			continue
		}
		all = append(all, Field{
			Name: f.Tag.Get("env"), Default: f.Tag.Get("envDefault"), About: f.Tag.Get("about"), zh: f.Tag.Get("zh"),
			kind: kindOf(f.Type), Needed: f.Tag.Get("need") == "yes", index: f.Index[0],
		})
	}
	return all
}

func kindOf(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration](), reflect.TypeFor[LinkTransfer]():
		return "time"
	case reflect.TypeFor[int]():
		return "int"
	}
	return ""
}

// FieldOf finds a setting by the name of its Go field.
func FieldOf(goName string) Field {
	f, ok := reflect.TypeFor[Settings]().FieldByName(goName)
	if !ok {
		panic("fundpass: no setting " + goName)
	}
	return Fields()[f.Index[0]]
}

// IsSet reports whether the setting has a value, its default included.
func (s Settings) IsSet(f Field) bool { return !reflect.ValueOf(s).Field(f.index).IsZero() }

// A FileList is a comma-separated list of file names.
type FileList []string

// UnmarshalText refuses blank entries: a forgotten name would go unnoticed.
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

// Networks is a comma-separated list of CIDRs; a single address is its own network.
type Networks []*net.IPNet

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

// A Rate is two numbers, "5,60": five a second in the long run, sixty at once.
type Rate httpapi.Rate

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

// usualWindow is how long a holder can reject a transfer if the centre sets nothing.
const usualWindow = 24 * time.Hour

// longestWindow is how long a centre can make the requester of a transfer wait.
const longestWindow = 30 * 24 * time.Hour

// A LinkTransfer is "off", or a duration.
type LinkTransfer selfservice.TransferPolicy

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

// Wanted says what the setting is for.
func (f Field) Wanted() terminal.Both { return terminal.Both{English: f.About, Chinese: f.zh} }

// Text is a setting's value for the operator; never ask it of FUNDPASS_DATABASE_URL.
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
