package signing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"fundpass/keys/calendar"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// Invented residence permits.
const (
	hongKongPermit = "810099195603070012"
	macaoPermit    = "820099195603070014"
	taiwanPermit   = "830099195603070016"
)

// personOf returns name and document of the i-th person of the fixture.
func personOf(i int) signing.Person {
	return signing.Person{Name: people[i].Name, IDType: people[i].IDType, IDNumber: people[i].IDNumber}
}

func order(n int, p signing.Person) signing.CertifyOrder {
	return signing.CertifyOrder{OrderNo: fmt.Sprintf("%032d", n), Person: p}
}

func TestVerificationFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		idType, number string
		want           signing.Verification
	}{
		{"01", people[0].IDNumber, signing.ByCertify},
		{"01", hongKongPermit, signing.ByFace},
		{"01", macaoPermit, signing.ByFace},
		{"01", taiwanPermit, signing.ByFace},
		{"02", "南字第01234567号", ""}, {"03", "E99000001", ""}, {"04", "ABC123456789012", ""}, {"20", "H12345678", ""}, {"99", "81001234", ""}, {"", "", ""},
	} {
		got, err := signing.VerificationFor(c.idType, c.number)
		if got != c.want || (c.want == "") != errors.Is(err, signing.ErrIDType) {
			t.Errorf("%s: %q, %v", c.idType, got, err)
		}
	}
}

// The URL of the page is signed and contains no personal data.
func TestCertification(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	c, err := s.gate.StartCertification(t.Context(), order(1, personOf(0)))
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	text, err := signing.Canonical(q, signing.Request)
	if err != nil || signing.Verify(&ownKey().PublicKey, text, q.Get("sign")) != nil {
		t.Errorf("page is not signed: %v", err)
	}
	at, err := time.ParseInLocation(time.DateTime, q.Get("timestamp"), calendar.Beijing)
	if err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("timestamp %s is not Beijing's", q.Get("timestamp"))
	}
	if !strings.HasPrefix(c.URL, s.url+"?") || q.Get("biz_content") != `{"certify_id":"`+c.ID+`"}` || strings.Contains(c.URL, people[0].IDNumber) {
		t.Errorf("page %s", c.URL)
	}
	if status, body := getPage(t, c.URL); status != http.StatusOK || !strings.Contains(body, "simulator") {
		t.Errorf("page: %d %s", status, body)
	}
	for altered, want := range map[string]int{
		strings.Replace(c.URL, c.ID, c.ID[1:]+"0", 1):           http.StatusBadRequest, // another id with the same signature
		strings.Replace(c.URL, "open.certify", "open.query", 1): http.StatusNotFound,
		s.url: http.StatusNotFound,
	} {
		if status, _ := getPage(t, altered); status != want {
			t.Errorf("altered page: %d, want %d", status, want)
		}
	}
	var sent struct {
		OuterOrderNo   string            `json:"outer_order_no"`
		BizCode        string            `json:"biz_code"`
		IdentityParam  map[string]string `json:"identity_param"`
		MerchantConfig map[string]string `json:"merchant_config"`
	}
	if err := json.Unmarshal(s.sim.Messages()[0].Content, &sent); err != nil {
		t.Fatal(err)
	}
	if sent.BizCode != "FACE" || sent.IdentityParam["cert_no"] != people[0].IDNumber || sent.IdentityParam["cert_name"] != people[0].Name ||
		sent.MerchantConfig["return_url"] != "alipays://platformapi/startapp?appId="+appID {
		t.Errorf("sent %+v", sent)
	}
}

