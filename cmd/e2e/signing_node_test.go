package e2e

import (
	"bufio"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// The simulator and package signing could share a mistake. Every test in this file therefore uses the
// SDK that Alipay publishes for Node at one end.

// nodePeerDir is the directory in which the SDK is installed.
const nodePeerDir = "../../signing/node"

// A nodePeer is a running signing/node/peer.mjs.
type nodePeer struct {
	t       testing.TB
	in      io.Writer
	out     *bufio.Scanner
	sim     *alipaysim.Sim
	keyring *keys.AlipayKeyring
	app     *rsa.PrivateKey
}

// newNodePeer starts a peer with the keys of this run and the simulator as its gateway.
// It skips the test without Node and the package, except in CI.
func newNodePeer(t testing.TB) *nodePeer {
	t.Helper()
	node := needNode(t, nodePeerDir, "alipay-sdk")
	app, err := keys.ParsePrivateKey(cmdtest.TestKeys().Files["app_private_key.pem"])
	cmdtest.NoError(t, err)
	p := &nodePeer{t: t, app: app, keyring: newKeyring(t, app)}
	p.sim, err = alipaysim.New(alipaysim.Config{AppID: cmdtest.TestAppID, AppKey: &app.PublicKey, Key: cmdtest.TestKeys().Alipay[0], ContentKey: []byte("sixteen bytes...")})
	cmdtest.NoError(t, err)
	p.sim.Add(alipaysim.Person{Person: "ok", Name: "张三", IDType: "01", IDNumber: "990101199003070134", Phone: "19900000001", Certified: true})
	p.sim.Add(alipaysim.Person{Person: "both", Name: "王五", IDType: "01", IDNumber: "990101197001010351", Phone: "19900000001",
		UserID: "2088000000000002", OpenID: "074aBoth_-1", Certified: true})
	p.start(exec.CommandContext(t.Context(), node, "peer.mjs"))
	gateway := httptest.NewServer(p.sim)
	t.Cleanup(gateway.Close)
	p.send(nil, apiclient.Fields{
		"do": "keys", "app_id": cmdtest.TestAppID, "gateway": gateway.URL + "/gateway.do",
		"app": privateText(app), "app_public": cmdtest.PublicText(t, &app.PublicKey),
		"alipay": privateText(cmdtest.TestKeys().Alipay[0]), "alipay_public": cmdtest.PublicText(t, &cmdtest.TestKeys().Alipay[0].PublicKey),
	})
	return p
}

func (p *nodePeer) start(cmd *exec.Cmd) {
	p.t.Helper()
	cmd.Dir, cmd.Stderr = nodePeerDir, p.t.Output()
	cmd.Env = append(os.Environ(), "TZ=Asia/Shanghai") // the SDK dates requests in the local time zone
	in, err := cmd.StdinPipe()
	cmdtest.NoError(p.t, err)
	out, err := cmd.StdoutPipe()
	cmdtest.NoError(p.t, err)
	cmdtest.NoError(p.t, cmd.Start())
	p.in, p.out = in, bufio.NewScanner(out)
	p.t.Cleanup(func() {
		in.Close()
		cmd.Wait() // killed when the test ends
	})
}

// newKeyring returns a keyring with the application's key own and Alipay's first key.
func newKeyring(t testing.TB, own *rsa.PrivateKey) *keys.AlipayKeyring {
	t.Helper()
	keyring, err := keys.NewAlipayKeyring(cmdtest.TestAppID, own, []keys.AlipayKey{{Public: &cmdtest.TestKeys().Alipay[0].PublicKey}})
	cmdtest.NoError(t, err)
	return keyring
}

// notification returns a notice as Alipay writes it.
func (p *nodePeer) notification(notice alipaysim.Notice) alipaysim.Notification {
	p.t.Helper()
	notification, err := p.sim.Write(notice)
	cmdtest.NoError(p.t, err)
	return notification
}

// accept verifies a message that must be valid.
func (p *nodePeer) accept(body string) signing.Notification {
	p.t.Helper()
	n, err := signing.VerifyNotification(p.keyring, []byte(body), formType)
	cmdtest.NoError(p.t, err)
	return n
}

const formType = "application/x-www-form-urlencoded; charset=utf-8"

func privateText(key *rsa.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(key))
}

