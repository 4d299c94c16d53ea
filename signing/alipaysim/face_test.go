package alipaysim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"fundpass/signing/alipaysim"
)

const (
	openInitialize = "alipay.user.certify.open.initialize"
	openQuery      = "alipay.user.certify.open.query"
	faceInitialize = "datadigital.fincloud.generalsaas.face.verification.initialize"
	faceQuery      = "datadigital.fincloud.generalsaas.face.verification.query"
)

// openOrder returns a valid order of 张三 for the first product, faceOrder for the second.
func openOrder(n int) map[string]any {
	return map[string]any{
		"outer_order_no": fmt.Sprintf("%032d", n), "biz_code": "FACE",
		"identity_param":  map[string]any{"identity_type": "CERT_INFO", "cert_type": "IDENTITY_CARD", "cert_name": "张三", "cert_no": zhang},
		"merchant_config": map[string]any{"return_url": "alipays://x"},
	}
}

func faceOrder(n int) map[string]any {
	return map[string]any{
		"outer_order_no": fmt.Sprintf("face%d", n), "biz_code": "DATA_DIGITAL_BIZ_CODE_FACE_VERIFICATION",
		"identity_type": "CERT_INFO", "cert_type": "RESIDENCE_TAIWAN", "cert_name": "张三", "cert_no": zhang,
	}
}

func (s fixture) biz(method string, content any) answer {
	s.t.Helper()
	raw, err := json.Marshal(content)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.call(method, map[string]string{"biz_content": string(raw)})
}

// Orders are checked as strictly as by Alipay.
func TestFaceOrders(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	n := 0
	for _, c := range []struct {
		name   string
		change func(map[string]any)
		code   string
	}{
		{"right", func(map[string]any) {}, "10000"},
		{"no order number", func(o map[string]any) { delete(o, "outer_order_no") }, "40002"},
		{"long order number", func(o map[string]any) { o["outer_order_no"] = strings.Repeat("1", 33) }, "40002"},
		{"order number with dashes", func(o map[string]any) { o["outer_order_no"] = "a-b" }, "40002"},
		{"other product's business", func(o map[string]any) { o["biz_code"] = "X" }, "40002"},
		{"identity type", func(o map[string]any) { set(o, "identity_type", "X") }, "40002"},
		{"certificate type", func(o map[string]any) { set(o, "cert_type", "PASSPORT") }, "40002"},
		{"no name", func(o map[string]any) { set(o, "cert_name", "") }, "40002"},
		{"number of 15 digits", func(o map[string]any) { set(o, "cert_no", zhang[:15]) }, "40002"},
	} {
		for method, order := range map[string]map[string]any{openInitialize: openOrder(n), faceInitialize: faceOrder(n)} {
			c.change(order)
			if got := s.biz(method, order); got.text("code") != c.code || (c.code == "10000") != (got.text("certify_id") != "") || !got.signed {
				t.Errorf("%s, %s: %s", method, c.name, got.raw)
			}
		}
		n++
	}
	if got := s.biz(openInitialize, openOrder(0)); got.text("code") != "40004" {
		t.Errorf("order number again: %s", got.raw)
	}
	order := openOrder(n)
	delete(order, "merchant_config")
	if got := s.biz(openInitialize, order); got.text("code") != "40002" {
		t.Errorf("no way back: %s", got.raw)
	}
	for _, method := range []string{openInitialize, faceInitialize, openQuery, faceQuery} {
		if got := s.call(method, map[string]string{"biz_content": "{"}); got.text("sub_code") != "isv.illegal-json" {
			t.Errorf("%s: %s", method, got.raw)
		}
	}
}

// set changes a field where the product has it.
func set(order map[string]any, field, value string) {
	if inner, ok := order["identity_param"].(map[string]any); ok {
		order = inner
	}
	order[field] = value
}

// Certify sets the outcome; an id expires after two hours.
func TestFaceOutcomes(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	open := s.biz(openInitialize, openOrder(1)).text("certify_id")
	face := s.biz(faceInitialize, faceOrder(1))
	if !strings.Contains(face.text("page_url"), face.text("certify_id")) {
		t.Errorf("page %s", face.raw)
	}
	for _, c := range []struct {
		pass, passed, state string
		reason              bool
	}{{"", "T", "SUCCESS", false}, {"null", "F", "PROCESSING", false}, {"false", "F", "FAIL", true}, {"true", "T", "SUCCESS", false}} {
		for _, id := range []string{open, face.text("certify_id")} {
			var out map[string]any
			if c.pass != "" && s.operate("POST", "/sim/certify", `{"certify_id":"`+id+`","pass":`+c.pass+`}`, &out) != http.StatusOK {
				t.Fatalf("%s: %v", c.pass, out)
			}
		}
		a, b := s.biz(openQuery, map[string]string{"certify_id": open}), s.biz(faceQuery, map[string]string{"certify_id": face.text("certify_id")})
		if a.text("passed") != c.passed || (a.text("fail_reason") != "") != c.reason || b.text("certify_state") != c.state {
			t.Errorf("%q: %s, %s", c.pass, a.raw, b.raw)
		}
	}
	if got := s.biz(faceQuery, map[string]string{"certify_id": open}); got.text("code") != "40004" {
		t.Errorf("the other product's id: %s", got.raw)
	}
	var problem struct {
		Error string `json:"error"`
	}
	if status := s.operate("POST", "/sim/certify", `{"certify_id":"x","pass":true}`, &problem); status != http.StatusNotFound || problem.Error == "" {
		t.Errorf("unknown id: %d", status)
	}
	if status := s.operate("POST", "/sim/certify", `{"id":"x"}`, &problem); status != http.StatusBadRequest || !strings.Contains(problem.Error, "certify_id") {
		t.Errorf("wrong field: %d %s", status, problem.Error)
	}
	s.now.add(2*time.Hour + time.Second)
	if got := s.biz(openQuery, map[string]string{"certify_id": open}); got.text("code") != "40004" {
		t.Errorf("too old: %s", got.raw)
	}
}

// The page requires its signed URL and a verification that has not expired.
func TestFacePage(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	id := s.biz(openInitialize, openOrder(1)).text("certify_id")
	form := s.request("alipay.user.certify.open.certify", map[string]string{"biz_content": `{"certify_id":"` + id + `"}`}, nil, nil)
	page := "/gateway.do?" + form.Encode()
	nobody := s.request("alipay.user.certify.open.certify", map[string]string{"biz_content": `{"certify_id":"x"}`}, nil, nil)
	for name, c := range map[string]struct {
		path   string
		status int
	}{
		"right": {page, 200}, "not signed": {strings.Replace(page, "sign=", "sign=A", 1), 400},
		"nobody's": {"/gateway.do?" + nobody.Encode(), 404}, "no address": {"/gateway.do", 404},
	} {
		var out map[string]any
		if status := s.operate("GET", c.path, "", &out); status != c.status {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	if got := s.post(form); got.text("code") != "40002" { // not a method
		t.Errorf("called: %s", got.raw)
	}
	s.now.add(3 * time.Hour)
	var out map[string]any
	if status := s.operate("GET", page, "", &out); status == http.StatusOK {
		t.Errorf("too old: %d", status)
	}
}
