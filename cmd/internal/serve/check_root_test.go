package serve

import (
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
)

// TestLeafAsRootFile checks that a leaf certificate is refused as the root file, with the
// name of the right file.
func TestLeafAsRootFile(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	env := s.Env(s.Certify(time.Now().AddDate(1, 0, 0)))
	runCheck(t, env).want(verdictOK, "FUNDPASS_ALIPAY_ROOT_CERT_FILE", "root.crt")
	for _, name := range []string{"app.crt", "alipay.crt"} {
		s.Write("leaf.crt", string(s.Read(name)))
		env["FUNDPASS_ALIPAY_ROOT_CERT_FILE"] = s.Path("leaf.crt")
		runCheck(t, env).want(verdictFail, "FUNDPASS_ALIPAY_ROOT_CERT_FILE", "expected alipayRootCert.crt")
	}
}
