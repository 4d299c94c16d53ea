package alipaysim_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/signing/alipaysim"
)

const cancelled = "alipay.open.auth.userauth.cancelled"

// deloauth asks for a page and returns the citizens on it with their times.
func (s fixture) deloauth(date string, offset, limit int) ([]string, answer) {
	s.t.Helper()
	a := s.call("alipay.user.deloauth.detail.query", map[string]string{
		"biz_content": fmt.Sprintf(`{"date":"%s","offset":%d,"limit":%d}`, date, offset, limit)})
	var all []string
	details, _ := a.content["details"].([]any)
	for _, d := range details {
		one, _ := d.(map[string]any)
		all = append(all, fmt.Sprint(one["open_id"], " ", one["user_id"], " ", one["del_auth_time"]))
	}
	return all, a
}

func (s fixture) lose(person string) error {
	_, err := s.sim.Send(s.t.Context(), alipaysim.Notice{Person: person, Kind: cancelled, Fault: alipaysim.LoseNotice})
	return err
}

// Days are those of Beijing, pages begin with 1, and the list is signed.
func TestDeloauthQuery(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{}) // 20:30 in London
	s.sim.Add(alipaysim.Person{Person: "ok", OpenID: "o-1"})
	for _, person := range []string{"ok", "old", "ok"} {
		if err := s.lose(person); err != nil {
			t.Fatal(err)
		}
		s.now.add(time.Second)
	}
	s.now.add(24 * time.Hour)
	if err := s.lose("old"); err != nil {
		t.Fatal(err)
	}
	first, second, third := "o-1 <nil> 2026-03-02 04:30:00", "<nil> 2088000000000001 2026-03-02 04:30:01", "o-1 <nil> 2026-03-02 04:30:02"
	for _, c := range []struct {
		date          string
		offset, limit int
		want          []string
	}{
		{"20260302", 1, 50, []string{first, second, third}},
		{"20260302", 1, 2, []string{first, second}},
		{"20260302", 2, 2, []string{third}},
		{"20260302", 3, 2, nil},
		{"20260303", 1, 50, []string{"<nil> 2088000000000001 2026-03-03 04:30:03"}},
		{"20260301", 1, 50, nil},
	} {
		got, a := s.deloauth(c.date, c.offset, c.limit)
		if diff := cmp.Diff(c.want, got); diff != "" || a.text("code") != "10000" || !a.signed {
			t.Errorf("%+v: %s %s", c, a.raw, diff)
		}
	}
	for _, c := range []struct {
		date          string
		offset, limit int
	}{{"2026-03-02", 1, 50}, {"", 1, 50}, {"20260302", 0, 50}, {"20260302", 1, 0}} {
		if _, a := s.deloauth(c.date, c.offset, c.limit); a.text("sub_code") != "isv.invalid-parameter" {
			t.Errorf("%+v: %s", c, a.raw)
		}
	}
}

// Withdrawals are listed, posted or not; notices with a fault are not.
func TestWithdrawals(t *testing.T) {
	t.Parallel()
	posts := 0
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		posts++
		w.Write([]byte("success"))
	}))
	t.Cleanup(target.Close)
	s := newFixture(t, alipaysim.Config{Target: target.URL})
	for _, c := range []struct {
		name           string
		notice         alipaysim.Notice
		posted, listed bool
		err            error
	}{
		{"posted", alipaysim.Notice{Person: "ok", Kind: cancelled}, true, true, nil},
		{"in GBK", alipaysim.Notice{Person: "ok", Kind: cancelled, Charset: "GBK"}, true, true, nil},
		{"lost", alipaysim.Notice{Person: "ok", Kind: cancelled, Fault: alipaysim.LoseNotice}, false, true, nil},
		{"forged", alipaysim.Notice{Person: "ok", Kind: cancelled, Fault: "wrong_key"}, true, false, nil},
		{"another kind", alipaysim.Notice{Person: "ok", Kind: "alipay.open.auth.appauth.cancelled"}, true, false, nil},
		{"another kind lost", alipaysim.Notice{Kind: "trade_status_sync", Fault: alipaysim.LoseNotice}, false, false, alipaysim.ErrUnknownFault},
		{"nobody", alipaysim.Notice{Person: "nobody", Kind: cancelled, Fault: alipaysim.LoseNotice}, false, false, alipaysim.ErrUnknownPerson},
	} {
		before, _ := s.deloauth("20260302", 1, 50)
		posts = 0
		_, err := s.sim.Send(t.Context(), c.notice)
		after, _ := s.deloauth("20260302", 1, 50)
		if !errors.Is(err, c.err) || (posts == 1) != c.posted || (len(after) > len(before)) != c.listed {
			t.Errorf("%s: %d posts, %d then %d listed, %v", c.name, posts, len(before), len(after), err)
		}
	}
}

func TestLoseNoticeOverHTTP(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{}) // no target is needed
	var d alipaysim.Delivery
	if status := s.operate("POST", "/sim/notice", `{"person":"ok","kind":"`+cancelled+`","fault":"lose_notice"}`, &d); status != 200 || d != (alipaysim.Delivery{}) {
		t.Errorf("%d %+v", status, d)
	}
	if got, _ := s.deloauth("20260302", 1, 50); len(got) != 1 {
		t.Errorf("listed %v", got)
	}
}

func TestCertDownload(t *testing.T) {
	t.Parallel()
	ask := func(s fixture, sn string) answer {
		return s.post(s.request("alipay.open.app.alipaycert.download", map[string]string{
			"app_cert_sn": "aa", "alipay_root_cert_sn": "bb", "biz_content": `{"alipay_cert_sn":"` + sn + `"}`}, nil, nil))
	}
	s := newFixture(t, alipaysim.Config{Certificates: &alipaysim.Certificates{App: "aa", Root: "bb", Alipay: "cc",
		PEM: map[string][]byte{"dd": []byte("a certificate")}}})
	if a := ask(s, "dd"); a.text("alipay_cert_content") != "YSBjZXJ0aWZpY2F0ZQ==" || !a.signed {
		t.Errorf("%s", a.raw)
	}
	for _, sn := range []string{"cc", ""} {
		if a := ask(s, sn); a.text("code") != "40004" {
			t.Errorf("%q: %s", sn, a.raw)
		}
	}
	if a := ask(newFixture(t, alipaysim.Config{}), "dd"); a.text("code") != "40004" {
		t.Errorf("in public-key mode: %s", a.raw)
	}
}
