package signing

import (
	"net/url"
	"strings"
	"testing"

	"fundpass/keys"
)

// openssl signed this request of a third-party application: app_auth_token is in the text, once and
// as it is sent, and no request without it or with another has the signature.
func TestThirdPartyRequestVector(t *testing.T) {
	t.Parallel()
	var vector struct {
		PublicKey string `json:"public_key"`
		Params    string
		Sign      string
	}
	readTestdata(t, "third_party_request.json", &vector)
	key, err := keys.ParsePublicKey([]byte(vector.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	for change, want := range map[string]bool{"": true, "app_auth_token=": false, "app_auth_token=202601BB7f3a9c1e5d2b4860a1c3e5f708192a3c": false} {
		params, err := url.ParseQuery(vector.Params)
		if err != nil {
			t.Fatal(err)
		}
		if name, value, ok := strings.Cut(change, "="); ok {
			params.Set(name, value)
		}
		text, err := Canonical(params, Request)
		if err != nil {
			t.Fatal(err)
		}
		if got := Verify(key, text, vector.Sign) == nil; got != want {
			t.Errorf("%q: verified %v", change, got)
		}
	}
}
