package settings

import (
	"net/url"
	"slices"
	"time"

	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// Warnings are what an operator should know of settings that are allowed.
func (s Settings) Warnings(f Files, now time.Time) []Problem {
	return slices.Concat(s.Unsafe(), s.Expiring(f.Keyring, now), s.WeakPolicy(f.Policy))
}

// WeakPolicy says where the city's own policy falls short. The built-in one is
// nobody's choice and is left to policy lint.
func (s Settings) WeakPolicy(p *passwd.Policy) []Problem {
	if s.PolicyFile == "" || p == nil {
		return nil
	}
	var all []Problem
	for _, warning := range p.Warnings() {
		all = append(all, Problemf("FUNDPASS_POLICY_FILE", "%s", warning))
	}
	return all
}

// Unsafe names what is allowed and fit for a few places only.
func (s Settings) Unsafe() []Problem {
	var all []Problem
	if !IsLoopback(s.Addr) {
		all = append(all, Problemf("FUNDPASS_ADDR", "is reachable from outside this machine and speaks plain http; a proxy with TLS must stand before it"))
	}
	if len(s.TrustedProxies) == 0 && s.Center != DemoCenter {
		all = append(all, Problemf("FUNDPASS_TRUSTED_PROXIES", "is not set: every citizen has the address of the proxy that stands before this server, so the whole city shares one limit of requests and one count of spraying; name the proxy, 127.0.0.1 on this machine"))
	}
	switch mode := store.UnverifiedSSLMode(s.DatabaseURL); mode {
	case "":
	case "verify-ca":
		all = append(all, Problemf("FUNDPASS_DATABASE_URL", "has sslmode=verify-ca: any host with a certificate of that authority may pose as the database; write sslmode=verify-full"))
	default:
		all = append(all, Problemf("FUNDPASS_DATABASE_URL", "has sslmode=%s, which encrypts but does not check who answers: whoever sits on the way reads and changes everything; write sslmode=verify-full and sslrootcert", mode))
	}
	if s.OpsPublic == "yes" && !IsLoopback(s.OpsAddr) {
		all = append(all, Problemf("FUNDPASS_OPS_ADDR", "is reachable from outside this machine; a firewall must guard it"))
	}
	if s.Proof == "none" {
		all = append(all, Problemf("FUNDPASS_PROOF", "is none: whoever knows an ID number opens a link with the initial password; contract alipay.user.certdoc.certverify and set certdoc"))
	}
	all = append(all, s.weakProofs()...)
	if s.PlainPasswords == "yes" && s.Environment == "production" {
		all = append(all, Problemf("FUNDPASS_PLAIN_PASSWORDS", "is yes: passwords are readable wherever TLS ends before this server; set FUNDPASS_TRANSPORT_KEY_FILES, and no once every page encrypts"))
	}
	if s.SandboxRootFile != "" {
		all = append(all, Problemf("FUNDPASS_SANDBOX_ROOT_FILE", "is set: certificates under it are trusted as Alipay's by name and signature alone; for tests in the sandbox, never with citizens' data"))
	}
	if s.MessageTemplate == "" {
		all = append(all, Problemf("FUNDPASS_MESSAGE_TEMPLATE", "is not set: owners are not told when their password is changed; notices are recorded and not sent"))
	}
	if s.LinkTransfer.Offered && s.LinkTransfer.Window == 0 {
		all = append(all, Problemf("FUNDPASS_LINK_TRANSFER", "is 0s: a link is transferred as soon as the message to its holder is sent, who has no time to reject it; 24h gives them a day"))
	}
	if host := hostOf(s.GatewayURL); s.Environment == "production" && host != productionGateway {
		what := "not Alipay's production gateway"
		if host == sandboxGateway {
			what = "Alipay's sandbox"
		}
		all = append(all, Problemf("FUNDPASS_GATEWAY_URL", "is %s, while FUNDPASS_ENVIRONMENT is production", what))
	}
	return all
}

// weakProofs says where proofs are fit for some passwords only.
func (s Settings) weakProofs() []Problem {
	var all []Problem
	switch {
	case Accepts(s.InitialProof, selfservice.ProofPhone):
		all = append(all, Problemf("FUNDPASS_INITIAL_PROOF", "accepts phone: an initial password is no secret, so whoever holds an old number that is still on file opens the link"))
	case s.InitialProof == "none" && s.Proof != "none":
		all = append(all, Problemf("FUNDPASS_INITIAL_PROOF", "is none: whoever knows an ID number opens a link with the initial password"))
	}
	if s.Proof != "none" && !Accepts(s.Proof, selfservice.ProofCertdoc) {
		all = append(all, Problemf("FUNDPASS_PROOF", "lacks certdoc: who is not proven before the password shares one count of attempts with strangers, who can use it up"))
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
