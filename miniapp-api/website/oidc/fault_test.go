package oidc_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"fundpass/miniapp-api/website/oidc"
	"fundpass/miniapp-api/website/oidc/oidcsim"
)

// No misbehaviour of the issuer, or of whoever stands between, signs anybody in.
func TestFaults(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(_ *oidcsim.Config, s *oidc.Settings, _ *oidc.Options) { s.MaxAge = new(60) })
	for _, c := range []struct {
		want   error
		tokens int // calls of the token endpoint
		faults []oidcsim.Fault
	}{
		{oidc.ErrExpired, 0, []oidcsim.Fault{oidcsim.WrongState}},
		{oidc.ErrUnavailable, 0, []oidcsim.Fault{oidcsim.IssuerTrouble}},
		{oidc.ErrUnavailable, 1, []oidcsim.Fault{oidcsim.NoAccessToken, oidcsim.SubjectNumber}},
		{oidc.ErrRejected, 0, []oidcsim.Fault{oidcsim.NoState, oidcsim.TwoCodes, oidcsim.NoCode, oidcsim.OtherIssuer, oidcsim.NoIssuer,
			oidcsim.CodeAndError, oidcsim.UnknownError}},
		{oidc.ErrRejected, 1, []oidcsim.Fault{oidcsim.InventedCode, oidcsim.NoIDToken, oidcsim.OtherType}},
		{oidc.ErrRejected, 1, []oidcsim.Fault{oidcsim.AlgNone, oidcsim.AlgHS256, oidcsim.AlgHS256Secret, oidcsim.OtherKey, oidcsim.OtherKeyID,
			oidcsim.EmbeddedKey, oidcsim.NoSignature, oidcsim.ChangedPayload, oidcsim.RepeatedClaim}},
		{oidc.ErrRejected, 1, []oidcsim.Fault{oidcsim.WrongNonce, oidcsim.NoNonce, oidcsim.OtherIssuerIn, oidcsim.OtherAudience, oidcsim.TwoAudiences,
			oidcsim.OtherParty, oidcsim.Expired, oidcsim.NoExpiry, oidcsim.IssuedLater, oidcsim.IssuedLongAgo, oidcsim.NoIssuedAt, oidcsim.NotYet,
			oidcsim.NoSubject, oidcsim.WrongAtHash, oidcsim.TimesAsText, oidcsim.AuthLongAgo, oidcsim.NoAuthTime, oidcsim.AuthTimeFuture}},
		{oidc.ErrRejected, 1, []oidcsim.Fault{oidcsim.OtherSubject, oidcsim.NoSubjectInInfo}},
	} {
		for _, f := range c.faults {
			e.sim.Fault(f)
			before := e.sim.Calls("token")
			if p, err := e.signIn(); !errors.Is(err, c.want) {
				t.Errorf("%s: %+v, %v", f, p, err)
			}
			if n := e.sim.Calls("token") - before; n != c.tokens {
				t.Errorf("%s: the code was sent %d times", f, n)
			}
		}
	}
	e.sim.Fault("")
	p, err := e.signIn()
	if noError(t, err); p != zhangHere { // the fixture is right without a fault
		t.Errorf("%+v", p)
	}
}

// What the issuer announces does not change what is accepted, and endpoints must be as safe as
// the issuer.
func TestMetadataFaults(t *testing.T) {
	t.Parallel()
	for _, f := range []oidcsim.Fault{oidcsim.MetadataOfOther, oidcsim.PlainHTTP, oidcsim.NoKeysURL, oidcsim.PlainPKCE} {
		e := newEnv(t)
		e.sim.Fault(f)
		w := httptest.NewRecorder()
		err := e.client.Start(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if !errors.Is(err, oidc.ErrUnavailable) || len(w.Header()) > 0 {
			t.Errorf("%s: %v, header %v", f, err, w.Header())
		}
	}
	for _, f := range []oidcsim.Fault{oidcsim.AlgNone, oidcsim.AlgHS256, oidcsim.AlgHS256Secret, oidcsim.SymmetricKey} {
		e := newEnv(t)
		e.sim.Fault(f) // announced from the beginning
		if p, err := e.signIn(); !errors.Is(err, oidc.ErrRejected) {
			t.Errorf("%s announced: %+v, %v", f, p, err)
		}
	}
}

// An endpoint that answers badly, late or with a redirect makes the sign-in unavailable. Nothing
// is sent to where it redirects.
func TestEndpointFaults(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"discovery", "token", "keys", "userinfo"} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			for _, f := range oidcsim.EndpointFaults(endpoint) {
				e := newEnv(t, func(_ *oidcsim.Config, _ *oidc.Settings, o *oidc.Options) {
					if strings.HasSuffix(string(f), ":slow") {
						o.Timeout = 300 * time.Millisecond
					}
				})
				e.sim.Fault(f)
				var err error
				if endpoint == "discovery" {
					err = e.client.Check(t.Context())
				} else {
					_, err = e.signIn()
				}
				wants := []error{oidc.ErrUnavailable}
				if f == "keys:not JSON" {
					wants = append(wants, oidc.ErrRejected)
				}
				if !slices.ContainsFunc(wants, func(want error) bool { return errors.Is(err, want) }) {
					t.Errorf("%s: %v", f, err)
				}
				if n := e.sim.Calls("elsewhere"); n != 0 {
					t.Errorf("%s: followed %d times", f, n)
				}
			}
		})
	}
}

