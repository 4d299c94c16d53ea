package signing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// Each open_id is paired with its user_id in any order; unknown users are missing.
func TestOpenIDs(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	got, err := s.gate.OpenIDs(t.Context(), []string{"2088000000000001", "2088000000000009", "2088000000000002"})
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	noticed := map[string]string{}
	for _, id := range got {
		if id.Kind != "open_id" || id.AppID != appID {
			t.Errorf("%+v", id)
		}
		noticed[id.UserID] = id.Value
	}
	if noticed["2088000000000002"] != "074aBoth_-1" || !strings.HasPrefix(noticed["2088000000000001"], "074") {
		t.Errorf("%v", noticed)
	}
	if err := s.sim.Identify(alipaysim.GiveOpenID); err != nil {
		t.Fatal(err)
	}
	grant, err := s.gate.Exchange(t.Context(), s.code(t, "old"))
	if want := (signing.Identity{AppID: appID, Kind: "open_id", Value: noticed["2088000000000001"]}); err != nil || grant.Identity != want {
		t.Errorf("a grant names %+v, %v; the list %+v", grant.Identity, err, want)
	}
}

func TestOpenIDsBounds(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	for _, n := range []int{0, 1, signing.OpenIDBatch, signing.OpenIDBatch + 1} {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprintf("2088%012d", 500+i)
			s.sim.Add(alipaysim.Person{Person: ids[i], UserID: ids[i]})
		}
		got, err := s.gate.OpenIDs(t.Context(), ids)
		if bad := n == 0 || n > signing.OpenIDBatch; bad != errors.Is(err, signing.ErrConfiguration) || !bad && len(got) != n {
			t.Errorf("%d: %d, %v", n, len(got), err)
		}
	}
	if calls := s.sim.Calls("alipay.open.app.openid.uidtoopenid.batchquery"); calls != 2 {
		t.Errorf("%d calls", calls)
	}
}

// A list with one wrong pair is an error.
func TestOpenIDsForms(t *testing.T) {
	t.Parallel()
	pair := func(userID, openID string) string {
		return fmt.Sprintf(`{"user_id":%q,"open_id":%q,"union_id":"u"}`, userID, openID)
	}
	for _, c := range []struct {
		name string
		list string
		want int
		err  error
	}{
		{"both, turned round", pair("2", "b") + "," + pair("1", "a"), 2, nil},
		{"one", pair("2", "b"), 1, nil},
		{"none", "", 0, nil},
		{"not requested", pair("1", "a") + "," + pair("3", "c"), 0, signing.ErrUnavailable},
		{"one twice", pair("1", "a") + "," + pair("1", "b"), 0, signing.ErrUnavailable},
		{"one open_id for two", pair("1", "a") + "," + pair("2", "a"), 0, signing.ErrUnavailable},
		{"no open_id", pair("1", ""), 0, signing.ErrUnavailable},
		{"no user_id", pair("", "a"), 0, signing.ErrUnavailable},
		{"open_id with a blank", pair("1", "a b"), 0, signing.ErrUnavailable},
		{"no objects", `"a","b"`, 0, signing.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			content := `{"code":"10000","msg":"Success","open_id_list":[` + c.list + `]}`
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := r.FormValue("biz_content"); got != `{"user_id_list":["1","2"]}` {
					t.Errorf("asked %s", got)
				}
				fmt.Fprintf(w, `{"alipay_open_app_openid_uidtoopenid_batchquery_response":%s,"sign":"%s"}`, content, alipaySigns(t, content))
			}))
			t.Cleanup(server.Close)
			gate := newGateway(t, newKeyring(t, ownKey(), alipayKey()), server.URL, signing.Options{})
			got, err := gate.OpenIDs(t.Context(), []string{"1", "2"})
			if len(got) != c.want || !errors.Is(err, c.err) || errors.Is(err, signing.ErrForged) {
				t.Fatalf("%v, %v", got, err)
			}
			if err == nil && c.want == 2 {
				want := []signing.Identity{{AppID: appID, Kind: "open_id", Value: "b", UserID: "2"}, {AppID: appID, Kind: "open_id", Value: "a", UserID: "1"}}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestOpenIDsFaults(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	forged := map[string]bool{"bad_signature": true, "unsigned": true, "null_body": true, "other_app": true, "duplicate_root": true}
	for _, fault := range []string{"error", "call_limited", "html", "bad_signature", "unsigned", "null_body", "other_app", "duplicate_root", "truncated"} {
		if err := s.sim.Fault(fault, 1); err != nil {
			t.Fatal(err)
		}
		got, err := s.gate.OpenIDs(t.Context(), []string{"2088000000000001"})
		if !errors.Is(err, signing.ErrUnavailable) || errors.Is(err, signing.ErrForged) != forged[fault] || got != nil || strings.Contains(err.Error(), "2088") {
			t.Errorf("%s: %v, %v", fault, got, err)
		}
	}
}

// Grants, notifications and lists have the identifiers that Identify sets.
func TestIdentify(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	for _, c := range []struct{ by, person, want string }{
		{alipaysim.GiveUserID, "both", "user_id 2088000000000002"},
		{alipaysim.GiveBoth, "both", "open_id 074aBoth_-1 2088000000000002"},
		{alipaysim.GiveOpenID, "both", "open_id 074aBoth_-1"},
		{alipaysim.GiveUserID, "ok", "open_id " + s.sim.People()[0].OpenID},
		{alipaysim.GiveOpenID, "ok", "open_id " + s.sim.People()[0].OpenID},
		{"", "old", "user_id 2088000000000001"},
	} {
		if err := s.sim.Identify(c.by); err != nil {
			t.Fatal(err)
		}
		grant, err := s.gate.Exchange(t.Context(), s.code(t, c.person))
		if err != nil {
			t.Fatal(err)
		}
		s.withdraw(t, c.person)
		listed, err := s.gate.Cancellations(t.Context(), s.now.Now())
		if err != nil {
			t.Fatal(err)
		}
		id := grant.Identity
		if got := strings.TrimSpace(fmt.Sprint(id.Kind, " ", id.Value, " ", id.UserID)); got != c.want || listed[len(listed)-1].Identity != id {
			t.Errorf("%q, %s: %s, listed as %+v", c.by, c.person, got, listed[len(listed)-1].Identity)
		}
	}
	if err := s.sim.Identify("union_id"); !errors.Is(err, alipaysim.ErrUnknownNaming) {
		t.Error(err)
	}
}

func TestIdentifyOverHTTP(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	for _, c := range []struct {
		body string
		want int
	}{{`{"by":"open_id"}`, 200}, {`{"by":"union_id"}`, 400}, {`{"as":"x"}`, 400}} {
		resp, err := http.Post(strings.TrimSuffix(s.url, "/gateway.do")+"/sim/identify", "application/json", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		var reply map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil || resp.StatusCode != c.want {
			t.Errorf("%s: %d, %v", c.body, resp.StatusCode, err)
		}
		resp.Body.Close()
	}
}
