package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/settings"
)

const sandboxRootSetting = "FUNDPASS_SANDBOX_ROOT_FILE"

// certifySandbox is certify with Alipay's certificate issued as in the sandbox: under a
// root of its own, by an intermediate that does not say it is an authority.
func (s *serverEnv) certifySandbox() values {
	s.t.Helper()
	change := s.certify(inDays(300))
	rootKey, err := rsa.GenerateKey(rand.Reader, 2048)
	noError(s.t, err)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(11), Subject: pkix.Name{CommonName: "invented sandbox root"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: inDays(3000),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	middle := leafOf("invented sandbox class 2", 12, inDays(3000))
	s.write("sandbox-root.crt", s.issue(certRequest{root, root, &rootKey.PublicKey, rootKey}))
	middlePEM := s.issue(certRequest{middle, root, &rootKey.PublicKey, rootKey})
	s.write("alipay.crt", s.issue(certRequest{
		leafOf("支付宝(中国)网络技术有限公司-"+sitePartner, 13, inDays(300)), middle, &testKeys().alipay[0].PublicKey, rootKey,
	})+middlePEM)
	change[sandboxRootSetting] = s.path("sandbox-root.crt")
	return change
}

// The pinned root is for the sandbox's gateway and for this machine, nowhere else.
func TestSandboxRoot(t *testing.T) {
	t.Parallel()
	s := newBareServerEnv(t)
	change := s.certifySandbox()
	for _, c := range []struct{ name, gateway, want string }{
		{"sandbox", "https://openapi-sandbox.dl.alipaydev.com/gateway.do", ""},
		{"simulator", "http://127.0.0.1:9/gateway.do", ""},
		{"production", "https://openapi.alipay.com/gateway.do", "production gateway"},
		{"production in capitals", "https://OPENAPI.ALIPAY.COM/gateway.do", "neither"},
		{"production with a port", "https://openapi.alipay.com:443/gateway.do", "production gateway"},
		{"production by default", "", "production gateway"},
		{"a name with the sandbox's in it", "https://openapi-sandbox.dl.alipaydev.com.example.com/gateway.do", "neither"},
		{"elsewhere", "https://10.0.0.1/gateway.do", "neither"},
	} {
		_, err := settings.Read(getenvOf(s.env(change, values{"FUNDPASS_GATEWAY_URL": c.gateway})))
		if c.want == "" {
			noError(t, err)
			continue
		}
		if err == nil || len(settings.Unjoin(err)) != 1 || !strings.HasPrefix(err.Error(), sandboxRootSetting+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s named alone, saying %q", c.name, err, sandboxRootSetting, c.want)
		}
		if _, _, err := settings.ReadKeyring(getenvOf(s.env(change, values{"FUNDPASS_GATEWAY_URL": c.gateway}))); err == nil {
			t.Errorf("%s: the operator's commands take it", c.name)
		}
	}
	_, err := settings.Read(getenvOf(s.env(change, values{sandboxRootSetting: ""})))
	if err == nil || !strings.HasPrefix(err.Error(), "FUNDPASS_ALIPAY_KEY_FILES: ") {
		t.Errorf("without the pinned root: %v", err)
	}
	_, err = settings.Read(getenvOf(s.env(values{sandboxRootSetting: s.path("sandbox-root.crt")})))
	if err == nil || !strings.HasPrefix(err.Error(), sandboxRootSetting+": ") {
		t.Errorf("in public-key mode: %v", err)
	}
	runCheck(t, s.env(change)).want(verdictWarn, sandboxRootSetting, "by name and signature alone")
}

// A server that runs on the exception says so at the start, at every reload and to the
// metrics.
func TestSandboxServer(t *testing.T) {
	t.Parallel()
	s := newServerEnv(t)
	p := startServer(t, s.env(s.certifySandbox()))
	p.awaitLog("trusted under the sandbox's root only", 1)
	p.awaitLog("setting is allowed but unsafe", 1)
	if _, body := fetch(t, "GET", p.Ops+"/metrics", ""); !strings.Contains(body, "\nfundpass_sandbox_keys 1\n") {
		t.Error("the metrics do not say so")
	}
	p.hangUp()
	p.awaitLog("trusted under the sandbox's root only", 2)
	s.certify(inDays(100))
	p.hangUp()
	p.awaitLog("keys reloaded", 2)
	if _, body := fetch(t, "GET", p.Ops+"/metrics", ""); !strings.Contains(body, "\nfundpass_sandbox_keys 0\n") {
		t.Error("a real certificate counts as the sandbox's")
	}
	noError(t, p.Stop())
}
