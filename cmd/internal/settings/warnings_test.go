package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/cmdtest"
)

func TestWarnings(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	base, err := Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{"FUNDPASS_MESSAGE_TEMPLATE": "template"})))
	cmdtest.NoError(t, err)
	now := time.Now()
	for _, c := range []struct {
		name   string
		change func(*Settings)
		want   []string // settings warned of
	}{
		{"none", func(*Settings) {}, nil},
		{"container", func(s *Settings) { s.Addr = "0.0.0.0:8080" }, []string{"FUNDPASS_ADDR"}},
		{"every address", func(s *Settings) { s.Addr = ":8080" }, []string{"FUNDPASS_ADDR"}},
		{"public ops", func(s *Settings) { s.OpsAddr, s.OpsPublic = ":9090", "yes" }, []string{"FUNDPASS_OPS_ADDR"}},
		{"no notices", func(s *Settings) { s.MessageTemplate = "" }, []string{"FUNDPASS_MESSAGE_TEMPLATE"}},
		{"transferred before the holder could reject it", func(s *Settings) { s.LinkTransfer = LinkTransfer{Offered: true} }, []string{"FUNDPASS_LINK_TRANSFER"}},
		{"proofs", func(s *Settings) { s.Proof, s.InitialProof = "certdoc,face,phone", "face" }, nil},
		{"no proof for initial passwords", func(s *Settings) { s.InitialProof = "none" }, []string{"FUNDPASS_INITIAL_PROOF"}},
		{"phone for initial passwords", func(s *Settings) { s.Proof, s.InitialProof = "certdoc,phone", "certdoc,phone" }, []string{"FUNDPASS_INITIAL_PROOF"}},
		{"strangers share the count", func(s *Settings) { s.Proof = "face" }, []string{"FUNDPASS_PROOF"}},
		{"no proof", func(s *Settings) { s.Proof = "none" }, []string{"FUNDPASS_PROOF"}},
		{"simulator in production", func(s *Settings) { s.Environment, s.PlainPasswords = "production", "no" }, []string{"FUNDPASS_GATEWAY_URL"}},
		{"sandbox in production", func(s *Settings) {
			s.Environment, s.GatewayURL, s.PlainPasswords = "production", "https://openapi-sandbox.dl.alipaydev.com/gateway.do", "no"
		}, []string{"FUNDPASS_GATEWAY_URL"}},
		{"production", func(s *Settings) {
			s.Environment, s.GatewayURL, s.PlainPasswords = "production", "https://openapi.alipay.com/gateway.do", "no"
		}, nil},
		{"readable passwords in production", func(s *Settings) {
			s.Environment, s.GatewayURL = "production", "https://openapi.alipay.com/gateway.do"
		}, []string{"FUNDPASS_PLAIN_PASSWORDS"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			changed := base
			c.change(&changed)
			f, problems := changed.Load()
			if len(problems) > 0 {
				t.Fatal(Join(problems))
			}
			var got []string
			for _, p := range changed.Warnings(f, now) {
				got = append(got, p.Setting)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestDatabaseNotProven checks the warnings about connections that are encrypted but not
// authenticated.
func TestDatabaseNotProven(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	for dsn, want := range map[string]string{
		"postgres://u@db1/f?sslmode=require":                                           "sslmode=verify-full",
		"postgres://u@db1/f?sslmode=verify-ca":                                         "sslmode=verify-full",
		"postgres://u@127.0.0.1,db2/f?sslmode=require&target_session_attrs=read-write": "sslmode=verify-full",
		"postgres://u@db1/f?sslmode=verify-full":                                       "",
		"postgres://u@127.0.0.1/f?sslmode=require":                                     "",
		"host=/run/postgresql dbname=f user=u sslmode=disable":                         "",
		"postgres://u:canary@[2001:db8::1]:5432/f?sslmode=require":                     "sslmode=verify-full",
	} {
		s.DSN = dsn
		parsed, err := Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{"FUNDPASS_TRUSTED_PROXIES": "127.0.0.1", "FUNDPASS_MESSAGE_TEMPLATE": "x"})))
		cmdtest.NoError(t, err)
		var got string
		for _, p := range parsed.Unsafe() {
			if p.Setting == "FUNDPASS_DATABASE_URL" {
				got += p.Error()
			}
		}
		if (got == "") != (want == "") || !strings.Contains(got, want) || strings.Contains(got, "canary") {
			t.Errorf("%s: %q, want %q", dsn, got, want)
		}
	}
}
