package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fundpass/keys"
	"fundpass/signing"
)

// A fixture is the files that a run needs.
type fixture struct {
	dir     string
	app     *keys.AppKey
	appKey  string // path of the public half
	people  string
	ownPath string
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	dir := t.TempDir()
	app, err := keys.NewAppKey()
	must(t, err)
	h := fixture{dir: dir, app: app, appKey: filepath.Join(dir, "app.txt"), people: filepath.Join(dir, "people.json"), ownPath: filepath.Join(dir, "alipay.pem")}
	must(t, os.WriteFile(h.appKey, []byte(app.Public()), 0o644))
	must(t, os.WriteFile(h.people, []byte(`[{"person":"ok","name":"张三","id_type":"01","id_number":"990101195603070011"}]`), 0o644))
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start runs the program until the test ends and returns the printed gateway and key.
func (h fixture) start(t *testing.T, args ...string) (gateway, key string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan error, 1)
	args = append([]string{"-addr", "127.0.0.1:0", "-app-id", "2021000000000001", "-app-key", h.appKey}, args...)
	go func() { done <- run(ctx, args, w); w.Close() }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	buf := make([]byte, 4096)
	n, err := r.Read(buf)
	must(t, err)
	go io.Copy(io.Discard, r)
	found := regexp.MustCompile(`(?s)gateway: (\S+)\n.*:\n(\S+)\n`).FindStringSubmatch(string(buf[:n]))
	if found == nil {
		t.Fatalf("printed %q", buf[:n])
	}
	return found[1], found[2]
}

// TestExchange checks that the printed gateway and key are sufficient to exchange a code.
func TestExchange(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	gateway, key := h.start(t, "-people", h.people)
	public, err := keys.ParsePublicKey([]byte(key))
	must(t, err)
	keyring, err := keys.NewAlipayKeyring("2021000000000001", h.app.Private(), []keys.AlipayKey{{Public: public}})
	must(t, err)
	g, err := signing.NewGateway(keyring, gateway, signing.Options{})
	must(t, err)
	base := strings.TrimSuffix(gateway, "/gateway.do")
	resp, err := http.Post(base+"/sim/auth-code", "application/json", strings.NewReader(`{"person":"ok"}`))
	must(t, err)
	defer resp.Body.Close()
	var code struct {
		AuthCode string `json:"auth_code"`
	}
	must(t, json.NewDecoder(resp.Body).Decode(&code))
	grant, err := g.Exchange(t.Context(), code.AuthCode)
	must(t, err)
	matches, err := g.MatchPerson(t.Context(), grant.AccessToken, signing.Person{Name: "张三", IDType: "01", IDNumber: "990101195603070011"})
	if err != nil || !matches {
		t.Errorf("person of the file: %v, %v", matches, err)
	}
}

func TestOwnKeyStays(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	_, first := h.start(t, "-alipay-key", h.ownPath)
	_, second := h.start(t, "-alipay-key", h.ownPath)
	if first != second {
		t.Error("a restart changed the key")
	}
	if err := keys.CheckMode(h.ownPath); err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	bad := filepath.Join(h.dir, "bad.json")
	must(t, os.WriteFile(bad, []byte("not JSON"), 0o644))
	given := []string{"-app-id", "1", "-app-key", h.appKey}
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"outside", append(given, "-addr", "0.0.0.0:0"), "loopback"},
		{"every address", append(given, "-addr", ":0"), "loopback"},
		{"no application", nil, "-app-id"},
		{"private key", []string{"-app-id", "1", "-app-key", bad}, bad},
		{"no people", append(given, "-addr", "127.0.0.1:0", "-people", bad), "not a list of people"},
		{"damaged own key", append(given, "-alipay-key", bad), bad},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancel(t.Context())
			stop() // stops it if it listens
			var out bytes.Buffer
			err := run(ctx, c.args, &out)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
			if out.Len() > 0 {
				t.Errorf("printed %q", out.String())
			}
		})
	}
}
