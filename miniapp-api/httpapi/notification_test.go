package httpapi_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
	"fundpass/store"
	"fundpass/store/storetest"
)

// deliver posts a notification as Alipay does and returns status and body.
func (h *env) deliver(url string, notification alipaysim.Notification) (int, string) {
	h.t.Helper()
	rsp, err := http.Post(url+notification.Path, notification.ContentType, bytes.NewReader(notification.Body))
	must(h.t, err)
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	must(h.t, err)
	if err := keepsContract(rsp.Request, reply{HTTP: rsp.StatusCode, Header: rsp.Header, Raw: string(body)}); err != nil {
		h.t.Errorf("%s violates openapi.yaml: %v\n%s", notification.Path, err, body)
	}
	return rsp.StatusCode, string(body)
}

func (h *env) write(n alipaysim.Notice) alipaysim.Notification {
	h.t.Helper()
	notification, err := h.sim.Write(n)
	must(h.t, err)
	return notification
}

// T11: one notification delivered many times over two processes has one effect, and every
// delivery is acknowledged.
func TestCancelledAuthorisation(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c, other := h.citizen(), h.citizen()
	p, q := h.linkedClient(c), h.linkedClient(other)
	change := p.openChange(c)
	notification := h.write(alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled})
	urls := []string{h.url, h.listen(h.newServer())}
	gate := make(chan struct{}, 50)
	var wg sync.WaitGroup
	for i := range testenv.Rounds(100, 1000) {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			if status, body := h.deliver(urls[i%2], notification); status != 200 || body != "success" {
				t.Errorf("answered %d %q", status, body)
			}
		})
	}
	wg.Wait()
	p.get("/v1/password").want(t, "SESSION_EXPIRED")
	q.get("/v1/password").want(t, "OK")
	again := h.logIn(c) // authorises again; the link ended with the old authorisation
	again.get("/v1/link").want(t, "NOT_LINKED")
	again.post("/v1/link", c.linkBody()).want(t, "OK")
	if got := again.get(change).get(t, "state"); got != "cancelled" {
		t.Errorf("the open change is %v", got)
	}
	if n := h.count(`SELECT count(*) FROM events WHERE kind = $1`, store.EventAuthorisationWithdrawn); n != 1 {
		t.Errorf("%d effects", n)
	}
	if n := h.count(`SELECT count(*) FROM notifications`); n != 1 {
		t.Errorf("%d notifications", n)
	}
	if _, body := h.deliver(h.url, notification); body != "success" { // hours later, after the new authorisation
		t.Errorf("answered %q", body)
	}
	again.get("/v1/link").want(t, "OK")
}

// Procedures opened under a link end with it, even if they were opened between the cancellation
// and its notification.
func TestCancelledMeanwhile(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	notification := h.write(alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled})
	h.clock.Advance(time.Minute)
	change := p.openChange(c)
	if _, body := h.deliver(h.url, notification); body != "success" {
		t.Fatal(body)
	}
	again := h.linkedClient(c)
	if got := again.get(change).get(t, "state"); got != "cancelled" {
		t.Errorf("the open change is %v", got)
	}
	again.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "CHANGE_GONE")
}

// A notification that arrives after a new authorisation has no effect.
func TestLateCancellation(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	h.linkedClient(c)
	late := h.write(alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled})
	h.clock.Advance(time.Minute)
	p := h.logIn(c)
	if _, body := h.deliver(h.url, late); body != "success" {
		t.Errorf("answered %q", body)
	}
	p.get("/v1/link").want(t, "OK")
	if n := h.count(`SELECT count(*) FROM events WHERE kind = $1`, store.EventAuthorisationWithdrawn); n != 0 {
		t.Error("an older cancellation ended a newer authorisation")
	}
	h.clock.Advance(49 * time.Hour)
	stale := h.write(alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled})
	if _, body := h.deliver(h.url, stale); body != "fail" {
		t.Errorf("a notification two days old was answered %q", body)
	}
}

// Every kind of Alipay's messages is acknowledged and stored once.
func TestEveryKindOfMessage(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	for kind := range alipaysim.Kinds() {
		for _, charset := range []string{"UTF-8", "GBK"} {
			t.Run(kind+" "+charset, func(t *testing.T) {
				notification := h.write(alipaysim.Notice{Person: c.Person.Person, Kind: kind, Charset: charset})
				want := "success"
				switch {
				case kind == signing.MethodGatewayCheck:
					want = "<success>true</success>"
				case notification.Path == "/alipay/spi":
					want = "ISV-METHOD-NOT-SUPPORTED"
				case notification.NotifyID == "":
					want = "fail" // without notify_id repetitions cannot be recognised
				}
				for range 2 {
					if status, body := h.deliver(h.url, notification); status != 200 || !strings.Contains(body, want) {
						t.Errorf("answered %d %q, want %s", status, body, want)
					}
				}
			})
		}
	}
	if strings.Contains(h.dump(), c.OpenID+`"`) {
		t.Error("a citizen's identifier is in the database in plain text")
	}
}

