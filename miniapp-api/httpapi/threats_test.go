package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
)

// T23: oversized bodies and headers are refused and cost no memory.
func TestHugeRequests(t *testing.T) {
	h := newEnv(t)
	p := h.linkedClient(h.citizen())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	for range 64 {
		zip.Write(make([]byte, 1<<20))
	}
	zip.Close()
	p.send("POST", "/v1/link", bomb.Bytes(), header{"Content-Encoding", "gzip"}).want(t, "UNSUPPORTED_MEDIA_TYPE")
	p.send("POST", "/v1/link", []byte(strings.Repeat("[", 15000))).want(t, "BAD_REQUEST")
	for range 8 {
		endless, err := http.NewRequest("POST", p.url+"/v1/link", io.LimitReader(zeros{}, 8<<20)) // chunked, no length
		must(t, err)
		endless.Header.Set("Content-Type", "application/json")
		endless.Header.Set("Authorization", "Bearer "+p.token)
		if rsp, err := http.DefaultClient.Do(endless); err == nil { // the server may close during the write
			rsp.Body.Close()
			if rsp.StatusCode != 413 {
				t.Errorf("endless body: %d", rsp.StatusCode)
			}
		}
	}
	big, err := http.NewRequest("GET", p.url+"/healthz", nil)
	must(t, err)
	big.Header.Set("X-Big", strings.Repeat("x", 2<<20))
	if rsp, err := http.DefaultClient.Do(big); err == nil {
		rsp.Body.Close()
		if rsp.StatusCode < 400 || rsp.StatusCode >= 500 {
			t.Errorf("2 MiB of header: %d", rsp.StatusCode)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	p.get("/v1/password").want(t, "OK")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// T26: a storm of wrong passwords is refused with BUSY, and afterwards requests succeed. The
// only slot is occupied until one of the storm is refused, so the test does not depend on the
// machine's speed.
func TestStormOfAttempts(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone))
	victim, owner := h.citizen(), h.citizen()
	h.server = h.newServer(withProof(selfservice.ProofNone), onePlace(h))
	h.url = h.listen(h.server)
	attacker := h.logIn(h.citizen())
	good := h.linkedClient(owner)
	place, err := h.server.Hasher.Reserve(t.Context(), passwd.Caller{})
	must(t, err)
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			r := attacker.post("/v1/link", withPassword(victim.linkBody(), fmt.Sprint("wrong ", i)))
			mu.Lock()
			defer mu.Unlock()
			got[r.Code]++
			if r.Code == "BUSY" && r.Retry < 1 {
				t.Errorf("no advice: %s", r.Raw)
			}
		})
	}
	testenv.Eventually(t, "one is turned away", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return got["BUSY"] > 0
	})
	place.Release()
	wg.Wait()
	if got["LINK_REFUSED"]+got["BUSY"] != 100 || got["LINK_REFUSED"] == 0 {
		t.Errorf("got %v", got)
	}
	good.openChange(owner)
	if n := h.count(`SELECT attempts + 5 * tier FROM lockouts WHERE person_digest = $1`, h.personDigest(victim)); n != min(5, got["LINK_REFUSED"]) {
		t.Errorf("%d attempts were charged, want none for refused requests and at most the limit for others: %v", n, got)
	}
}

// onePlace returns a hasher with one slot and minimal cost.
func onePlace(h *env) envOption {
	return func(c *Config) {
		c.Hasher = passwd.NewHasher(passwd.HasherConfig{Pepper: h.pepper, Memory: 64, Time: 1, Slots: 1})
		h.t.Cleanup(c.Hasher.Close)
	}
}

// T27: a password is compared to its last byte, in any Unicode form.
func TestPasswordsAreWhole(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	for _, tt := range []struct{ name, password, other, same string }{
		{"64 characters", strings.Repeat("长密码一二三四五", 8), strings.Repeat("长密码一二三四五", 7) + "长密码一二三四六", ""},
		{"byte 73", strings.Repeat("天地玄黄宇宙洪荒", 3) + "Q", strings.Repeat("天地玄黄宇宙洪荒", 3) + "W", ""},
		{"composed and decomposed", "Caf\u00e9-Lantern-9", "Cafe-Lantern-9", "Cafe\u0301-Lantern-9"},
		{"blanks at the ends", "  Quiet River 4 ", "Quiet River 4", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := h.citizen()
			p := h.linkedClient(c)
			p.post(p.openChange(c)+"/confirm", twice(tt.password)).want(t, "OK")
			open := func(password string) reply {
				return p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": password})
			}
			open(tt.other).want(t, "OLD_PASSWORD_WRONG")
			open(tt.password).want(t, "OK")
			if tt.same != "" {
				open(tt.same).want(t, "OK")
			}
		})
	}
	c := h.citizen()
	p := h.linkedClient(c)
	change := p.openChange(c)
	r := p.post(change+"/confirm", twice(strings.Repeat("长", 65))).want(t, "PASSWORD_WEAK")
	if len(r.Errors) == 0 || r.Errors[0].Code != "TOO_LONG" {
		t.Errorf("65 characters: %s", r.Raw)
	}
	p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": strings.Repeat("x", 15000)}).want(t, "OLD_PASSWORD_WRONG")
}
