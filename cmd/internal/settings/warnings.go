package settings

import (
	"errors"
	"net/url"
	"slices"
	"time"

	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// Warnings returns what an operator should know about settings that are allowed.
func (s Settings) Warnings(f Files, now time.Time) []Problem {
	return slices.Concat(s.Unsafe(), s.Expiring(f.Keyring, now), s.WeakPolicy(f.Policy))
}

// WeakPolicy returns the weaknesses of the city's own policy. It does not grade the
// built-in policy, which nobody chose; policy lint does.
func (s Settings) WeakPolicy(p *passwd.Policy) []Problem {
	if s.PolicyFile == "" || p == nil {
		return nil
	}
	var all []Problem
	for _, warning := range p.Warnings() {
		all = append(all, Problem{"FUNDPASS_POLICY_FILE", errors.New(warning)})
	}
	return all
}

// Unsafe returns the settings that are allowed but unsafe in most installations.
func (s Settings) Unsafe() []Problem {
	var all []Problem
	if !IsLoopback(s.Addr) {
		all = append(all, Problemf("FUNDPASS_ADDR", "is reachable from outside this machine and speaks plain http; put a proxy with TLS in front of it"))
	}
	if s.WebsiteAddr != "" && !IsLoopback(s.WebsiteAddr) {
		all = append(all, Problemf("FUNDPASS_WEBSITE_ADDR", "is reachable from outside this machine and speaks plain http; put a proxy with TLS in front of it"))
	}
	if s.MobileAddr != "" && !IsLoopback(s.MobileAddr) {
		all = append(all, Problemf("FUNDPASS_MOBILE_ADDR", "is reachable from outside this machine and speaks plain http; put a proxy with TLS in front of it"))
	}
	if len(s.TrustedProxies) == 0 && s.Center != DemoCenter {
		all = append(all, Problemf("FUNDPASS_TRUSTED_PROXIES", "is not set: all requests have the address of the proxy in front of this server, so the whole city shares one limit of requests and one count of spraying; set it to the proxy's address, 127.0.0.1 on this machine"))
	}
	switch mode := store.UnverifiedSSLMode(s.DatabaseURL); mode {
	case "":
	case "verify-ca":
		all = append(all, Problemf("FUNDPASS_DATABASE_URL", "has sslmode=verify-ca: any host with a certificate of that authority may pose as the database; write sslmode=verify-full"))
	default:
		all = append(all, Problemf("FUNDPASS_DATABASE_URL", "has sslmode=%s, which encrypts but does not authenticate the server: an attacker on the network can read and change everything; write sslmode=verify-full and sslrootcert", mode))
	}
	if s.OpsPublic == "yes" && !IsLoopback(s.OpsAddr) {
		all = append(all, Problemf("FUNDPASS_OPS_ADDR", "is reachable from outside this machine; protect it with a firewall"))
	}
	if s.Proof == "none" {
		all = append(all, Problemf("FUNDPASS_PROOF", "is none: anyone who knows an ID number can link with an initial password; sign the contract for alipay.user.certdoc.certverify and set certdoc"))
	}
	all = append(all, s.weakProofs()...)
	if s.PlainPasswords == "yes" && s.Environment == "production" {
		all = append(all, Problemf("FUNDPASS_PLAIN_PASSWORDS", "is yes: passwords are readable where TLS ends before this server; set FUNDPASS_TRANSPORT_KEY_FILES, and then no once every page encrypts"))
	}
	if s.SandboxRootFile != "" {
		all = append(all, Problemf("FUNDPASS_SANDBOX_ROOT_FILE", "is set: certificates under it are trusted as Alipay's by name and signature alone; use it for tests in the sandbox, never with citizens' data"))
	}
	if s.MessageTemplate == "" {
		all = append(all, Problemf("FUNDPASS_MESSAGE_TEMPLATE", "is not set: owners are not notified when their password is changed; notices are recorded and not sent"))
	}
	if s.LinkTransfer.Offered && s.LinkTransfer.Window == 0 {
		all = append(all, Problemf("FUNDPASS_LINK_TRANSFER", "is 0s: a link is transferred once the message to its holder is sent, so that they have no time to reject it; 24h gives them a day"))
	}
	return append(all, s.testGateway()...)
}

// testGateway returns a problem if a production server does not use Alipay's production gateway.
func (s Settings) testGateway() []Problem {
	host := hostOf(s.GatewayURL)
	switch {
	case s.Environment != "production" || host == productionGateway:
		return nil
	case host == sandboxGateway:
		return []Problem{Problemf("FUNDPASS_GATEWAY_URL", "is Alipay's sandbox, while FUNDPASS_ENVIRONMENT is production")}
	}
	return []Problem{Problemf("FUNDPASS_GATEWAY_URL", "is not Alipay's production gateway, while FUNDPASS_ENVIRONMENT is production")}
}

// weakProofs returns the weaknesses of the accepted proofs.
func (s Settings) weakProofs() []Problem {
	var all []Problem
	switch {
	case Accepts(s.InitialProof, selfservice.ProofPhone):
		all = append(all, Problemf("FUNDPASS_INITIAL_PROOF", "accepts phone: an initial password is not secret, so the new owner of a phone number that is still on file can link"))
	case s.InitialProof == "none" && s.Proof != "none":
		all = append(all, Problemf("FUNDPASS_INITIAL_PROOF", "is none: anyone who knows an ID number can link with an initial password"))
	}
	if s.Proof != "none" && !Accepts(s.Proof, selfservice.ProofCertdoc) {
		all = append(all, Problemf("FUNDPASS_PROOF", "lacks certdoc: owners without an earlier proof share one count of attempts with strangers, who can use it up"))
	}
	return all
}

func hostOf(gateway string) string {
	u, err := url.Parse(gateway)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
