package cmdtest

import (
	"encoding/json"
	"strings"
	"testing"

	"fundpass/signing/alipaysim"
)

// OKPerson is an invented citizen for environments that need only one.
var OKPerson = alipaysim.Person{
	Person: "ok", Name: "张测试", IDType: "01", IDNumber: "990101195603070011",
	AccountNo: "880000000001", OpenID: "open-ok", Certified: true, Subscribed: true,
}

// AddOK adds OKPerson to the simulator.
func (s *ServerEnv) AddOK() { s.Sim.Add(OKPerson) }

// LogIn opens a session for OKPerson and returns the HTTP status.
func (s *ServerEnv) LogIn(t *testing.T, url string) int {
	t.Helper()
	code, err := s.Sim.AuthCode(OKPerson.Person)
	if err != nil {
		t.Error(err)
		return 0
	}
	resp, err := NewClient(t).Post(url+"/v1/sessions", "application/json", strings.NewReader(`{"auth_code":"`+code+`"}`))
	if err != nil {
		t.Error(err)
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// OpenSession opens a session for OKPerson and returns its token.
func (s *ServerEnv) OpenSession(t *testing.T, url string) string {
	t.Helper()
	code, err := s.Sim.AuthCode(OKPerson.Person)
	NoError(t, err)
	status, body := Fetch(t, "POST", url+"/v1/sessions", `{"auth_code":"`+code+`"}`)
	var opened struct{ Data struct{ Token string } }
	if err := json.Unmarshal([]byte(body), &opened); err != nil || status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	return opened.Data.Token
}
