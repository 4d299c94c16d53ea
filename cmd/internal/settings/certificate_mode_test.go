package settings

import (
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
)

func TestCertificateMode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		end    time.Time
		change cmdtest.Values
		want   string // setting that is named; "" = accepted
	}{
		{"right", time.Now().AddDate(1, 0, 0), nil, ""},
		{"expired", time.Now().Add(-time.Minute), nil, "FUNDPASS_ALIPAY_KEY_FILES"},
		{"no root", time.Now().AddDate(1, 0, 0), cmdtest.Values{"FUNDPASS_ALIPAY_ROOT_CERT_FILE": ""}, "FUNDPASS_ALIPAY_ROOT_CERT_FILE"},
		{"no certificate of ours", time.Now().AddDate(1, 0, 0), cmdtest.Values{"FUNDPASS_APP_CERT_FILE": ""}, "FUNDPASS_APP_CERT_FILE"},
		{"another application", time.Now().AddDate(1, 0, 0), cmdtest.Values{"FUNDPASS_APP_ID": "2021000000000002"}, "FUNDPASS_APP_CERT_FILE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := cmdtest.NewBareEnv(t)
			_, err := Read(cmdtest.GetenvOf(s.Env(s.Certify(c.end), c.change)))
			if c.want == "" {
				cmdtest.NoError(t, err)
				return
			}
			if err == nil || !hasPrefixOf(err.Error(), []string{c.want}) || len(Unjoin(err)) != 1 {
				t.Errorf("got %v, want %s named alone", err, c.want)
			}
		})
	}
}