// send sends a command and decodes its reply into into.
func (p *nodePeer) send(into any, command apiclient.Fields) {
	p.t.Helper()
	line, err := json.Marshal(command)
	cmdtest.NoError(p.t, err)
	_, err = p.in.Write(append(line, '\n'))
	if err != nil || !p.out.Scan() {
		p.t.Fatalf("%v: no reply (%v, %v)", command["do"], err, p.out.Err())
	}
	if into != nil {
		cmdtest.NoError(p.t, json.Unmarshal(p.out.Bytes(), into))
	}
}

// A sdkVerdict is the results of checkNotifySign and checkNotifySignV2. The first decodes
// each value once more than it was encoded, so that it fails for a value with '%'.
type sdkVerdict struct{ V1, V2 bool }

func (p *nodePeer) verify(body []byte) (v sdkVerdict) {
	p.t.Helper()
	p.send(&v, apiclient.Fields{"do": "verify", "body": string(body)})
	return v
}

// TestNodeVerifiesSimulator checks that the SDK accepts every kind of message of the
// simulator.
func TestNodeVerifiesSimulator(t *testing.T) {
	t.Parallel()
	p := newNodePeer(t)
	for kind := range alipaysim.Kinds() {
		notification := p.notification(alipaysim.Notice{Person: "ok", Kind: kind})
		want := sdkVerdict{V1: kind != "trade_status_sync", V2: true} // the trade has '%' in it
		if got := p.verify(notification.Body); got != want {
			t.Errorf("%s: %+v, want %+v", kind, got, want)
		}
	}
}

// TestNodeRefusesWhatWeRefuse checks that package signing refuses what the SDK refuses.
// The table lists where the SDK is more lenient.
func TestNodeRefusesWhatWeRefuse(t *testing.T) {
	t.Parallel()
	p := newNodePeer(t)
	lenient := map[string]string{
		"":             "", // genuine
		"stale":        "", // valid for us, too: its age is checked later
		"future":       "",
		"sha1":         "it uses sign_type, which the sender chooses",
		"other_app":    "it does not look at app_id",
		"duplicate":    "the last value wins",
		"content_type": "it gets only the body",
	}
	faults := alipaysim.NoticeFaults()
	faults[""] = "none"
	for fault := range faults {
		notification := p.notification(alipaysim.Notice{Person: "ok", Kind: signing.MethodCancelled, Fault: fault})
		_, err := signing.VerifyNotification(p.keyring, notification.Body, notification.ContentType)
		why, takes := lenient[fault]
		if got := p.verify(notification.Body); got.V2 != takes {
			t.Errorf("%q: the SDK says %+v", fault, got)
		}
		if ours := err == nil; ours != (takes && why == "") {
			t.Errorf("%q: we say %v", fault, err)
		}
	}
}

// TestNodeSignsNotifications checks that messages of the SDK are accepted, with sign_type
// in the signed text (V2) and without (V1), and that changed ones are not.
func TestNodeSignsNotifications(t *testing.T) {
	t.Parallel()
	p := newNodePeer(t)
	var event struct{ Body string }
	p.send(&event, apiclient.Fields{"do": "notice", "method": "alipay.open.servicemarket.order.notify", "params": apiclient.Fields{
		"notify_type": "servicemarket_order_notify", "notify_id": "2026010200000000000001",
		"notify_time": "2026-01-02 03:04:05", "title": "订购 a+b & c=d 100% ", "remark": "",
	}})
	if n := p.accept(event.Body); n.Family != signing.FamilyEvent || n.Rule != signing.NotifyV2 {
		t.Errorf("got %+v", n)
	}
	form := url.Values{
		"version": {"1.1"}, "msg_method": {signing.MethodCancelled}, "utc_timestamp": {"1767294245000"},
		"notify_id": {"2026010200000000000001"}, "charset": {"UTF-8"}, "app_id": {cmdtest.TestAppID}, "sign_type": {"RSA2"},
		"biz_content": {`{"cancel_time":1767294240000,"open_id":"074aCitizen","app_id":"` + cmdtest.TestAppID + `"}`},
	}
	var message struct{ Sign string }
	p.send(&message, apiclient.Fields{"do": "text", "text": pairsOf(form)})
	form.Set("sign", message.Sign)
	if n := p.accept(form.Encode()); n.Family != signing.FamilyFromAnt || n.Method != signing.MethodCancelled {
		t.Errorf("got %+v", n)
	}
	for name, body := range map[string]string{
		"event":   strings.Replace(event.Body, "order_notify", "order_notifx", 1),
		"message": strings.Replace(form.Encode(), "notify_id=2026", "notify_id=2025", 1),
	} {
		if _, err := signing.VerifyNotification(p.keyring, []byte(body), formType); !errors.Is(err, signing.ErrBadSignature) {
			t.Errorf("%s changed: %v", name, err)
		}
	}
}

