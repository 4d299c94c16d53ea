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

	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// quick makes a call end soon; limit is when it must be over.
var quick = signing.Options{Timeout: 400 * time.Millisecond}

const limit = 2 * time.Second // generous: the race detector and two cores

// canary is a listener nobody may connect to.
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
		time.Sleep(20 * time.Millisecond) // let a connection under way arrive
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
	s := newStage(t, quick, alipaysim.Config{Redirect: canary(t)})
	person := signing.Person{Name: people[0].Name, IDType: "01", IDNumber: people[0].IDNumber}
	for fault := range alipaysim.Faults() {
		token := s.token(t, "ok")
		calls := map[string]func() (bool, error){
			"exchange": func() (bool, error) {
				grant, err := s.gate.Exchange(t.Context(), s.code(t, "ok"))
				return grant != signing.Grant{}, err
			},
			"match": func() (bool, error) { return s.gate.MatchPerson(t.Context(), token, person) },
		}
		for name, call := range calls {
			if err := s.sim.Fault(fault, 1); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			accepted, err := call()
			if took := time.Since(began); took > limit {
				t.Errorf("%s, %s: took %v", fault, name, took)
			}
			if accepted || !errors.Is(err, signing.ErrUnavailable) || errors.Is(err, signing.ErrForged) != forged[fault] {
				t.Errorf("%s, %s: %v, %v", fault, name, accepted, err)
			}
			if ok, err := call(); !ok || err != nil { // and all is well again
				t.Errorf("after %s, %s: %v, %v", fault, name, ok, err)
			}
		}
	}
}

// An answer that is slow but comes is taken.
func TestSlowIsNotLate(t *testing.T) {
	t.Parallel()
	s := newStage(t, signing.Options{}, alipaysim.Config{})
	if err := s.sim.Fault("slow", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.gate.Exchange(t.Context(), s.code(t, "ok")); err != nil {
		t.Error(err)
	}
}

// The same thing, well signed, is believed: the answers above fail for their faults.
func TestGoodGateway(t *testing.T) {
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
		g := newGateway(t, newRing(t, ownKey(), alipayKey()), server.URL, quick)
		grant, err := g.Exchange(t.Context(), "code")
		if err != nil || grant.Identity.Value != "citizen" || grant.ExpiresIn != c.expires {
			t.Errorf("%s: %+v, %v", name, grant.Identity, err)
		}
	}
}

// Connections are kept: a TLS handshake a citizen would cost more than the call.
func TestConnectionIsKept(t *testing.T) {
	t.Parallel()
	s := newStage(t, signing.Options{}, alipaysim.Config{})
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(s.sim)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	g := newGateway(t, newRing(t, ownKey(), alipayKey()), server.URL+"/gateway.do", signing.Options{})
	for range 10 {
		if _, err := g.Exchange(t.Context(), s.code(t, "ok")); err != nil {
			t.Fatal(err)
		}
		if err := g.Replace(newRing(t, ownKey(), alipayKey())); err != nil { // keeps them too
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 10 calls", n)
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	s := newStage(t, signing.Options{Timeout: 20 * time.Second}, alipaysim.Config{})
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
		began := time.Now()
		_, err := s.gate.Exchange(c.ctx, s.code(t, "ok"))
		if !errors.Is(err, c.want) || !errors.Is(err, signing.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); took > limit {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// Our own time limit covers both steps of MatchPerson, and is no context error: the
// caller's context is fine.
func TestTimeoutCoversBothSteps(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		io.Copy(io.Discard, r.Body)
		time.Sleep(600 * time.Millisecond)
		if asked.Load() == 2 {
			<-r.Context().Done()
		}
		const content = `{"code":"10000","verify_id":"v"}`
		fmt.Fprintf(w, `{"alipay_user_certdoc_certverify_preconsult_response":%s,"sign":"%s"}`, content, alipaySigns(t, content))
	}))
	defer server.Close()
	g := newGateway(t, newRing(t, ownKey(), alipayKey()), server.URL, signing.Options{Timeout: time.Second})
	began := time.Now()
	_, err := g.MatchPerson(t.Context(), "token", signing.Person{Name: "张三", IDType: "01", IDNumber: people[0].IDNumber})
	if took := time.Since(began); took < 900*time.Millisecond || took > 1400*time.Millisecond {
		t.Errorf("took %v", took)
	}
	if !errors.Is(err, signing.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || asked.Load() != 2 {
		t.Errorf("%v after %d requests", err, asked.Load())
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	g := newGateway(t, newRing(t, ownKey(), alipayKey()), "http://"+l.Addr().String(), quick)
	if _, err := g.Exchange(t.Context(), "code"); !errors.Is(err, signing.ErrUnavailable) {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := newStage(t, quick, alipaysim.Config{})
	server := httptest.NewUnstartedServer(s.sim)
	server.Config.ErrorLog = discard()
	server.StartTLS()
	defer server.Close()
	ring := newRing(t, ownKey(), alipayKey())
	code := s.code(t, "ok")
	_, err := newGateway(t, ring, server.URL+"/gateway.do", quick).Exchange(t.Context(), code)
	if !errors.Is(err, signing.ErrUnavailable) {
		t.Errorf("unknown authority: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trusting := newGateway(t, ring, server.URL+"/gateway.do", signing.Options{RootCAs: roots})
	if _, err := trusting.Exchange(t.Context(), code); err != nil {
		t.Errorf("known authority: %v", err)
	}
}
