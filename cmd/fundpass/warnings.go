package main

import (
	"net/url"
	"time"

	"fundpass/keys"
)

// warnBefore is how long before its end a certificate is complained about.
const warnBefore = 30 * 24 * time.Hour

// warnings are what an operator should know of settings that are allowed.
func (s settings) warnings(f files, now time.Time) []problem {
	var all []problem
	if !isLoopback(s.Addr) {
		all = append(all, problemf("FUNDPASS_ADDR", "is reachable from outside this machine and speaks plain http; a proxy with TLS must stand before it"))
	}
	if s.OpsPublic == "yes" && !isLoopback(s.OpsAddr) {
		all = append(all, problemf("FUNDPASS_OPS_ADDR", "is reachable from outside this machine; a firewall must guard it"))
	}
	if s.Proof == "none" {
		all = append(all, problemf("FUNDPASS_PROOF", "is none: whoever knows an ID number opens a link with the initial password; contract alipay.user.certdoc.certverify and set certdoc"))
	}
	if host := hostOf(s.GatewayURL); s.Environment == "production" && host != productionGateway {
		what := "not Alipay's production gateway"
		if host == sandboxGateway {
			what = "Alipay's sandbox"
		}
		all = append(all, problemf("FUNDPASS_GATEWAY_URL", "is %s, while FUNDPASS_ENVIRONMENT is production", what))
	}
	return append(all, s.expiring(f.ring, now)...)
}

func hostOf(gateway string) string {
	u, err := url.Parse(gateway)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// expiring names the certificates that end soon.
func (s settings) expiring(ring *keys.Ring, now time.Time) []problem {
	if ring == nil {
		return nil
	}
	var all []problem
	note := func(setting, path string, end time.Time) {
		if !end.IsZero() && end.Sub(now) < warnBefore {
			all = append(all, problemf(setting, "%s: certificate ends on %s; download the new one from Alipay's console and send the server SIGHUP", path, end.UTC().Format(time.DateOnly)))
		}
	}
	note("FUNDPASS_APP_CERT_FILE", s.AppCertFile, ring.AppCertNotAfter())
	for _, key := range ring.AlipayKeys() {
		note("FUNDPASS_ALIPAY_KEY_FILES", key.Source, key.NotAfter)
	}
	return all
}
