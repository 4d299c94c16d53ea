package main

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	miniapp "fundpass/miniapp-api"
)

// demoCenter is the centre of fundpass demo. Its row in a database says that
// the depositors in it are invented and their passwords printed.
const demoCenter = "demo"

// settings are the environment variables of serve. What is secret stands in a
// file of mode 0600 that a variable names; the database's password belongs into
// a passfile that FUNDPASS_DATABASE_URL names. The about tag is what an operator
// reads in the help and when the setting is missing.
type settings struct {
	Addr       string        `env:"FUNDPASS_ADDR" envDefault:"127.0.0.1:8080" about:"address the mini-program reaches; loopback behind a reverse proxy, anything else only inside a container"`
	OpsAddr    string        `env:"FUNDPASS_OPS_ADDR" envDefault:"127.0.0.1:9090" about:"address of health and metrics, for operators only"`
	OpsPublic  string        `env:"FUNDPASS_OPS_PUBLIC" about:"yes allows FUNDPASS_OPS_ADDR outside loopback"`
	DrainDelay time.Duration `env:"FUNDPASS_DRAIN_DELAY" envDefault:"0s" about:"how long /readyz says no before connections are refused at the end; what a load balancer needs to notice, at most 1m"`

	Environment string `env:"FUNDPASS_ENVIRONMENT" envDefault:"production" about:"stands in every log line; production also warns of a gateway that is not Alipay's production gateway"`
	Center      string `env:"FUNDPASS_CENTER" envDefault:"default" about:"the fund centre, 1 to 32 letters, digits, - or _; the first column of every table"`
	DatabaseURL string `env:"FUNDPASS_DATABASE_URL" need:"yes" about:"PostgreSQL connection string with sslmode written, e.g. postgres://fundpass@db1,db2/fundpass?sslmode=verify-full&target_session_attrs=read-write&passfile=/etc/fundpass/pgpass"`

	AppID              string   `env:"FUNDPASS_APP_ID" need:"yes" about:"the mini-program's APPID, from Alipay's console"`
	AppKeyFile         string   `env:"FUNDPASS_APP_KEY_FILE" need:"yes" about:"file of the application's private key (应用私钥): PEM or one line of base64, PKCS#1 or PKCS#8; fundpass keys new makes one"`
	AlipayKeyFiles     fileList `env:"FUNDPASS_ALIPAY_KEY_FILES" need:"yes" about:"files of Alipay's public keys (支付宝公钥) or, in certificate mode, certificates; comma separated, several while Alipay's key changes"`
	AppCertFile        string   `env:"FUNDPASS_APP_CERT_FILE" about:"certificate mode: appCertPublicKey_<APPID>.crt"`
	AlipayRootCertFile string   `env:"FUNDPASS_ALIPAY_ROOT_CERT_FILE" about:"certificate mode: alipayRootCert.crt"`
	SandboxRootFile    string   `env:"FUNDPASS_SANDBOX_ROOT_FILE" about:"certificate mode in Alipay's sandbox only: the root of the sandbox's certificates; refused with any other gateway"`
	ContentKeyFile     string   `env:"FUNDPASS_CONTENT_KEY_FILE" about:"file of the AES-128 key for 接口内容加密, base64 as the console shows it; reads phone numbers, without it POST /v1/phone answers NOT_OFFERED"`
	GatewayURL         string   `env:"FUNDPASS_GATEWAY_URL" envDefault:"https://openapi.alipay.com/gateway.do" about:"Alipay's gateway"`
	Proof              string   `env:"FUNDPASS_PROOF" envDefault:"certdoc" about:"what proves a link beside the password, comma separated, the first asked for first: certdoc (Alipay compares name and ID), face (Alipay verifies the face against the centre's record), phone (Alipay's number is the one on file); or none"`
	InitialProof       string   `env:"FUNDPASS_INITIAL_PROOF" about:"the same for initial passwords and those that must be changed, which are no secret; FUNDPASS_PROOF without phone unless set"`
	Consent            string   `env:"FUNDPASS_CONSENT" envDefault:"recorded" about:"what stands for a citizen's consent: recorded (submitting a form beside which the text stands) or required (each given by a call of its own)"`
	Relink             relink   `env:"FUNDPASS_RELINK" about:"how a link is taken over by another Alipay account of the same proven person: so long, 0s to 720h, after its present holder was told, who may object; or off, only with a clerk's code; 24h where FUNDPASS_MESSAGE_TEMPLATE is set, else off"`
	ConsentsFile       string   `env:"FUNDPASS_CONSENTS_FILE" about:"file of the texts citizens consent to, a JSON list of purpose, version and text; without it the built-in ones"`
	Reset              string   `env:"FUNDPASS_RESET" envDefault:"certify" about:"how a forgotten password is reset online: certify (Alipay verifies the face; needs the contract for alipay.user.certify.open) or off; a clerk's code works with both"`

	ColumnKeyFile     string   `env:"FUNDPASS_COLUMN_KEY_FILE" need:"yes" about:"file of the key that encrypts columns; fundpass keys new makes one, and losing it loses the data"`
	PepperFile        string   `env:"FUNDPASS_PEPPER_FILE" need:"yes" about:"file of the key behind the password hashes; fundpass keys new makes one, and losing it loses every password"`
	TransportKeyFiles fileList `env:"FUNDPASS_TRANSPORT_KEY_FILES" about:"files of RSA private keys for encrypted passwords in requests, comma separated: the first is handed out, the others still open what pages sealed for them; without it passwords come readable over TLS"`
	PlainPasswords    string   `env:"FUNDPASS_PLAIN_PASSWORDS" envDefault:"yes" about:"no refuses passwords that are not encrypted; needs FUNDPASS_TRANSPORT_KEY_FILES"`
	PolicyFile        string   `env:"FUNDPASS_POLICY_FILE" about:"file of the city's password policy; without it the built-in one holds"`
	DocumentsFile     string   `env:"FUNDPASS_DOCUMENTS_FILE" about:"file of the centre's codes of identity documents (ZJLX), in import and link; without it those of JGJ/T 320 and 20 hold"`

	MessageTemplate string `env:"FUNDPASS_MESSAGE_TEMPLATE" about:"the message template (user_template_id, from Alipay's console) by which owners are told of changes: three keywords, what, when and what to do; without it notices are recorded and not sent"`
	MessagePage     string `env:"FUNDPASS_MESSAGE_PAGE" envDefault:"pages/freeze/index" about:"page of the mini-program that the message opens, where the owner can freeze the password; at most 80 bytes, ?notice=ID is added"`

	AuditYears int `env:"FUNDPASS_AUDIT_YEARS" envDefault:"3" about:"how many years the record of what was done to links and passwords, by citizens and by operators, is kept; 1 to 30"`

	TrustedProxies networks `env:"FUNDPASS_TRUSTED_PROXIES" about:"addresses or CIDRs of reverse proxies whose X-Forwarded-For is believed, comma separated"`
	PerAddress     rate     `env:"FUNDPASS_PER_ADDRESS" about:"requests one address may make as PER_SECOND,BURST; 100,1000 unless set, because carriers share addresses"`
	PerUser        rate     `env:"FUNDPASS_PER_USER" about:"requests one Alipay user may make as PER_SECOND,BURST; 5,60 unless set"`

	Docs bool // the contract as pages: no variable, because only the demo shows it
}

