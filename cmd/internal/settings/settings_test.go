package settings

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/website/oidc"
	"fundpass/store"
)

func TestSettingsComplete(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	got, err := Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{
		"FUNDPASS_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.7,2001:db8::1",
		"FUNDPASS_PER_USER":        "2.5, 10",
		"FUNDPASS_DRAIN_DELAY":     "5s",
	})))
	cmdtest.NoError(t, err)
	var proxies []string
	for _, p := range got.TrustedProxies {
		proxies = append(proxies, p.String())
	}
	if diff := cmp.Diff([]string{"10.0.0.0/8", "192.0.2.7/32", "2001:db8::1/128"}, proxies); diff != "" {
		t.Error(diff)
	}
	if httpapi.Rate(got.PerUser) != (httpapi.Rate{PerSecond: 2.5, Burst: 10}) || got.PerAddress != (Rate{}) {
		t.Errorf("rates %v, %v", got.PerUser, got.PerAddress)
	}
	if got.DrainDelay != 5*time.Second || got.Proof != "certdoc" || got.Center != "test" {
		t.Errorf("got %+v", got)
	}
}

// TestSettingsDefaults checks the defaults with only the required settings.
func TestSettingsDefaults(t *testing.T) {
	t.Parallel()
	env := cmdtest.NewBareEnv(t).Env()
	for _, name := range []string{"ADDR", "OPS_ADDR", "ENVIRONMENT", "CENTER", "GATEWAY_URL", "TRUSTED_PROXIES"} {
		delete(env, "FUNDPASS_"+name)
	}
	got, err := Read(cmdtest.GetenvOf(env))
	cmdtest.NoError(t, err)
	want := Settings{
		Addr: "127.0.0.1:8080", OpsAddr: "127.0.0.1:9090", Environment: "production", Center: "default",
		MessagePage: "pages/freeze/index",
		GatewayURL:  "https://openapi.alipay.com/gateway.do", Proof: "certdoc", Consent: "recorded", Reset: "certify",
		DatabaseURL: env["FUNDPASS_DATABASE_URL"], AppID: cmdtest.TestAppID,
		AppKeyFile: env["FUNDPASS_APP_KEY_FILE"], AlipayKeyFiles: FileList{env["FUNDPASS_ALIPAY_KEY_FILES"]},
		ColumnKeyFile: env["FUNDPASS_COLUMN_KEY_FILE"], PepperFile: env["FUNDPASS_PEPPER_FILE"],
		PlainPasswords: "yes", AuditYears: 3, LogRefusedMessage: "no",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSettingsMissing checks that all required settings are named at once, with their
// descriptions.
func TestSettingsMissing(t *testing.T) {
	t.Parallel()
	_, err := Read(cmdtest.GetenvOf(nil))
	want := []string{
		"FUNDPASS_DATABASE_URL", "FUNDPASS_APP_ID", "FUNDPASS_APP_KEY_FILE", "FUNDPASS_ALIPAY_KEY_FILES",
		"FUNDPASS_COLUMN_KEY_FILE", "FUNDPASS_PEPPER_FILE",
	}
	var got []string
	for _, e := range Unjoin(err) {
		name, what, _ := strings.Cut(e.Error(), ": ")
		got = append(got, name)
		if !strings.HasPrefix(what, "is not set; wanted: ") || len(what) < 40 {
			t.Errorf("%v says too little", e)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSettingsWrong checks that each wrong value is reported under its setting and
// nothing else is reported.
func TestSettingsWrong(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	cmdtest.NoError(t, err)
	s.Write("weak.txt", cmdtest.PublicText(t, &weak.PublicKey))
	s.Write("empty.txt", "\n")
	s.Write("short.key", "MDEyMzQ1Njc4OQ==")
	s.Write("policy.json", `{"name":"x"}`)
	s.Write("documents.json", `{"name":"x","documents":[{"code":"01","kind":"card","name":"身份证"}]}`)
	s.Write("open.key", string(s.Read("column.key")))
	cmdtest.NoError(t, os.Chmod(s.Path("open.key"), 0o640))
	const gateway = "FUNDPASS_GATEWAY_URL"
	for _, c := range []struct {
		name, setting, value string
		want                 string // in the text
		is                   error  // nil = any
	}{
		{"own key", "FUNDPASS_ALIPAY_KEY_FILES", s.Path("app_public_key.txt"), "支付宝公钥", keys.ErrOwnKey},
		{"weak key", "FUNDPASS_ALIPAY_KEY_FILES", s.Path("weak.txt"), "2048", keys.ErrWeak},
		{"private key for Alipay's", "FUNDPASS_ALIPAY_KEY_FILES", s.Path("app_private_pkcs1.txt"), "private key", keys.ErrWrongKind},
		{"one of two missing", "FUNDPASS_ALIPAY_KEY_FILES", s.Path("alipay_public_key.txt") + "," + s.Path("absent"), "absent", os.ErrNotExist},
		{"blank in the list", "FUNDPASS_ALIPAY_KEY_FILES", s.Path("alipay_public_key.txt") + ",", "comma separated", nil},
		{"twice", "FUNDPASS_ALIPAY_KEY_FILES", s.Path("alipay_public_key.txt") + "," + s.Path("alipay_public_key.txt"), "twice", keys.ErrDuplicate},
		{"public key for ours", "FUNDPASS_APP_KEY_FILE", s.Path("app_public_key.txt"), "应用私钥", keys.ErrWrongKind},
		{"no file", "FUNDPASS_APP_KEY_FILE", s.Path("absent"), "absent", os.ErrNotExist},
		{"empty file", "FUNDPASS_APP_KEY_FILE", s.Path("empty.txt"), "empty.txt", keys.ErrEmpty},
		{"blanks in the id", "FUNDPASS_APP_ID", "2021 0001", "blanks", keys.ErrFormat},
		{"half of certificate mode", "FUNDPASS_APP_CERT_FILE", s.Path("absent"), "", nil},
		{"column key open to the group", "FUNDPASS_COLUMN_KEY_FILE", s.Path("open.key"), "chmod 600", keys.ErrOpenToOthers},
		{"pepper for column key", "FUNDPASS_COLUMN_KEY_FILE", s.Path("pepper.key"), "same file", nil},
		{"column key for pepper", "FUNDPASS_PEPPER_FILE", s.Path("open.key"), "pepper", keys.ErrFormat},
		{"transport key", "FUNDPASS_TRANSPORT_KEY_FILES", s.Path("empty.txt"), "empty.txt", keys.ErrEmpty},
		{"transport key is the application's", "FUNDPASS_TRANSPORT_KEY_FILES", s.Path("app_private_pkcs8.txt"), "the application's private key is among them", nil},
		{"transport key twice", "FUNDPASS_TRANSPORT_KEY_FILES", s.Path("transport_private_key.pem") + "," + s.Path("transport_private_key.pem"), "twice", keys.ErrDuplicate},
		{"content key", "FUNDPASS_CONTENT_KEY_FILE", s.Path("short.key"), "AES-128", nil},
		{"policy", "FUNDPASS_POLICY_FILE", s.Path("policy.json"), "policy.json", nil},
		{"no policy", "FUNDPASS_POLICY_FILE", s.Path("absent"), "absent", os.ErrNotExist},
		{"documents", "FUNDPASS_DOCUMENTS_FILE", s.Path("documents.json"), "hong-kong-macao-permit", document.ErrList},
		{"no documents", "FUNDPASS_DOCUMENTS_FILE", s.Path("absent"), "absent", os.ErrNotExist},
		{"plain http", gateway, "http://openapi.alipay.com/gateway.do", "https", nil},
		{"http to a name like loopback", gateway, "http://127.0.0.1.example.com/gateway.do", "https", nil},
		{"http to a private address", gateway, "http://10.0.0.1/gateway.do", "https", nil},
		{"other scheme", gateway, "ftp://openapi.alipay.com/", "https", nil},
		{"query", gateway, "https://openapi.alipay.com/gateway.do?x=1", "host and path", nil},
		{"not a URL", gateway, "openapi.alipay.com", "not a URL", nil},
		{"demo centre", "FUNDPASS_CENTER", "demo", "fundpass demo", nil},
		{"long centre", "FUNDPASS_CENTER", strings.Repeat("x", 33), "1 to 32", nil},
		{"plain passwords", "FUNDPASS_PLAIN_PASSWORDS", "never", "yes nor no", nil},
		{"every password refused", "FUNDPASS_PLAIN_PASSWORDS", "no", "FUNDPASS_TRANSPORT_KEY_FILES", nil},
		{"proof", "FUNDPASS_PROOF", "fax", "neither none nor a list", nil},
		{"codes without a gateway", "FUNDPASS_PROOF", "certdoc,sms", "FUNDPASS_SMS_GATEWAY_FILE", nil},
		{"proof twice", "FUNDPASS_PROOF", "face,face", "neither none nor a list", nil},
		{"none among others", "FUNDPASS_PROOF", "certdoc,none", "neither none nor a list", nil},
		{"initial proof", "FUNDPASS_INITIAL_PROOF", "initial", "neither none nor a list", nil},
		{"nothing for initial passwords", "FUNDPASS_PROOF", "phone", "FUNDPASS_INITIAL_PROOF", nil},
		{"phone without its key", "FUNDPASS_PROOF", "certdoc,phone", "FUNDPASS_CONTENT_KEY_FILE", nil},
		{"consent", "FUNDPASS_CONSENT", "asked", "recorded nor required", nil},
		{"consents", "FUNDPASS_CONSENTS_FILE", s.Path("policy.json"), "policy.json", nil},
		{"no consents", "FUNDPASS_CONSENTS_FILE", s.Path("absent"), "absent", os.ErrNotExist},
		{"issuer", "FUNDPASS_OIDC_FILE", s.Path("policy.json"), "policy.json", oidc.ErrSettings},
		{"issuer without a website", "FUNDPASS_OIDC_FILE", s.Path("absent"), "FUNDPASS_WEBSITE_ADDR", nil},
		{"no issuer", "FUNDPASS_OIDC_FILE", s.Path("absent"), "absent", os.ErrNotExist},
		{"reset", "FUNDPASS_RESET", "sms", "certify nor off", nil},
		{"link transfer", "FUNDPASS_LINK_TRANSFER", "no", "720h", nil},
		{"link transfer in the past", "FUNDPASS_LINK_TRANSFER", "-1s", "720h", nil},
		{"link transfer next year", "FUNDPASS_LINK_TRANSFER", "721h", "720h", nil},
		{"no record", "FUNDPASS_AUDIT_YEARS", "0", "between 1 and 30", nil},
		{"messages in clear text", "FUNDPASS_LOG_REFUSED_MESSAGE", "yes", "neither no nor sealed", nil},
		{"endless record", "FUNDPASS_AUDIT_YEARS", "31", "between 1 and 30", nil},
		{"address", "FUNDPASS_ADDR", "8080", "host:port", nil},
		{"port", "FUNDPASS_ADDR", "127.0.0.1:99999", "host:port", nil},
		{"no port", "FUNDPASS_ADDR", "127.0.0.1:", "host:port", nil},
		{"website address", "FUNDPASS_WEBSITE_ADDR", "8081", "host:port", nil},
		{"ops to everybody", "FUNDPASS_OPS_ADDR", "0.0.0.0:9090", "FUNDPASS_OPS_PUBLIC=yes", nil},
		{"ops on all", "FUNDPASS_OPS_ADDR", ":9090", "FUNDPASS_OPS_PUBLIC=yes", nil},
		{"ops public", "FUNDPASS_OPS_PUBLIC", "true", "yes", nil},
		{"proxies", "FUNDPASS_TRUSTED_PROXIES", "10.0.0.0/8,proxy", "CIDR", nil},
		{"rate of one number", "FUNDPASS_PER_USER", "5", "PER_SECOND,BURST", nil},
		{"rate of nothing", "FUNDPASS_PER_ADDRESS", "0,0", "PER_SECOND,BURST", nil},
		{"rate not a number", "FUNDPASS_PER_ADDRESS", "NaN,5", "PER_SECOND,BURST", nil},
		{"drain", "FUNDPASS_DRAIN_DELAY", "soon", "how long", nil},
		{"long drain", "FUNDPASS_DRAIN_DELAY", "2h", "1m", nil},
		{"no sslmode", "FUNDPASS_DATABASE_URL", "postgres://127.0.0.1/fundpass", "sslmode", store.ErrUnsafeDSN},
		{"no TLS", "FUNDPASS_DATABASE_URL", "postgres://db.example.com/fundpass?sslmode=disable", "sslmode", store.ErrUnsafeDSN},
		{"not a connection string", "FUNDPASS_DATABASE_URL", "postgres://%zz", "cannot be read", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{c.setting: c.value})))
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v, want %q in it and %v", err, c.want, c.is)
			}
			allowed := []string{c.setting}
			switch c.name {
			case "half of certificate mode":
				allowed = append(allowed, "FUNDPASS_ALIPAY_ROOT_CERT_FILE", "FUNDPASS_ALIPAY_KEY_FILES")
			case "pepper for column key": // the second setting with the same file is reported
				allowed = append(allowed, "FUNDPASS_PEPPER_FILE")
			case "column key for pepper":
				allowed = append(allowed, "FUNDPASS_PEPPER_FILE")
			}
			for _, e := range Unjoin(err) {
				if !hasPrefixOf(e.Error(), allowed) {
					t.Errorf("also complains: %v", e)
				}
			}
		})
	}
}