// The code, the secret and the verifier go only to an issuer with a trusted certificate.
func TestCertificate(t *testing.T) {
	t.Parallel()
	var sim *oidcsim.Sim
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { sim.Handler().ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	change := func(c *oidcsim.Config, s *oidc.Settings, _ *oidc.Options) {
		c.Issuer, s.Issuer = server.URL, server.URL
	}
	e := newEnv(t, change)
	sim = e.sim
	if err := e.client.Check(t.Context()); !errors.Is(err, oidc.ErrUnavailable) || !strings.Contains(err.Error(), "TLS certificate is not trusted") {
		t.Error(err)
	}
	e = newEnv(t, change, func(_ *oidcsim.Config, _ *oidc.Settings, o *oidc.Options) {
		o.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	})
	sim = e.sim
	noError(t, e.client.Check(t.Context()))
}

// While the issuer is down, one citizen waits for it and the others are told at once. When it is
// back, the next one signs in.
func TestIssuerDown(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.sim.Fault("discovery:error")
	for range 5 {
		if err := e.client.Check(t.Context()); !errors.Is(err, oidc.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if n := e.sim.Calls("discovery"); n != 1 {
		t.Errorf("asked %d times", n)
	}
	e.sim.Fault("")
	if err := e.client.Check(t.Context()); !errors.Is(err, oidc.ErrUnavailable) {
		t.Fatal(err)
	}
	e.ahead.Store(int64(11 * time.Second))
	_, err := e.signIn()
	noError(t, err)
}

// Metadata are fetched again after an hour, and used for six if they cannot be.
func TestMetadataAge(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	step := func(ahead time.Duration, fault oidcsim.Fault, calls int, want error) {
		t.Helper()
		e.ahead.Store(int64(ahead))
		e.sim.Fault(fault)
		if err := e.client.Check(t.Context()); !errors.Is(err, want) {
			t.Errorf("after %v: %v", ahead, err)
		}
		if n := e.sim.Calls("discovery"); n != calls {
			t.Errorf("after %v: asked %d times, want %d", ahead, n, calls)
		}
	}
	step(0, "", 1, nil)
	step(59*time.Minute, "", 1, nil)
	step(time.Hour+time.Second, "", 2, nil)
	step(3*time.Hour, "discovery:error", 3, nil)
	step(3*time.Hour+5*time.Second, "discovery:error", 3, nil)
	step(7*time.Hour, "discovery:error", 4, nil)
	step(7*time.Hour+2*time.Second, "discovery:error", 4, oidc.ErrUnavailable)
	step(8*time.Hour, "", 5, nil)
}

// A new key of the issuer is found at once, and a withdrawn one is no longer accepted an hour
// later.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	_, err := e.signIn()
	noError(t, err)
	e.sim.RotateKey()
	_, err = e.signIn()
	noError(t, err)
	if n := e.sim.Calls("keys"); n != 2 {
		t.Errorf("keys were fetched %d times", n)
	}
	e.sim.RotateKey()
	e.sim.Fault(oidcsim.WithdrawnKey)
	e.ahead.Store(int64(time.Hour + time.Second))
	if p, err := e.signIn(); !errors.Is(err, oidc.ErrRejected) {
		t.Errorf("a withdrawn key: %+v, %v", p, err)
	}
}