// A problem is one thing wrong with one setting. Its text names the setting
// and says what to do; it never holds the content of a file, nor the value of
// a setting that may hold a password.
type problem struct {
	setting string // "" when it is not one setting's
	err     error
}

func (p problem) Error() string {
	if p.setting == "" {
		return p.err.Error()
	}
	return p.setting + ": " + p.err.Error()
}

func (p problem) Unwrap() error { return p.err }

// problemf is a problem whose text is known where it is found.
func problemf(setting, format string, args ...any) problem {
	return problem{setting, fmt.Errorf(format, args...)}
}

// readSettings reads the settings and every file they name, and reports
// everything that is wrong or unsafe at once. Nothing has been connected to.
func readSettings(getenv func(string) string) (settings, error) {
	s, problems := parseSettings(getenv)
	_, more := s.load()
	return s, asError(append(problems, more...))
}

// parseSettings reads the settings without opening a file. What is wrong keeps
// its zero value.
func parseSettings(getenv func(string) string) (settings, []problem) {
	var s settings
	var problems []problem
	given := make(map[string]string)
	for _, f := range settingFields() {
		if v := strings.TrimSpace(getenv(f.name)); v != "" {
			given[f.name] = v
		} else if f.needed {
			problems = append(problems, problemf(f.name, "is not set; wanted: %s", f.about))
		}
	}
	problems = append(problems, asProblems(env.ParseWithOptions(&s, env.Options{Environment: given}))...)
	if given["FUNDPASS_RELINK"] == "" && s.MessageTemplate != "" {
		s.Relink = relink{Offered: true, Window: usualWindow}
	}
	return s, append(problems, s.validate()...)
}