func hasPrefixOf(s string, names []string) bool {
	for _, name := range names {
		if strings.HasPrefix(s, name+": ") {
			return true
		}
	}
	return false
}

// TestSettingsAllAtOnce checks that problems of different kinds are reported together.
func TestSettingsAllAtOnce(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	cmdtest.NoError(t, os.Chmod(s.Path("pepper.key"), 0o604))
	wrong := cmdtest.Values{
		"FUNDPASS_ADDR":                "nowhere",
		"FUNDPASS_OPS_ADDR":            "0.0.0.0:1",
		"FUNDPASS_CENTER":              "demo",
		"FUNDPASS_DATABASE_URL":        "postgres://db.example.com/x",
		"FUNDPASS_APP_ID":              "",
		"FUNDPASS_ALIPAY_KEY_FILES":    s.Path("app_public_key.txt"),
		"FUNDPASS_GATEWAY_URL":         "http://alipay.example.com/",
		"FUNDPASS_PROOF":               "maybe",
		"FUNDPASS_COLUMN_KEY_FILE":     s.Path("absent"),
		"FUNDPASS_PEPPER_FILE":         s.Path("pepper.key"),
		"FUNDPASS_TRANSPORT_KEY_FILES": s.Path("absent2"),
		"FUNDPASS_POLICY_FILE":         s.Path("absent3"),
		"FUNDPASS_DOCUMENTS_FILE":      s.Path("absent4"),
	}
	_, err := Read(cmdtest.GetenvOf(s.Env(wrong)))
	named := make(cmdtest.Values)
	for _, e := range Unjoin(err) {
		name, _, _ := strings.Cut(e.Error(), ": ")
		named[name] = e.Error()
	}
	for name := range wrong {
		if named[name] == "" {
			t.Errorf("%s is not named", name)
		}
		delete(named, name)
	}
	if len(named) > 0 {
		t.Errorf("also named: %v", named)
	}
}

