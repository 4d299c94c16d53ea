package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
)

func TestWarnings(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	base, err := settings.Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{"FUNDPASS_MESSAGE_TEMPLATE": "template"})))
	cmdtest.NoError(t, err)
	now := time.Now()
	for _, c := range []struct {
		name   string
		change func(*settings.Settings)
		want   []string // settings warned of
	}{
		{"none", func(*settings.Settings) {}, nil},
		{"container", func(s *settings.Settings) { s.Addr = "0.0.0.0:8080" }, []string{"FUNDPASS_ADDR"}},
		{"every address", func(s *settings.Settings) { s.Addr = ":8080" }, []string{"FUNDPASS_ADDR"}},
		{"public ops", func(s *settings.Settings) { s.OpsAddr, s.OpsPublic = ":9090", "yes" }, []string{"FUNDPASS_OPS_ADDR"}},
		{"nobody is told", func(s *settings.Settings) { s.MessageTemplate = "" }, []string{"FUNDPASS_MESSAGE_TEMPLATE"}},
		{"transferred before the holder could reject it", func(s *settings.Settings) { s.LinkTransfer = settings.LinkTransfer{Offered: true} }, []string{"FUNDPASS_LINK_TRANSFER"}},
		{"proofs", func(s *settings.Settings) { s.Proof, s.InitialProof = "certdoc,face,phone", "face" }, nil},
		{"no proof for initial passwords", func(s *settings.Settings) { s.InitialProof = "none" }, []string{"FUNDPASS_INITIAL_PROOF"}},
		{"phone for initial passwords", func(s *settings.Settings) { s.Proof, s.InitialProof = "certdoc,phone", "certdoc,phone" }, []string{"FUNDPASS_INITIAL_PROOF"}},
		{"strangers share the count", func(s *settings.Settings) { s.Proof = "face" }, []string{"FUNDPASS_PROOF"}},
		{"no proof", func(s *settings.Settings) { s.Proof = "none" }, []string{"FUNDPASS_PROOF"}},
		{"simulator in production", func(s *settings.Settings) { s.Environment, s.PlainPasswords = "production", "no" }, []string{"FUNDPASS_GATEWAY_URL"}},
		{"sandbox in production", func(s *settings.Settings) {
			s.Environment, s.GatewayURL, s.PlainPasswords = "production", "https://openapi-sandbox.dl.alipaydev.com/gateway.do", "no"
		}, []string{"FUNDPASS_GATEWAY_URL"}},
		{"production", func(s *settings.Settings) {
			s.Environment, s.GatewayURL, s.PlainPasswords = "production", "https://openapi.alipay.com/gateway.do", "no"
		}, nil},
		{"readable passwords in production", func(s *settings.Settings) {
			s.Environment, s.GatewayURL = "production", "https://openapi.alipay.com/gateway.do"
		}, []string{"FUNDPASS_PLAIN_PASSWORDS"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			changed := base
			c.change(&changed)
			f, problems := changed.Load()
			if len(problems) > 0 {
				t.Fatal(settings.Join(problems))
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
