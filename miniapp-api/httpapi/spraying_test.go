package httpapi_test

import (
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
)

// withSpraying replaces the policy's limits.
func withSpraying(user, address, minute int) envOption {
	return func(c *Config) {
		p := *c.Policy
		p.Spraying = passwd.Spraying{PerUser: user, PerAddress: address, PerMinute: minute}
		c.Policy = &p
	}
}

// withProxy trusts X-Forwarded-For from this machine.
func withProxy(c *Config) {
	c.Proxies = []*net.IPNet{{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}}
}

func from(ip string) header { return header{"X-Forwarded-For", ip} }

// evaluated returns the number of people for whom a stranger's password was checked.
func (h *env) evaluated() int {
	h.t.Helper()
	return h.count(`SELECT count(*) FROM lockouts WHERE scope = 'public' AND attempts + tier > 0`)
}

// T3: of one user's attempts at a thousand people over two processes five passwords are
// checked, the answers are the same, and no other counter changes.
func TestOneUserManyPeople(t *testing.T) {
	t.Parallel()
	for _, proof := range []selfservice.Proof{selfservice.ProofCertdoc, selfservice.ProofNone} {
		t.Run(string(proof), func(t *testing.T) {
			t.Parallel()
			h := newEnv(t, withProof(proof))
			clients := []*client{h.logIn(h.citizen()), nil}
			twin := *clients[0]
			twin.url = h.listen(h.newServer(withProof(proof)))
			clients[1] = &twin
			password := map[selfservice.Proof]string{selfservice.ProofCertdoc: "Quiet-River-1", selfservice.ProofNone: "wrong-password"}[proof] // the right one, which does not suffice
			var mu sync.Mutex
			looks := map[string]int{}
			atOnce(50, manyPeople(t, h, 500), func(i int, number string) {
				r := refused(t, clients[i%2], m{"name": "测试人", "id_type": "01", "id_number": number, "password": password})
				mu.Lock()
				defer mu.Unlock()
				looks[fmt.Sprint(r.HTTP, requestPart.ReplaceAllString(r.Raw, ""), strippedHeaders(r.Header))]++
			})
			if len(looks) != 1 || !strings.Contains(fmt.Sprint(looks), "LINK_REFUSED") {
				t.Errorf("%d different answers: %v", len(looks), looks)
			}
			if n := h.evaluated(); n != 5 {
				t.Errorf("passwords of %d people were checked, want 5", n)
			}
			if n := strings.Count(h.logs.String(), `"msg":"spraying"`); n != 1 {
				t.Errorf("%d lines of warning, want one a user and day", n)
			}
		})
	}
}

// atOnce calls f for every element, n concurrently.
func atOnce[T any](n int, all []T, do func(i int, x T)) {
	gate := make(chan struct{}, n)
	var wg sync.WaitGroup
	for i, x := range all {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			do(i, x)
		})
	}
	wg.Wait()
}

// T2: of many users' attempts at one person five are checked.
func TestManyUsersOnePerson(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone), withSpraying(5, 200, 10_000))
	victim, attacker := h.citizen(), h.citizen()
	atOnce(50, make([]struct{}, testenv.Rounds(60, 1000)), func(i int, _ struct{}) {
		c := attacker // Alipay users with no account here
		c.Person.Person, c.OpenID = fmt.Sprint("one-attempt-", i), fmt.Sprint("one-attempt-", i)
		h.sim.Add(c.Person)
		h.logIn(c).post("/v1/link", withPassword(victim.linkBody(), fmt.Sprint("wrong ", i))).want(t, "LINK_REFUSED")
	})
	if n := h.count(`SELECT attempts + 5 * tier FROM lockouts WHERE person_digest = $1`, h.personDigest(victim)); n != 5 {
		t.Errorf("%d attempts were checked, want 5", n)
	}
}

// Further attempts at people tried before are permitted, and the limit is per day.
func TestSprayerMayRepeat(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone), withSpraying(2, 200, 600))
	sprayer := h.citizen()
	people := []citizen{h.citizen(), h.citizen(), h.citizen()}
	p := h.logIn(sprayer)
	for range 2 {
		for _, c := range people {
			before := h.server.Hasher.Hashed()
			p.post("/v1/link", withPassword(c.linkBody(), "wrong-password")).want(t, "LINK_REFUSED")
			if n := h.server.Hasher.Hashed() - before; n != 1 {
				t.Errorf("%d hashes, want 1 for everybody", n)
			}
		}
	}
	used := func(c citizen) int {
		return h.count(`SELECT attempts FROM lockouts WHERE person_digest = $1`, h.personDigest(c))
	}
	if used(people[0]) != 2 || used(people[1]) != 2 || used(people[2]) != 0 {
		t.Errorf("used %d %d %d, want 2 2 0", used(people[0]), used(people[1]), used(people[2]))
	}
	p.post("/v1/link", people[2].linkBody()).want(t, "LINK_REFUSED") // the right password
	h.clock.Advance(24 * time.Hour)
	h.logIn(sprayer).post("/v1/link", people[2].linkBody()).want(t, "OK")
}