// TestSettingsKeepSecrets checks that no error contains a password in a setting or the
// content of a key file.
func TestSettingsKeepSecrets(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	const canary = "canary4711"
	s.Write("secret.txt", canary)
	for _, dsn := range []string{
		"postgres://u:" + canary + "@db.example.com/x", "postgres://u:" + canary + "@db.example.com:port/x?sslmode=require",
		"user=u password=" + canary + " host=", "postgres://u:%zz" + canary + "@h/x?sslmode=require",
		"user=u password='" + canary + " sslmode=require",
	} {
		_, err := Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{
			"FUNDPASS_DATABASE_URL": dsn, "FUNDPASS_APP_KEY_FILE": s.Path("secret.txt"),
			"FUNDPASS_COLUMN_KEY_FILE": s.Path("secret.txt"), "FUNDPASS_PEPPER_FILE": s.Path("secret.txt"),
			"FUNDPASS_CONTENT_KEY_FILE": s.Path("secret.txt"), "FUNDPASS_TRANSPORT_KEY_FILES": s.Path("secret.txt"),
			"FUNDPASS_PER_USER": canary, "FUNDPASS_DRAIN_DELAY": canary, "FUNDPASS_TRUSTED_PROXIES": canary,
			"FUNDPASS_GATEWAY_URL": "https://u:" + canary + "@alipay.example.com/", "FUNDPASS_PROOF": canary,
		})))
		if err == nil || strings.Contains(fmt.Sprintf("%+v", err), canary) {
			t.Errorf("%v", err)
		}
	}
}

