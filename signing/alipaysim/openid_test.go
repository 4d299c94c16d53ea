package alipaysim_test

import (
	"fmt"
	"strings"
	"testing"

	"fundpass/signing/alipaysim"
)

// The list is limited, signed, in another order, and without unknown users.
func TestOpenIDQuery(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	s.sim.Add(alipaysim.Person{Person: "both", UserID: "2088000000000002", OpenID: "074b"})
	ask := func(ids ...string) answer {
		return s.call("alipay.open.app.openid.uidtoopenid.batchquery", map[string]string{
			"biz_content": `{"user_id_list":["` + strings.Join(ids, `","`) + `"]}`})
	}
	a := ask("2088000000000001", "2088000000000002", "2088000000000003")
	all, _ := a.content["open_id_list"].([]any)
	if len(all) != 2 || !strings.Contains(fmt.Sprint(all[0]), "open_id:074b user_id:2088000000000002") || !strings.Contains(fmt.Sprint(all[1]), "user_id:2088000000000001") || !a.signed {
		t.Errorf("%s", a.raw)
	}
	if a := ask("2088000000000003"); a.text("code") != "10000" || a.content["open_id_list"] != nil {
		t.Errorf("an unknown user: %s", a.raw)
	}
	for _, ids := range [][]string{make([]string, 51), nil} {
		biz := `{"user_id_list":[]}`
		if ids != nil {
			biz = `{"user_id_list":["` + strings.Join(ids, `","`) + `"]}`
		}
		if a := s.call("alipay.open.app.openid.uidtoopenid.batchquery", map[string]string{"biz_content": biz}); a.text("sub_code") != "isv.invalid-parameter" {
			t.Errorf("%d: %s", len(ids), a.raw)
		}
	}
	if a := s.call("alipay.open.app.openid.uidtoopenid.batchquery", map[string]string{"biz_content": "x"}); a.text("sub_code") != "isv.illegal-json" {
		t.Errorf("%s", a.raw)
	}
}
