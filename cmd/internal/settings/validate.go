package settings

import (
	"cmp"
	"errors"
	"net"
	"net/url"
	"regexp"
	"slices"
	"time"

	"fundpass/miniapp-api/app"
	"fundpass/miniapp-api/selfservice"
	"fundpass/miniapp-api/website"
	"fundpass/signing"
	"fundpass/store"
)

// longestDrain keeps a stop shorter than the time after which service managers kill.
const longestDrain = time.Minute

var centerName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// Limits of alipay.open.app.mini.templatemessage.send, less the query that is appended to the page.
var (
	messagePage     = regexp.MustCompile(`^[!-.0-~][!-~]{0,79}$`)
	messageTemplate = regexp.MustCompile(`^[!-~]{1,64}$`)
)

// validate checks the values only; Load checks the files.
func (s Settings) validate() []Problem {
	all := append(s.validateAddresses(), s.validateCenter()...)
	all = append(all, s.validateAlipay()...)
	all = append(all, s.validatePasswords()...)
	all = append(all, s.validateSMS()...)
	return append(all, s.validateFiles()...)
}

func (s Settings) validatePasswords() []Problem {
	switch {
	case s.PlainPasswords != "yes" && s.PlainPasswords != "no":
		return []Problem{Problemf("FUNDPASS_PLAIN_PASSWORDS", "is neither yes nor no")}
	case s.PlainPasswords == "no" && len(s.TransportKeyFiles) == 0:
		return []Problem{Problemf("FUNDPASS_PLAIN_PASSWORDS", "is no, but FUNDPASS_TRANSPORT_KEY_FILES is not set: every password would be refused")}
	}
	return nil
}

// validateSMS checks that a gateway has a key and a key a gateway.
func (s Settings) validateSMS() []Problem {
	if (s.SMSGatewayFile == "") == (s.SMSKeyFile == "") {
		return nil
	}
	missing, given := "FUNDPASS_SMS_GATEWAY_FILE", "FUNDPASS_SMS_KEY_FILE"
	if s.SMSGatewayFile != "" {
		missing, given = given, missing
	}
	return []Problem{Problemf(missing, "is not set, but %s is: an SMS gateway needs both", given)}
}

// validateFiles refuses the same file for two settings.
func (s Settings) validateFiles() []Problem {
	var all []Problem
	first := make(map[string]string)
	for _, n := range s.named() {
		if other, again := first[n.path]; again && other != n.setting {
			all = append(all, Problemf(n.setting, "names the same file as %s", other))
		}
		first[n.path] = n.setting
	}
	return all
}

// validateAddresses checks the network settings and the bounds of numbers.
func (s Settings) validateAddresses() []Problem {
	var all []Problem
	if !IsAddress(s.Addr) {
		all = append(all, Problemf("FUNDPASS_ADDR", "is not host:port"))
	}
	switch {
	case s.OpsPublic != "" && s.OpsPublic != "yes":
		all = append(all, Problemf("FUNDPASS_OPS_PUBLIC", "is not yes; remove it or write yes"))
	case !IsAddress(s.OpsAddr):
		all = append(all, Problemf("FUNDPASS_OPS_ADDR", "is not host:port"))
	case !IsLoopback(s.OpsAddr) && s.OpsPublic == "":
		all = append(all, Problemf("FUNDPASS_OPS_ADDR", "is not a loopback address: metrics are for operators only; use 127.0.0.1, or set FUNDPASS_OPS_PUBLIC=yes if a firewall protects it"))
	}
	all = append(all, s.validateWebsite()...)
	all = append(all, s.validateMobile()...)
	for _, proxy := range s.TrustedProxies {
		if tooWide(proxy) {
			all = append(all, Problemf("FUNDPASS_TRUSTED_PROXIES", "trusts %s: every host in it could forge X-Forwarded-For and evade the rate limits; name the proxies themselves", proxy))
		}
	}
	if s.AuditYears < 1 || s.AuditYears > longestRecord {
		all = append(all, Problemf("FUNDPASS_AUDIT_YEARS", "is not between 1 and %d", longestRecord))
	}
	if s.LogRefusedMessage != "no" && s.LogRefusedMessage != "sealed" {
		all = append(all, Problemf("FUNDPASS_LOG_REFUSED_MESSAGE", "is neither no nor sealed"))
	}
	if s.DrainDelay < 0 || s.DrainDelay > longestDrain {
		all = append(all, Problemf("FUNDPASS_DRAIN_DELAY", "is not between 0s and %s", longestDrain))
	}
	return all
}