// TestExpiring checks that a certificate is reported in its last 30 days.
func TestExpiring(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	app, err := keys.ParsePrivateKey(s.Read("app_private_key.pem"))
	cmdtest.NoError(t, err)
	end := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	keyring, err := keys.NewAlipayKeyring(cmdtest.TestAppID, app, []keys.AlipayKey{
		{SN: "1", Public: &cmdtest.TestKeys().Alipay[0].PublicKey, NotAfter: end, Source: "old.crt"},
		{SN: "2", Public: &cmdtest.TestKeys().Alipay[1].PublicKey, NotAfter: end.AddDate(1, 0, 0), Source: "new.crt"},
	})
	cmdtest.NoError(t, err)
	for _, c := range []struct {
		before time.Duration
		want   int
	}{{31 * 24 * time.Hour, 0}, {30*24*time.Hour - time.Second, 1}, {0, 1}} {
		got := Settings{}.Expiring(keyring, end.Add(-c.before))
		if len(got) != c.want {
			t.Errorf("%s before: %v", c.before, got)
		}
		if c.want == 1 && !strings.Contains(got[0].Error(), "old.crt: certificate ends on 2027-01-31") {
			t.Error(got[0])
		}
	}
}

// TestSettingsOnce checks that a missing file is reported once.
func TestSettingsOnce(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	_, err := Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{"FUNDPASS_PEPPER_FILE": filepath.Join(s.Dir, "gone")})))
	if n := len(Unjoin(err)); n != 1 {
		t.Errorf("%d problems: %v", n, err)
	}
}

