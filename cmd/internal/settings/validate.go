package settings

import (
	"errors"
	"net"
	"regexp"
	"slices"
	"time"

	"fundpass/miniapp-api/selfservice"
	"fundpass/signing"
	"fundpass/store"
)

// longestDrain keeps a stop within what service managers allow before they kill.
const longestDrain = time.Minute

var centerName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// Limits of alipay.open.app.mini.templatemessage.send, less what is added to the page.
var (
	messagePage     = regexp.MustCompile(`^[!-.0-~][!-~]{0,79}$`)
	messageTemplate = regexp.MustCompile(`^[!-~]{1,64}$`)
)

// validate looks at the values alone; load looks at the files.
func (s Settings) validate() []Problem {
	all := append(s.validateAddresses(), s.validateCenter()...)
	all = append(all, s.validateAlipay()...)
	all = append(all, s.validatePasswords()...)
	return append(all, s.validateFiles()...)
}

func (s Settings) validatePasswords() []Problem {
	switch {
	case s.PlainPasswords != "yes" && s.PlainPasswords != "no":
		return []Problem{Problemf("FUNDPASS_PLAIN_PASSWORDS", "is neither yes nor no")}
	case s.PlainPasswords == "no" && len(s.TransportKeyFiles) == 0:
		return []Problem{Problemf("FUNDPASS_PLAIN_PASSWORDS", "is no, but FUNDPASS_TRANSPORT_KEY_FILES is not set: no password could reach the server")}
	}
	return nil
}

// validateFiles refuses one file for two purposes.
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

func (s Settings) validateAddresses() []Problem {
	var all []Problem
	if !IsAddress(s.Addr) {
		all = append(all, Problemf("FUNDPASS_ADDR", "is not host:port"))
	}
	switch {
	case s.OpsPublic != "" && s.OpsPublic != "yes":
		all = append(all, Problemf("FUNDPASS_OPS_PUBLIC", "is not yes; leave it out or write yes"))
	case !IsAddress(s.OpsAddr):
		all = append(all, Problemf("FUNDPASS_OPS_ADDR", "is not host:port"))
	case !IsLoopback(s.OpsAddr) && s.OpsPublic == "":
		all = append(all, Problemf("FUNDPASS_OPS_ADDR", "is not a loopback address: metrics are for operators only; use 127.0.0.1, or set FUNDPASS_OPS_PUBLIC=yes when a firewall guards it"))
	}
	for _, proxy := range s.TrustedProxies {
		if tooWide(proxy) {
			all = append(all, Problemf("FUNDPASS_TRUSTED_PROXIES", "trusts %s: everybody in it could claim any address in X-Forwarded-For and so pass every limit; name the proxies themselves", proxy))
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

// tooWide reports whether a network is wider than any that one operator has: 10.0.0.0/8
// and the private fc00::/7 are the widest, and nobody routes what is link-local.
func tooWide(n *net.IPNet) bool {
	ones, bits := n.Mask.Size()
	if n.IP.To4() != nil {
		return ones-(bits-32) < 8 // written as IPv4-mapped IPv6, it still means IPv4
	}
	private := ones >= 7 && (n.IP.IsPrivate() || n.IP.IsLinkLocalUnicast())
	return ones < 20 && !private
}

func (s Settings) validateCenter() []Problem {
	var all []Problem
	switch {
	case s.Center == DemoCenter:
		all = append(all, Problemf("FUNDPASS_CENTER", "is %q, which belongs to fundpass demo; name the fund centre", DemoCenter))
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

func (s Settings) validateAlipay() []Problem {
	var all []Problem
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

// ValidateProofs looks at what proves a link, and at what stands for consent.
func (s Settings) ValidateProofs() []Problem {
	var all []Problem
	accepted, initial := selfservice.Proof(s.Proof), selfservice.Proof(s.InitialProof)
	if _, err := accepted.List(); err != nil {
		all = append(all, Problemf("FUNDPASS_PROOF", "is neither none nor a list of certdoc, face and phone, each once"))
	} else if initial == "" && accepted.ForInitial() == "" {
		all = append(all, Problemf("FUNDPASS_PROOF", "is phone alone, and FUNDPASS_INITIAL_PROOF is not set: nobody with an initial password could link; name certdoc or face there"))
	}
	if _, err := initial.List(); err != nil {
		all = append(all, Problemf("FUNDPASS_INITIAL_PROOF", "is neither none nor a list of certdoc, face and phone, each once"))
	}
	for _, list := range [][2]string{{"FUNDPASS_PROOF", s.Proof}, {"FUNDPASS_INITIAL_PROOF", s.InitialProof}} {
		if Accepts(list[1], selfservice.ProofPhone) && s.ContentKeyFile == "" {
			all = append(all, Problemf(list[0], "accepts phone, but FUNDPASS_CONTENT_KEY_FILE is not set: phone numbers could not be read"))
		}
	}
	modes := []selfservice.ConsentMode{selfservice.ConsentRecorded, selfservice.ConsentRequired}
	if !slices.Contains(modes, selfservice.ConsentMode(s.Consent)) {
		all = append(all, Problemf("FUNDPASS_CONSENT", "is neither recorded nor required"))
	}
	return all
}

// Accepts reports whether a list of proofs has p in it.
func Accepts(list string, p selfservice.Proof) bool {
	all, err := selfservice.Proof(list).List()
	return err == nil && slices.Contains(all, p)
}

// checkSandboxRoot keeps the sandbox's exception where no citizen is.
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

// IsAddress takes what net.Listen takes, with a port in digits.
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

// IsLoopback reports whether only this machine reaches addr.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// Gateways of Alipay, by host.
const (
	productionGateway = "openapi.alipay.com"
	sandboxGateway    = "openapi-sandbox.dl.alipaydev.com"
)

// longestRecord bounds FUNDPASS_AUDIT_YEARS.
const longestRecord = 30