// Right passwords for several people are no spraying, such as on a family's phone.
func TestRightPasswordsAreNoSpraying(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone), withSpraying(2, 2, 2))
	p := h.logIn(h.citizen())
	for range 5 {
		c := h.citizen()
		p.post("/v1/link", withPassword(c.linkBody(), "wrong-password")).want(t, "LINK_REFUSED") // a wrong password, undone by the next right one
		p.post("/v1/link", c.linkBody()).want(t, "OK")
		p.post("/v1/link/remove", m{"password": c.Password}).want(t, "OK")
		h.clock.Advance(time.Minute) // a wrong password counts for its minute
	}
}

// After failed attempts at many people from one address, verified citizens can continue and
// others are refused. If nobody can be verified first, the refusal is TOO_MANY_REQUESTS.
func TestAddress(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		proof selfservice.Proof
		code  string
	}{{selfservice.ProofCertdoc, "LINK_REFUSED"}, {selfservice.ProofNone, "TOO_MANY_REQUESTS"}} {
		t.Run(string(tt.proof), func(t *testing.T) {
			t.Parallel()
			h := newEnv(t, withProof(tt.proof), withSpraying(2, 4, 600), withProxy)
			for range 2 {
				p := h.logIn(h.citizen())
				for range 2 {
					p.post("/v1/link", withPassword(h.citizen().linkBody(), "wrong-password"), from("2001:db8::1")).want(t, "LINK_REFUSED")
				}
			}
			late := h.logIn(h.citizen())
			next := h.citizen()
			r := late.post("/v1/link", withPassword(next.linkBody(), "wrong-password"), from("2001:db8::2")).want(t, tt.code) // the same /64
			if tt.proof == selfservice.ProofNone && (r.HTTP != 429 || r.Retry < 1 || r.Retry > 24*3600) {
				t.Errorf("no advice: %s", r.Raw)
			}
			if n := h.count(`SELECT attempts FROM lockouts WHERE person_digest = $1`, h.personDigest(next)); n != 0 {
				t.Errorf("%d attempts of the victim were charged", n)
			}
			if n := h.evaluated(); n != 4 {
				t.Errorf("%d passwords were checked, want 4", n)
			}
			late.post("/v1/link", withPassword(next.linkBody(), "wrong-password"), from("2001:db8:0:1::1")).want(t, "LINK_REFUSED")
			if n := h.evaluated(); n != 5 {
				t.Errorf("%d passwords were checked, want 5: another address is not limited", n)
			}
			owner := h.citizen()
			if tt.proof == selfservice.ProofCertdoc {
				h.logIn(owner).post("/v1/link", owner.linkBody(), from("2001:db8::3")).want(t, "OK")
			}
		})
	}
}

// The rate of all users together has a limit per minute. Metrics and log report it without
// naming a user.
func TestGlobalRate(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone), withSpraying(5, 200, 3), withProxy)
	h.clock.Advance(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute))) // a whole minute
	spray := func(i int) reply {
		return h.logIn(h.citizen()).post("/v1/link", withPassword(h.citizen().linkBody(), "wrong-password"), from(fmt.Sprint("192.0.2.", i)))
	}
	for i := range 3 {
		spray(i).want(t, "LINK_REFUSED")
	}
	for i := range 2 {
		if r := spray(10+i).want(t, "TOO_MANY_REQUESTS"); r.Retry < 1 || r.Retry > 60 {
			t.Errorf("no advice: %s", r.Raw)
		}
	}
	if n := h.evaluated(); n != 3 {
		t.Errorf("%d passwords were checked, want 3", n)
	}
	h.wantSprayed(map[string]int{"global": 2, "user": 0, "address": 0})
	var warned []string
	for line := range strings.Lines(h.logs.String()) {
		if strings.Contains(line, `"msg":"spraying"`) {
			warned = append(warned, line)
		}
	}
	if len(warned) != 1 || strings.Contains(warned[0], "192.0.2") || !strings.Contains(warned[0], `"by":"global"`) {
		t.Errorf("warned %q", warned)
	}
	h.clock.Advance(time.Minute)
	spray(20).want(t, "LINK_REFUSED")
}

// wantSprayed checks the metric.
func (h *env) wantSprayed(want map[string]int) {
	h.t.Helper()
	ops := httptest.NewServer(h.server.OpsHandler())
	defer ops.Close()
	rsp, err := ops.Client().Get(ops.URL + "/metrics")
	must(h.t, err)
	defer rsp.Body.Close()
	scraped, err := io.ReadAll(rsp.Body)
	must(h.t, err)
	for by, n := range want {
		if line := fmt.Sprintf("fundpass_spraying_refused_total{by=%q} %d\n", by, n); !strings.Contains(string(scraped), line) {
			h.t.Errorf("the metrics lack %s", line)
		}
	}
}

// Addresses are grouped as providers assign them.
func TestNetwork(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "nonsense": "nonsense",
	} {
		if got := httpapi.Network(ip); got != want {
			t.Errorf("%q: got %q, want %q", ip, got, want)
		}
	}
}