// FuzzSettingValue checks that no value makes parsing panic, and that a refused value
// leaves the zero value.
func FuzzSettingValue(f *testing.F) {
	for _, seed := range []string{"5,60", "5", ",", "1e309,1", "10.0.0.0/8", "::1,127.0.0.1", "a,,b", "\x00", "-1,-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		var r Rate
		if err := r.UnmarshalText([]byte(value)); err != nil && r != (Rate{}) || err == nil && !(r.PerSecond > 0 && r.Burst > 0) {
			t.Errorf("rate %v, %v", r, err)
		}
		var n Networks
		if err := n.UnmarshalText([]byte(value)); err != nil && n != nil || err == nil && len(n) == 0 {
			t.Errorf("networks %v, %v", n, err)
		}
		var l FileList
		if err := l.UnmarshalText([]byte(value)); err != nil && l != nil || err == nil && len(l) == 0 {
			t.Errorf("list %q, %v", l, err)
		}
		for _, name := range []string{"FUNDPASS_ADDR", "FUNDPASS_DATABASE_URL", "FUNDPASS_GATEWAY_URL", "FUNDPASS_CENTER"} {
			Parse(cmdtest.GetenvOf(cmdtest.Values{name: value}))
		}
	})
}

// TestTransferNeedsATemplate checks that link transfers require a message template, and
// that they are on by default if one is set.
func TestTransferNeedsATemplate(t *testing.T) {
	t.Parallel()
	se := cmdtest.NewEnv(t)
	for _, tt := range []struct {
		transfer, template string
		want               LinkTransfer
		problem            bool
	}{
		{"", "", LinkTransfer{}, false},
		{"", "template", LinkTransfer{Offered: true, Window: 24 * time.Hour}, false},
		{"24h", "", LinkTransfer{}, true},
		{"0s", "", LinkTransfer{}, true},
		{"off", "", LinkTransfer{}, false},
		{"off", "template", LinkTransfer{}, false},
		{"48h", "template", LinkTransfer{Offered: true, Window: 48 * time.Hour}, false},
	} {
		env := cmdtest.Values{"FUNDPASS_LINK_TRANSFER": tt.transfer, "FUNDPASS_MESSAGE_TEMPLATE": tt.template}
		s, err := Read(cmdtest.GetenvOf(se.Env(env)))
		if (err != nil) != tt.problem || err == nil && s.LinkTransfer != tt.want {
			t.Errorf("%q with template %q: %v, %v", tt.transfer, tt.template, s.LinkTransfer, err)
		}
		if err != nil && !strings.Contains(err.Error(), "FUNDPASS_LINK_TRANSFER: is ") {
			t.Error(err)
		}
	}
}