// pairsOf returns the signed text of a From-Ant message without using Canonical.
func pairsOf(form url.Values) string {
	var pairs []string
	for _, name := range []string{"app_id", "biz_content", "charset", "msg_method", "notify_id", "utc_timestamp", "version"} {
		pairs = append(pairs, name+"="+form.Get(name))
	}
	return strings.Join(pairs, "&")
}

// TestNodeAgreesOnText checks that both ends sign the same text of a request and of a
// reply to a call of Alipay.
func TestNodeAgreesOnText(t *testing.T) {
	t.Parallel()
	p := newNodePeer(t)
	var request struct{ Body string }
	p.send(&request, apiclient.Fields{"do": "request", "method": "alipay.user.certdoc.certverify.preconsult",
		"params": apiclient.Fields{"bizContent": apiclient.Fields{"user_name": "张三 & co=100%", "cert_type": "IDENTITY_CARD"}}})
	form, err := url.ParseQuery(strings.TrimPrefix(request.Body, "?"))
	cmdtest.NoError(t, err)
	text, err := signing.Canonical(form, signing.Request)
	cmdtest.NoError(t, err)
	cmdtest.NoError(t, signing.Verify(&p.app.PublicKey, text, form.Get("sign")))

	answer, err := signing.SignSPIAnswer(p.keyring, json.RawMessage(`{"code":"40004","sub_msg":"不支持的接口 \"}"}`))
	cmdtest.NoError(t, err)
	for raw, want := range map[string]bool{string(answer): true, strings.Replace(string(answer), "40004", "10000", 1): false} {
		var verdict struct{ OK bool }
		p.send(&verdict, apiclient.Fields{"do": "answer", "raw": raw})
		if verdict.OK != want {
			t.Errorf("the SDK says %v about %s", verdict.OK, raw)
		}
	}
}

// TestNodeCallsSimulator checks that the SDK as an application gets the same replies from
// the simulator's gateway as package signing, and refuses the same ones.
func TestNodeCallsSimulator(t *testing.T) {
	t.Parallel()
	p := newNodePeer(t)
	for _, c := range []struct{ name, fault, refused string }{
		{"genuine", "", ""},
		{"again", "", ""},
		{"bad signature", "bad_signature", "验签失败"},
		{"other application", "other_app", "验签失败"},
	} {
		code, err := p.sim.AuthCode("both")
		cmdtest.NoError(t, err)
		if c.fault != "" {
			cmdtest.NoError(t, p.sim.Fault(c.fault, 1))
		}
		var got struct{ OpenID, UserID, AccessToken, Refused string }
		p.send(&got, apiclient.Fields{"do": "exchange", "code": code})
		if got.Refused != c.refused || c.refused == "" && (got.OpenID != "074aBoth_-1" || got.UserID != "2088000000000002" || got.AccessToken == "") {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// TestNodeIsGateway checks that a gateway of the SDK accepts our requests, and that its
// replies are accepted only if they are complete and signed with Alipay's key.
func TestNodeIsGateway(t *testing.T) {
	t.Parallel()
	p := newNodePeer(t)
	var gateway struct{ URL string }
	p.send(&gateway, apiclient.Fields{"do": "serve"})
	own, err := signing.NewGateway(p.keyring, gateway.URL, signing.Options{})
	cmdtest.NoError(t, err)
	stranger, err := signing.NewGateway(newKeyring(t, cmdtest.TestKeys().Alipay[1]), gateway.URL, signing.Options{})
	cmdtest.NoError(t, err)
	for _, c := range []struct {
		name, code string
		gate       *signing.Gateway
		want       error
	}{
		{"genuine", "good", own, nil},
		{"altered", "altered", own, signing.ErrForged},
		{"signed by another", "forged", own, signing.ErrForged},
		{"not the application", "good", stranger, signing.ErrConfiguration},
	} {
		grant, err := c.gate.Exchange(t.Context(), c.code)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.want == nil && (grant.AccessToken != "token-of-good" || grant.ExpiresIn != 300*time.Second) {
			t.Errorf("%s: %+v", c.name, grant)
		}
	}
	resp, err := http.PostForm(gateway.URL, url.Values{"sign": {"x"}}) // it verifies requests
	cmdtest.NoError(t, err)
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.HasPrefix(string(body), `{"error_response"`) {
		t.Errorf("%v: %s", err, body)
	}
}
