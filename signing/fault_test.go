package signing_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// shortTimeout ends calls that get no response soon; longTimeout waits for a response on a
// busy machine, too.
var (
	shortTimeout = signing.Options{Timeout: 200 * time.Millisecond}
	longTimeout  = signing.Options{Timeout: testenv.Patience, DialTimeout: testenv.Patience, TLSTimeout: testenv.Patience}
)

// canary returns the URL of a listener and fails the test if anything connects to it.
func canary(t *testing.T) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var touched atomic.Int32
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			touched.Add(1)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		time.Sleep(20 * time.Millisecond) // time for a pending connection to arrive
		l.Close()
		if n := touched.Load(); n > 0 {
			t.Errorf("%d connections to the canary", n)
		}
	})
	return "http://" + l.Addr().String() + "/stolen"
}

func TestFaults(t *testing.T) {
	t.Parallel()
	forged := map[string]bool{"bad_signature": true, "unsigned": true, "null_body": true,
		"other_app": true, "other_root": true, "duplicate_root": true}
	s := newFixture(t, longTimeout, alipaysim.Config{Redirect: canary(t)})
	hurried := newGateway(t, newKeyring(t, ownKey(), alipayKey()), s.url, shortTimeout)
	person := signing.Person{Name: people[0].Name, IDType: "01", IDNumber: people[0].IDNumber}
	for fault := range alipaysim.Faults() {
		token := s.token(t, "ok")
		calls := map[string]func(g *signing.Gateway) (bool, error){
			"exchange": func(g *signing.Gateway) (bool, error) {
				grant, err := g.Exchange(t.Context(), s.code(t, "ok"))
				return grant != signing.Grant{}, err
			},
			"match": func(g *signing.Gateway) (bool, error) { return g.MatchPerson(t.Context(), token, person) },
		}
		gate := s.gate
		if fault == "timeout" || fault == "slow" {
			gate = hurried
		}
		for name, call := range calls {
			if err := s.sim.Fault(fault, 1); err != nil {
				t.Fatal(err)
			}
			accepted, err := call(gate)
			if accepted || !errors.Is(err, signing.ErrUnavailable) || errors.Is(err, signing.ErrForged) != forged[fault] {
				t.Errorf("%s, %s: %v, %v", fault, name, accepted, err)
			}
			if err := s.sim.Fault("", 0); err != nil { // a call that timed out early may not have used up the fault
				t.Fatal(err)
			}
			if ok, err := call(s.gate); !ok || err != nil { // the next call succeeds
				t.Errorf("after %s, %s: %v, %v", fault, name, ok, err)
			}
		}
	}
}