// T10, T12, T13: an invalid message is answered "fail" without a reason, stores nothing and
// makes no call.
func TestForgedMessages(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	calls := h.sim.Calls("")
	for fault := range alipaysim.NoticeFaults() {
		t.Run(fault, func(t *testing.T) {
			notification := h.write(alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled, Fault: fault})
			if status, body := h.deliver(h.url, notification); status != 200 || body != "fail" {
				t.Errorf("answered %d %q", status, body)
			}
			spi := h.write(alipaysim.Notice{Person: c.Person.Person, Kind: "spi.alipay.fund.account.query", Fault: fault})
			if _, body := h.deliver(h.url, spi); !strings.Contains(body, "ISV-VERIFICATION-FAILED") {
				t.Errorf("SPI answered %q", body)
			}
		})
	}
	genuine := h.write(alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled})
	for name, body := range map[string]string{
		"empty": "", "nothing signed": "a=b", "not a form": `{"sign":"x"}`, "huge": strings.Repeat("a=b&", 20_000),
		"appended": string(genuine.Body) + "&x=1", "unknown certificate": string(genuine.Body) + "&alipay_cert_sn=" + strings.Repeat("0", 32),
	} {
		forged := genuine
		forged.Body = []byte(body)
		if _, answer := h.deliver(h.url, forged); answer != "fail" {
			t.Errorf("%s: answered %q", name, answer)
		}
	}
	polluted := genuine
	polluted.Path += "?app_id=2021000000000009&sign=x" // the query is ignored
	if n := h.count(`SELECT count(*) FROM notifications`); n != 0 {
		t.Errorf("%d forged messages were stored", n)
	}
	p.get("/v1/password").want(t, "OK")
	if got := h.sim.Calls("") - calls; got != 0 {
		t.Errorf("forged messages caused %d calls to Alipay", got)
	}
	if _, body := h.deliver(h.url, polluted); body != "success" {
		t.Errorf("the genuine one was answered %q", body)
	}
}

// A message that cannot be committed is not acknowledged, and is accepted when it is repeated.
func TestAcknowledgedOnlyWhenCommitted(t *testing.T) {
	t.Parallel()
	h := newEnvIn(t, storetest.DSN(t))
	c := h.citizen()
	p := h.linkedClient(c)
	notification := h.write(alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled})
	h.exec(`ALTER TABLE events RENAME TO events_gone`) // the last statement fails
	if _, body := h.deliver(h.url, notification); body != "fail" {
		t.Errorf("answered %q", body)
	}
	h.exec(`ALTER TABLE events_gone RENAME TO events`)
	p.get("/v1/password").want(t, "OK")
	if n := h.count(`SELECT count(*) FROM notifications`); n != 0 {
		t.Error("stored without its effect")
	}
	if _, body := h.deliver(h.url, notification); body != "success" {
		t.Errorf("answered %q", body)
	}
	p.get("/v1/password").want(t, "SESSION_EXPIRED")
}

// While keys change and both are loaded, no genuine message is refused.
func TestRotationUnderTraffic(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	send := func(key string, n int) (accepted int) {
		for range n {
			notification := h.write(alipaysim.Notice{Person: c.Person.Person, Kind: "alipay.open.app.api.field.changed", Key: key})
			if _, body := h.deliver(h.url, notification); body == "success" {
				accepted++
			}
		}
		return accepted
	}
	if got := send("", 5); got != 5 {
		t.Fatalf("%d of 5 before the rotation", got)
	}
	before := h.keyring()
	must(t, h.sim.RotateKey())
	if got := send("", 5); got != 0 {
		t.Errorf("%d signed by a key we do not know yet were accepted", got)
	}
	both := h.keyring(before.AlipayKeys()...)
	must(t, h.server.Alipay.Replace(both))
	if a, b := send("old", 5), send("", 5); a != 5 || b != 5 {
		t.Errorf("with both keys %d of the old and %d of the new were accepted", a, b)
	}
	must(t, h.server.Alipay.Replace(h.keyring()))
	if a, b := send("old", 5), send("", 5); a != 0 || b != 5 {
		t.Errorf("with the new key alone %d of the old and %d of the new were accepted", a, b)
	}
	h.logIn(c)
}
