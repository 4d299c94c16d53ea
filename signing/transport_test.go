package signing

import (
	"crypto/tls"
	"errors"
	"net/http"
	"testing"
	"time"
)

// TestNoProxyNoRedirect looks at the fields, because loopback addresses are never proxied.
func TestNoProxyNoRedirect(t *testing.T) {
	t.Parallel()
	base := newTransport(Options{}.withDefaults())
	if base.Proxy != nil || base.TLSClientConfig.MinVersion < tls.VersionTLS12 || base.TLSClientConfig.InsecureSkipVerify {
		t.Errorf("%+v", base)
	}
	client := newClient(base, testKeyring(t), time.Second)
	if client.CheckRedirect == nil || !errors.Is(client.CheckRedirect(nil, nil), http.ErrUseLastResponse) {
		t.Error("redirects are followed")
	}
	if _, checked := client.Transport.(checkedTransport); !checked || client.Timeout != time.Second {
		t.Errorf("%+v", client)
	}
}

// The SDK's verifier rejects what is not signed, as a second check.
func TestSDKVerifier(t *testing.T) {
	t.Parallel()
	v := sdkVerifier{testKeyring(t)}
	good, err := sign(alipayKey(), []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.VerifyBytes([]byte("text"), good); err != nil {
		t.Error(err)
	}
	if err := v.VerifyBytes([]byte("Text"), good); !errors.Is(err, ErrForged) {
		t.Error(err)
	}
	if err := v.VerifyValues(nil, good); !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	o := Options{}.withDefaults()
	if o.Timeout != 4*time.Second || o.DialTimeout >= o.Timeout || o.TLSTimeout >= o.Timeout || o.Connections < 1 {
		t.Errorf("%+v", o)
	}
	if o := (Options{Timeout: time.Second, Connections: 7}).withDefaults(); o.Timeout != time.Second || o.Connections != 7 {
		t.Errorf("%+v", o)
	}
}
