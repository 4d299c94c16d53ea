package alipaysim_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"fundpass/keys"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// TestAccepted checks which bodies acknowledge a notification, and that it may be posted again.
func TestAccepted(t *testing.T) {
	t.Parallel()
	keyring, err := keys.NewAlipayKeyring(appID, appKey(), []keys.AlipayKey{{Public: &alipayKey().PublicKey}})
	if err != nil {
		t.Fatal(err)
	}
	answer := func(body []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	spi := answer(signing.SignSPIAnswer(keyring, []byte(`{"code":"10000"}`)))
	yes := answer(signing.SignGatewayCheckAnswer(keyring, true, "UTF-8"))
	no := answer(signing.SignGatewayCheckAnswer(keyring, false, "UTF-8"))
	type reply struct {
		status int
		body   string
	}
	replies := make(chan reply, 1)
	var bodies []string
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		bodies = append(bodies, r.URL.Path+" "+string(got))
		reply := <-replies
		w.WriteHeader(reply.status)
		io.WriteString(w, reply.body)
	}))
	defer target.Close()
	s := newFixture(t, alipaysim.Config{Target: target.URL})
	notification := s.write(alipaysim.Notice{Kind: "spi.alipay.demo"})
	for _, c := range []struct {
		name string
		reply
		want bool
	}{
		{"success", reply{200, "success"}, true},
		{"success with a line end", reply{200, "success\n"}, false},
		{"success of 500", reply{500, "success"}, false},
		{"fail", reply{200, "fail"}, false},
		{"nothing", reply{200, ""}, false},
		{"SPI", reply{200, spi}, true},
		{"SPI altered", reply{200, spi[:13] + " " + spi[13:]}, false},
		{"SPI unsigned", reply{200, `{"response":{"code":"10000"}}`}, false},
		{"half", reply{200, spi[:20]}, false},
		{"check", reply{200, yes}, true},
		{"check refused", reply{200, no}, false},
		{"check unsigned", reply{200, "<alipay><response><success>true</success></response></alipay>"}, false},
	} {
		replies <- c.reply
		got, err := s.sim.Post(t.Context(), notification)
		if err != nil || got.Accepted != c.want || got.Status != c.status || got.Body != c.body {
			t.Errorf("%s: %+v %v", c.name, got, err)
		}
	}
	for _, body := range bodies {
		if body != "/alipay/spi "+string(notification.Body) {
			t.Errorf("posted %q", body)
		}
	}
}

// In certificate mode an answer must have the serial number of the application's certificate.
func TestAcceptedCertificate(t *testing.T) {
	t.Parallel()
	keyring, err := keys.NewAlipayKeyring(appID, appKey(), []keys.AlipayKey{{Public: &alipayKey().PublicKey}})
	if err != nil {
		t.Fatal(err)
	}
	body, err := signing.SignSPIAnswer(keyring, []byte(`{"code":"10000"}`)) // of an application in public-key mode
	if err != nil {
		t.Fatal(err)
	}
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }))
	defer target.Close()
	s := newFixture(t, alipaysim.Config{Target: target.URL, Certificates: &alipaysim.Certificates{App: "aa"}})
	if got, err := s.sim.Notify(t.Context(), "", "spi.alipay.demo"); err != nil || got.Accepted {
		t.Errorf("%+v %v", got, err)
	}
}

// Errors list the valid values.
func TestNoticeMistakesOverHTTP(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{Target: "http://127.0.0.1:9"})
	for body, want := range map[string]string{
		`{"person":"ok","kind":"x"}`:                        "kinds",
		`{"person":"ok","kind":"alipay.x","fault":"fire"}`:  "faults",
		`{"person":"ok","kind":"alipay.x","key":"old"}`:     "error",
		`{"person":"ok","kind":"alipay.x","colour":"blue"}`: "error",
	} {
		var problem map[string]any
		if status := s.operate("POST", "/sim/notice", body, &problem); status != http.StatusBadRequest || problem[want] == nil {
			t.Errorf("%s: %d %v", body, status, problem)
		}
	}
	if status := s.operate("POST", "/sim/notice", `{"kind":"trade_status_sync"}`, nil); status != http.StatusBadGateway {
		t.Errorf("%d", status)
	}
}