// validateWebsite returns the problems of the pages in a browser.
func (s Settings) validateWebsite() []Problem {
	switch {
	case s.WebsiteAddr == "" && s.WebsiteOrigin == "" && s.OIDCFile != "":
		return []Problem{Problemf("FUNDPASS_OIDC_FILE", "needs FUNDPASS_WEBSITE_ADDR and FUNDPASS_WEBSITE_ORIGIN: citizens sign in at the issuer on the website")}
	case s.WebsiteAddr == "" && s.WebsiteOrigin == "":
		return nil
	case s.WebsiteAddr == "":
		return []Problem{Problemf("FUNDPASS_WEBSITE_ADDR", "is not set, but FUNDPASS_WEBSITE_ORIGIN is: nothing would answer there")}
	case !IsAddress(s.WebsiteAddr):
		return []Problem{Problemf("FUNDPASS_WEBSITE_ADDR", "is not host:port")}
	case website.CheckOrigin(s.WebsiteOrigin) != nil:
		return []Problem{Problemf("FUNDPASS_WEBSITE_ORIGIN", "is not https://host or https://host:port, as browsers see the pages: elsewhere browsers would not keep a citizen signed in")}
	}
	return nil
}

// validateMobile returns the problems of the API for the centre's app.
func (s Settings) validateMobile() []Problem {
	u, _ := url.Parse(s.MobileURL)
	switch {
	case s.MobileAddr == "" && s.MobileURL == "":
		return nil
	case s.MobileAddr == "":
		return []Problem{Problemf("FUNDPASS_MOBILE_ADDR", "is not set, but FUNDPASS_MOBILE_URL is: nothing would answer there")}
	case !IsAddress(s.MobileAddr):
		return []Problem{Problemf("FUNDPASS_MOBILE_ADDR", "is not host:port")}
	case app.CheckURL(s.MobileURL) != nil:
		return []Problem{Problemf("FUNDPASS_MOBILE_URL", "is not https://host or https://host/prefix, as the app calls the API")}
	case u.Scheme == "http" && !IsLoopback(net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80"))):
		return []Problem{Problemf("FUNDPASS_MOBILE_URL", "is plain http: passwords would be readable on the way; write https")}
	}
	return nil
}

// tooWide reports whether a network is wider than one operator can own. 10.0.0.0/8 and
// the private fc00::/7 are the widest allowed; link-local addresses are not routed.
func tooWide(n *net.IPNet) bool {
	ones, bits := n.Mask.Size()
	if n.IP.To4() != nil {
		return ones-(bits-32) < 8 // also for IPv4-mapped IPv6
	}
	private := ones >= 7 && (n.IP.IsPrivate() || n.IP.IsLinkLocalUnicast())
	return ones < 20 && !private
}

func (s Settings) validateCenter() []Problem {
	var all []Problem
	switch {
	case s.Center == DemoCenter:
		all = append(all, Problemf("FUNDPASS_CENTER", "is %q, which fundpass demo uses; name the fund centre", DemoCenter))
	case !centerName.MatchString(s.Center):
		all = append(all, Problemf("FUNDPASS_CENTER", "is not 1 to 32 letters, digits, - or _"))
	}
	if s.DatabaseURL != "" {
		if err := store.CheckDSN(s.DatabaseURL); err != nil {
			all = append(all, Problem{"FUNDPASS_DATABASE_URL", err})
		}
	}
	return all
}

// validateAlipay checks the settings of the Alipay channel. A transfer needs a template,
// because its holder must be notified.
func (s Settings) validateAlipay() []Problem {
	all := s.validateThirdParty()
	if (s.AppCertFile == "") != (s.AlipayRootCertFile == "") {
		missing, given := "FUNDPASS_APP_CERT_FILE", "FUNDPASS_ALIPAY_ROOT_CERT_FILE"
		if s.AppCertFile != "" {
			missing, given = given, missing
		}
		all = append(all, Problemf(missing, "is not set, but %s is: certificate mode needs both, public-key mode neither", given))
	}
	if !messagePage.MatchString(s.MessagePage) {
		all = append(all, Problemf("FUNDPASS_MESSAGE_PAGE", "is not a page of the mini-program: 1 to 80 printable ASCII characters without a leading slash, e.g. pages/freeze/index"))
	}
	if s.MessageTemplate != "" && !messageTemplate.MatchString(s.MessageTemplate) {
		all = append(all, Problemf("FUNDPASS_MESSAGE_TEMPLATE", "is not a template id: 1 to 64 printable ASCII characters"))
	}
	if s.LinkTransfer.Offered && s.MessageTemplate == "" {
		all = append(all, Problemf("FUNDPASS_LINK_TRANSFER", "is %s, but FUNDPASS_MESSAGE_TEMPLATE is not set: the holder of a link could not be notified of a transfer; set the template, or off", s.LinkTransfer))
	}
	if err := signing.CheckGatewayURL(s.GatewayURL); err != nil {
		all = append(all, Problem{"FUNDPASS_GATEWAY_URL", err})
	}
	if err := s.checkSandboxRoot(); err != nil {
		all = append(all, Problem{"FUNDPASS_SANDBOX_ROOT_FILE", err})
	}
	all = append(all, s.ValidateProofs()...)
	resets := []selfservice.ResetProof{selfservice.ResetCertify, selfservice.ResetOff}
	if !slices.Contains(resets, selfservice.ResetProof(s.Reset)) {
		all = append(all, Problemf("FUNDPASS_RESET", "is neither certify nor off"))
	}
	return all
}

// ValidateProofs checks the proofs of a link and the mode of consent.
func (s Settings) ValidateProofs() []Problem {
	var all []Problem
	accepted, initial := selfservice.Proof(s.Proof), selfservice.Proof(s.InitialProof)
	if _, err := accepted.List(); err != nil {
		all = append(all, Problemf("FUNDPASS_PROOF", "is neither none nor a list of certdoc, face, phone and sms, each once"))
	} else if initial == "" && accepted.ForInitial() == "" {
		all = append(all, Problemf("FUNDPASS_PROOF", "is phone alone, and FUNDPASS_INITIAL_PROOF is not set: citizens with initial passwords could not link; set it to certdoc or face"))
	}
	if _, err := initial.List(); err != nil {
		all = append(all, Problemf("FUNDPASS_INITIAL_PROOF", "is neither none nor a list of certdoc, face, phone and sms, each once"))
	}
	for _, list := range [][2]string{{"FUNDPASS_PROOF", s.Proof}, {"FUNDPASS_INITIAL_PROOF", s.InitialProof}} {
		if Accepts(list[1], selfservice.ProofPhone) && s.ContentKeyFile == "" {
			all = append(all, Problemf(list[0], "accepts phone, but FUNDPASS_CONTENT_KEY_FILE is not set: phone numbers could not be read"))
		}
		if Accepts(list[1], selfservice.ProofSMS) && s.SMSGatewayFile == "" {
			all = append(all, Problemf(list[0], "accepts sms, but FUNDPASS_SMS_GATEWAY_FILE is not set: no code could be sent"))
		}
	}
	modes := []selfservice.ConsentMode{selfservice.ConsentRecorded, selfservice.ConsentRequired}
	if !slices.Contains(modes, selfservice.ConsentMode(s.Consent)) {
		all = append(all, Problemf("FUNDPASS_CONSENT", "is neither recorded nor required"))
	}
	return all
}

// Accepts reports whether a list of proofs contains p.
func Accepts(list string, p selfservice.Proof) bool {
	all, err := selfservice.Proof(list).List()
	return err == nil && slices.Contains(all, p)
}

// checkSandboxRoot allows the sandbox's root only for gateways without real citizens: the
// sandbox and this machine.
func (s Settings) checkSandboxRoot() error {
	host := hostOf(s.GatewayURL)
	switch {
	case s.SandboxRootFile == "":
		return nil
	case host == productionGateway:
		return errors.New("is set, but FUNDPASS_GATEWAY_URL is Alipay's production gateway: a certificate of the sandbox proves nothing there; remove the setting")
	case host != sandboxGateway && !IsLoopback(net.JoinHostPort(host, "443")):
		return errors.New("is set, but FUNDPASS_GATEWAY_URL is neither " + sandboxGateway + " nor on this machine; remove the setting")
	}
	return nil
}

// IsAddress reports whether net.Listen accepts addr, with a numeric host and a port.
func IsAddress(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return false
	}
	return host == "" || host == "localhost" || net.ParseIP(host) != nil
}

// IsLoopback reports whether addr is a loopback address.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// Hosts of Alipay's gateways.
const (
	productionGateway = "openapi.alipay.com"
	sandboxGateway    = "openapi-sandbox.dl.alipaydev.com"
)

// longestRecord is the maximum of FUNDPASS_AUDIT_YEARS.
const longestRecord = 30