// A slow response is accepted.
func TestSlowResponse(t *testing.T) {
	t.Parallel()
	s := newFixture(t, longTimeout, alipaysim.Config{Slow: 300 * time.Millisecond}) // TestDefaults: production waits longer than 3 s
	if err := s.sim.Fault("slow", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.gate.Exchange(t.Context(), s.code(t, "ok")); err != nil {
		t.Error(err)
	}
}

// Correctly signed responses of the same form are accepted, so those of hostileGateways are
// rejected because of their faults.
func TestGenuineGateway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content string
		expires time.Duration
	}{
		"number":  {`{"open_id":"citizen","access_token":"t","expires_in":300}`, 5 * time.Minute},
		"string":  {`{"open_id":"citizen","access_token":"t","expires_in":"300"}`, 5 * time.Minute},
		"missing": {`{"open_id":"citizen","access_token":"t"}`, 0},
		"endless": {`{"open_id":"citizen","access_token":"t","expires_in":9223372036854775807}`, 10 * 365 * 24 * time.Hour},
		"code":    {`{"code":"10000","open_id":"citizen","access_token":"t","expires_in":300}`, 5 * time.Minute},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"alipay_system_oauth_token_response":%s,"sign":"%s"}`, c.content, alipaySigns(t, c.content))
		}))
		defer server.Close()
		g := newGateway(t, newKeyring(t, ownKey(), alipayKey()), server.URL, longTimeout)
		grant, err := g.Exchange(t.Context(), "code")
		if err != nil || grant.Identity.Value != "citizen" || grant.ExpiresIn != c.expires {
			t.Errorf("%s: %+v, %v", name, grant.Identity, err)
		}
	}
}

// Connections are reused, also after Replace.
func TestConnectionReuse(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(s.sim)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	g := newGateway(t, newKeyring(t, ownKey(), alipayKey()), server.URL+"/gateway.do", signing.Options{})
	for range 10 {
		if _, err := g.Exchange(t.Context(), s.code(t, "ok")); err != nil {
			t.Fatal(err)
		}
		if err := g.Replace(newKeyring(t, ownKey(), alipayKey())); err != nil { // keeps the connections
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 10 calls", n)
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	s := newFixture(t, longTimeout, alipaysim.Config{})
	if err := s.sim.Fault("timeout", 3); err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	gone, leave := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, leave)
	for name, c := range map[string]struct {
		ctx  context.Context
		want error
	}{"deadline": {soon, context.DeadlineExceeded}, "cancelled": {gone, context.Canceled}, "over before": {gone, context.Canceled}} {
		_, err := s.gate.Exchange(c.ctx, s.code(t, "ok"))
		if !errors.Is(err, c.want) || !errors.Is(err, signing.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The Gateway's timeout covers both requests of MatchPerson, and its error is not a
// context error. If each request had the whole timeout, the second one would never end
// before that; on a busy machine the test may need several tries to observe this.
func TestTimeoutCoversBothSteps(t *testing.T) {
	t.Parallel()
	const limit = 500 * time.Millisecond
	var asked atomic.Int32
	var second atomic.Int64 // time of the second request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if asked.Add(1) == 2 {
			second.Store(time.Now().UnixNano())
			<-r.Context().Done()
			return
		}
		time.Sleep(limit / 2)
		const content = `{"code":"10000","verify_id":"v"}`
		fmt.Fprintf(w, `{"alipay_user_certdoc_certverify_preconsult_response":%s,"sign":"%s"}`, content, alipaySigns(t, content))
	}))
	defer server.Close()
	g := newGateway(t, newKeyring(t, ownKey(), alipayKey()), server.URL, signing.Options{Timeout: limit})
	testenv.Eventually(t, "the second step is left when both have had their time", func() bool {
		asked.Store(0)
		_, err := g.MatchPerson(t.Context(), "token", signing.Person{Name: "张三", IDType: "01", IDNumber: people[0].IDNumber})
		over := time.Now()
		if !errors.Is(err, signing.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || asked.Load() > 2 {
			t.Fatalf("%v after %d requests", err, asked.Load())
		}
		return asked.Load() == 2 && over.Sub(time.Unix(0, second.Load())) < limit*9/10
	})
}

func TestConnectionRefused(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	g := newGateway(t, newKeyring(t, ownKey(), alipayKey()), "http://"+l.Addr().String(), longTimeout)
	if _, err := g.Exchange(t.Context(), "code"); !errors.Is(err, signing.ErrUnavailable) {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := newFixture(t, longTimeout, alipaysim.Config{})
	server := httptest.NewUnstartedServer(s.sim)
	server.Config.ErrorLog = discard()
	server.StartTLS()
	defer server.Close()
	keyring := newKeyring(t, ownKey(), alipayKey())
	code := s.code(t, "ok")
	_, err := newGateway(t, keyring, server.URL+"/gateway.do", longTimeout).Exchange(t.Context(), code)
	if !errors.Is(err, signing.ErrUnavailable) {
		t.Errorf("unknown authority: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trusting := newGateway(t, keyring, server.URL+"/gateway.do", signing.Options{Timeout: testenv.Patience, TLSTimeout: testenv.Patience, RootCAs: roots})
	if _, err := trusting.Exchange(t.Context(), code); err != nil {
		t.Errorf("known authority: %v", err)
	}
}
