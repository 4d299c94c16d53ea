package serve

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
)

const sandboxRootSetting = "FUNDPASS_SANDBOX_ROOT_FILE"

// certifySandbox is Certify with Alipay's certificate issued as in the sandbox: under a
// root of its own, by an intermediate without the CA extension.
func certifySandbox(s *cmdtest.ServerEnv) cmdtest.Values {
	s.T.Helper()
	change := s.Certify(cmdtest.InDays(300))
	rootKey, err := rsa.GenerateKey(rand.Reader, 2048)
	cmdtest.NoError(s.T, err)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(11), Subject: pkix.Name{CommonName: "invented sandbox root"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: cmdtest.InDays(3000),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	middle := cmdtest.LeafOf("invented sandbox class 2", 12, cmdtest.InDays(3000))
	s.Write("sandbox-root.crt", s.Issue(cmdtest.CertRequest{Template: root, Parent: root, Public: &rootKey.PublicKey, Signer: rootKey}))
	middlePEM := s.Issue(cmdtest.CertRequest{Template: middle, Parent: root, Public: &rootKey.PublicKey, Signer: rootKey})
	s.Write("alipay.crt", s.Issue(cmdtest.CertRequest{
		Template: cmdtest.LeafOf("支付宝(中国)网络技术有限公司-"+cmdtest.TestPartner, 13, cmdtest.InDays(300)), Parent: middle, Public: &cmdtest.TestKeys().Alipay[0].PublicKey, Signer: rootKey,
	})+middlePEM)
	change[sandboxRootSetting] = s.Path("sandbox-root.crt")
	return change
}

// TestSandboxRoot checks that the pinned root is accepted only with the sandbox's gateway
// or one on this machine.
func TestSandboxRoot(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	change := certifySandbox(s)
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
		_, err := settings.Read(cmdtest.GetenvOf(s.Env(change, cmdtest.Values{"FUNDPASS_GATEWAY_URL": c.gateway})))
		if c.want == "" {
			cmdtest.NoError(t, err)
			continue
		}
		if err == nil || len(settings.Unjoin(err)) != 1 || !strings.HasPrefix(err.Error(), sandboxRootSetting+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s named alone, saying %q", c.name, err, sandboxRootSetting, c.want)
		}
		if _, _, err := settings.ReadKeyring(cmdtest.GetenvOf(s.Env(change, cmdtest.Values{"FUNDPASS_GATEWAY_URL": c.gateway}))); err == nil {
			t.Errorf("%s: the operators' commands accept it", c.name)
		}
	}
	_, err := settings.Read(cmdtest.GetenvOf(s.Env(change, cmdtest.Values{sandboxRootSetting: ""})))
	if err == nil || !strings.HasPrefix(err.Error(), "FUNDPASS_ALIPAY_KEY_FILES: ") {
		t.Errorf("without the pinned root: %v", err)
	}
	_, err = settings.Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{sandboxRootSetting: s.Path("sandbox-root.crt")})))
	if err == nil || !strings.HasPrefix(err.Error(), sandboxRootSetting+": ") {
		t.Errorf("in public-key mode: %v", err)
	}
	runCheck(t, s.Env(change)).want(verdictWarn, sandboxRootSetting, "by name and signature alone")
}

// TestSandboxServer checks that a server that trusts the sandbox's root logs so at the
// start and at every reload, and reports it in the metrics.
func TestSandboxServer(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	p := cmdtest.StartServer(t, s.Env(certifySandbox(s)))
	p.AwaitLog("trusted under the sandbox's root only", 1)
	p.AwaitLog("setting is allowed but unsafe", 1)
	if _, body := cmdtest.Fetch(t, "GET", p.Ops+"/metrics", ""); !strings.Contains(body, "\nfundpass_sandbox_keys 1\n") {
		t.Error("the metric is not 1")
	}
	p.HangUp()
	p.AwaitLog("trusted under the sandbox's root only", 2)
	s.Certify(cmdtest.InDays(100))
	p.HangUp()
	p.AwaitLog("keys reloaded", 2)
	if _, body := cmdtest.Fetch(t, "GET", p.Ops+"/metrics", ""); !strings.Contains(body, "\nfundpass_sandbox_keys 0\n") {
		t.Error("the metric is not 0 with a real certificate")
	}
	cmdtest.NoError(t, p.Stop())
}