func getPage(t *testing.T, page string) (int, string) {
	t.Helper()
	resp, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// In certificate mode the serial numbers are part of the signed URL.
func TestCertificationPageByCertificate(t *testing.T) {
	t.Parallel()
	keyring := certificateKeyring(t)
	sns := alipaysim.Certificates{App: keyring.AppCertSN(), Root: keyring.RootCertSN(), Alipay: keyring.AlipayKeys()[0].SN}
	s := newFixture(t, signing.Options{}, alipaysim.Config{Certificates: &sns})
	if err := s.gate.Replace(keyring); err != nil {
		t.Fatal(err)
	}
	c, err := s.gate.StartCertification(t.Context(), order(1, personOf(0)))
	if err != nil {
		t.Fatal(err)
	}
	if status, body := getPage(t, c.URL); status != http.StatusOK {
		t.Errorf("page: %d %s", status, body)
	}
}

// The outcome follows the person's story, then Sim.Certify, until the id expires. The id
// is unknown to the other product.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	hongKong := signing.Person{Name: "何美", IDType: "01", IDNumber: hongKongPermit}
	s.sim.Add(alipaysim.Person{Person: "hk", Name: hongKong.Name, IDType: "01", IDNumber: hongKong.IDNumber, Certified: true})
	yes, no := true, false
	for i, c := range []struct {
		name   string
		start  func(signing.CertifyOrder) (signing.Certification, error)
		passed func(string) (signing.Verdict, error)
		other  func(string) (signing.Verdict, error)
		person signing.Person
	}{
		{"certify", func(o signing.CertifyOrder) (signing.Certification, error) {
			return s.gate.StartCertification(t.Context(), o)
		},
			func(id string) (signing.Verdict, error) { return s.gate.CertificationPassed(t.Context(), id) },
			func(id string) (signing.Verdict, error) { return s.gate.FaceVerificationPassed(t.Context(), id) }, personOf(0)},
		{"face", func(o signing.CertifyOrder) (signing.Certification, error) {
			return s.gate.StartFaceVerification(t.Context(), o)
		},
			func(id string) (signing.Verdict, error) { return s.gate.FaceVerificationPassed(t.Context(), id) },
			func(id string) (signing.Verdict, error) { return s.gate.CertificationPassed(t.Context(), id) }, hongKong},
	} {
		t.Run(c.name, func(t *testing.T) {
			begun, err := c.start(order(i, c.person))
			if err != nil || begun.ID == "" || begun.URL == "" {
				t.Fatalf("%+v, %v", begun, err)
			}
			if _, err := c.start(order(i, c.person)); !errors.Is(err, signing.ErrConfiguration) {
				t.Errorf("order number again: %v", err)
			}
			for _, step := range []struct {
				say  *bool
				tell bool
				want signing.Verdict
			}{{nil, false, signing.Passed}, {nil, true, signing.Pending}, {&no, true, signing.Failed}, {&yes, true, signing.Passed}} {
				if step.tell {
					if err := s.sim.Certify(begun.ID, step.say); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := c.passed(begun.ID); got != step.want || err != nil {
					t.Errorf("got %q, %v, want %q", got, err, step.want)
				}
			}
			if got, err := c.other(begun.ID); got != "" || !errors.Is(err, signing.ErrConfiguration) {
				t.Errorf("the other product: %q, %v", got, err)
			}
			other, err := c.start(order(100+i, signing.Person{Name: "路人", IDType: "01", IDNumber: c.person.IDNumber}))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.passed(other.ID); got != signing.Failed || err != nil {
				t.Errorf("another name: %q, %v", got, err)
			}
			if got, err := c.passed("unknown"); got != "" || !errors.Is(err, signing.ErrConfiguration) {
				t.Errorf("unknown: %q, %v", got, err)
			}
		})
	}
	if err := s.sim.Certify("unknown", &yes); !errors.Is(err, alipaysim.ErrUnknownCertify) {
		t.Errorf("unknown: %v", err)
	}
}

// Documents that no product supports are rejected without a call.
func TestStartRefused(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	hongKong := signing.Person{Name: "何美", IDType: "01", IDNumber: macaoPermit}
	for name, c := range map[string]struct {
		start func(signing.CertifyOrder) error
		order signing.CertifyOrder
		want  error
	}{
		"passport by certify": {certify(t, s), order(1, personOf(3)), signing.ErrIDType},
		"permit by certify":   {certify(t, s), order(1, hongKong), signing.ErrIDType},
		"ID card by face":     {face(t, s), order(1, personOf(0)), signing.ErrIDType},
		"passport by face":    {face(t, s), order(1, personOf(3)), signing.ErrIDType},
		"no order number":     {certify(t, s), signing.CertifyOrder{Person: personOf(0)}, signing.ErrConfiguration},
		"short order number":  {face(t, s), signing.CertifyOrder{OrderNo: "1", Person: hongKong}, signing.ErrConfiguration},
	} {
		if err := c.start(c.order); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := s.sim.Calls(""); n != 0 {
		t.Errorf("Alipay was asked %d times", n)
	}
}

func certify(t *testing.T, s fixture) func(signing.CertifyOrder) error {
	return func(o signing.CertifyOrder) error { _, err := s.gate.StartCertification(t.Context(), o); return err }
}

func face(t *testing.T, s fixture) func(signing.CertifyOrder) error {
	return func(o signing.CertifyOrder) error {
		_, err := s.gate.StartFaceVerification(t.Context(), o)
		return err
	}
}

// A forged response yields no verdict.
func TestVerdictForged(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	c, err := s.gate.StartCertification(t.Context(), order(1, personOf(0)))
	if err != nil {
		t.Fatal(err)
	}
	for i, fault := range []string{"bad_signature", "unsigned", "null_body", "other_app", "other_root", "duplicate_root"} {
		if err := s.sim.Fault(fault, 2); err != nil {
			t.Fatal(err)
		}
		if got, err := s.gate.CertificationPassed(t.Context(), c.ID); got != "" || !errors.Is(err, signing.ErrForged) {
			t.Errorf("%s: %q, %v", fault, got, err)
		}
		if got, err := s.gate.StartCertification(t.Context(), order(2+i, personOf(0))); got != (signing.Certification{}) || !errors.Is(err, signing.ErrUnavailable) {
			t.Errorf("%s: start %v", fault, err)
		}
	}
}

// Signed responses with other values are not Passed.
func TestVerdictStrict(t *testing.T) {
	t.Parallel()
	content := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := <-content
		signature, err := signing.Sign(alipayKey(), body)
		if err != nil {
			t.Error(err)
		}
		root := strings.ReplaceAll(r.FormValue("method"), ".", "_") + "_response"
		fmt.Fprintf(w, `{"%s":%s,"sign":"%s"}`, root, body, signature)
	}))
	defer server.Close()
	g := newGateway(t, newKeyring(t, ownKey(), alipayKey()), server.URL+"/gateway.do", signing.Options{})
	hongKong := signing.Person{Name: "何美", IDType: "01", IDNumber: hongKongPermit}
	for _, c := range []struct {
		product, content string
		want             signing.Verdict
	}{
		{"certify", `{"code":"10000","msg":"Success","passed":"T"}`, signing.Passed},
		{"certify", `{"code":"10000","msg":"Success","passed":"F"}`, signing.Pending},
		{"certify", `{"code":"10000","msg":"Success","passed":"F","fail_reason":"x"}`, signing.Failed},
		{"certify", `{"code":"10000","msg":"Success","passed":"t"}`, ""},
		{"certify", `{"code":"10000","msg":"Success","passed":true}`, ""},
		{"certify", `{"code":"10000","msg":"Success"}`, ""},
		{"face", `{"code":"10000","msg":"Success","certify_state":"SUCCESS"}`, signing.Passed},
		{"face", `{"code":"10000","msg":"Success","certify_state":"SUCCESS","attack_flag":"F"}`, signing.Passed},
		{"face", `{"code":"10000","msg":"Success","certify_state":"SUCCESS","attack_flag":"T"}`, signing.Failed},
		{"face", `{"code":"10000","msg":"Success","certify_state":"FAIL"}`, signing.Failed},
		{"face", `{"code":"10000","msg":"Success","certify_state":"PROCESSING"}`, signing.Pending},
		{"face", `{"code":"10000","msg":"Success","certify_state":"success"}`, ""},
		{"face", `{"code":"10000","msg":"Success","passed":"T"}`, ""},
	} {
		content <- c.content
		ask := g.CertificationPassed
		if c.product == "face" {
			ask = g.FaceVerificationPassed
		}
		got, err := ask(t.Context(), "x")
		if got != c.want || (c.want == "") != errors.Is(err, signing.ErrUnavailable) {
			t.Errorf("%s: %q, %v", c.content, got, err)
		}
	}
	for page, ok := range map[string]bool{
		"https://render.alipay.com/p/x": true, "alipays://platformapi/startapp": true, "http://127.0.0.1:8080/x": true,
		"http://render.alipay.com/p/x": false, "javascript:alert(1)": false, "": false, "https://u:p@alipay.com/": false, "//x": false,
	} {
		content <- fmt.Sprintf(`{"code":"10000","msg":"Success","certify_id":"c1","page_url":%q}`, page)
		got, err := g.StartFaceVerification(t.Context(), order(1, hongKong))
		if ok != (err == nil) || ok != (got.URL == page && got.ID == "c1") && page != "" {
			t.Errorf("%q: %+v, %v", page, got, err)
		}
	}
	content <- `{"code":"10000","msg":"Success","certify_id":""}`
	if _, err := g.StartCertification(t.Context(), order(1, personOf(0))); !errors.Is(err, signing.ErrUnavailable) {
		t.Errorf("no certify_id: %v", err)
	}
}