// asProblems names the setting of each error of the env library. Its own texts
// are dropped: they name fields of Go and may quote the value.
func asProblems(err error) []problem {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return nil
	}
	var problems []problem
	for _, e := range all.Errors {
		var p env.ParseError
		if !errors.As(e, &p) {
			problems = append(problems, problem{"", e})
			continue
		}
		field := fieldOf(p.Name)
		problems = append(problems, problemf(field.name, "cannot be read; wanted: %s", field.about))
	}
	return problems
}

// asError joins problems, or is nil.
func asError(problems []problem) error {
	all := make([]error, len(problems))
	for i, p := range problems {
		all[i] = p
	}
	return errors.Join(all...)
}

// A settingField is what the tags say of a setting.
type settingField struct {
	name, def, about string
	needed           bool
	index            int
}

// settingFields lists the settings in the order of the struct.
func settingFields() []settingField {
	var all []settingField
	for f := range reflect.TypeFor[settings]().Fields() {
		if f.Tag.Get("env") == "" {
			continue
		}
		all = append(all, settingField{
			name: f.Tag.Get("env"), def: f.Tag.Get("envDefault"), about: f.Tag.Get("about"),
			needed: f.Tag.Get("need") == "yes", index: f.Index[0],
		})
	}
	return all
}

// fieldOf finds a setting by the name of its Go field.
func fieldOf(goName string) settingField {
	f, ok := reflect.TypeFor[settings]().FieldByName(goName)
	if !ok {
		panic("fundpass: no setting " + goName)
	}
	return settingFields()[f.Index[0]]
}

// isSet reports whether the setting has a value, its default included.
func (s settings) isSet(f settingField) bool { return !reflect.ValueOf(s).Field(f.index).IsZero() }

// A fileList is a comma-separated list of file names.
type fileList []string

// UnmarshalText refuses blank entries: a forgotten name would go unnoticed.
func (l *fileList) UnmarshalText(text []byte) error {
	names := strings.Split(string(text), ",")
	for i, name := range names {
		if names[i] = strings.TrimSpace(name); names[i] == "" {
			return errors.New("a name in the list is blank")
		}
	}
	*l = names
	return nil
}

// networks is a comma-separated list of CIDRs; a single address is its own network.
type networks []*net.IPNet

func (n *networks) UnmarshalText(text []byte) error {
	var all networks
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

// A rate is two numbers, "5,60": five a second in the long run, sixty at once.
type rate miniapp.Rate

func (r *rate) UnmarshalText(text []byte) error {
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
	*r = rate{PerSecond: long, Burst: once}
	return nil
}

// usualWindow is how long a holder may object where the centre says nothing.
const usualWindow = 24 * time.Hour

// longestWindow is how long a citizen with a new Alipay account can be asked to wait.
const longestWindow = 30 * 24 * time.Hour

// A relink is "off", or a duration.
type relink miniapp.Relink

func (r *relink) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*r = relink{}
		return nil
	}
	window, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	if window < 0 || window > longestWindow {
		return errors.New("is not between 0s and 720h")
	}
	*r = relink{Offered: true, Window: window}
	return nil
}

func (r relink) String() string {
	if !r.Offered {
		return "off"
	}
	return r.Window.String()
}

// text is a setting's value for the operator; never ask it of FUNDPASS_DATABASE_URL.
func (s settings) text(f settingField) string {
	switch v := reflect.ValueOf(s).Field(f.index).Interface().(type) {
	case fileList:
		return strings.Join(v, ", ")
	case rate:
		return fmt.Sprintf("%g a second, %d at once", v.PerSecond, v.Burst)
	default:
		return fmt.Sprint(v)
	}
}
