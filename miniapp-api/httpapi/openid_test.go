package httpapi_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/labstack/echo/v4"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// userID makes a citizen one whom Alipay identified by user_id before.
func userID(c *citizen) { c.UserID = "2088" + c.AccountNo }

// changedOver returns the citizen under both identifiers.
func (h *env) changedOver(c citizen) []store.Identity {
	return []store.Identity{{Provider: store.ProviderAlipay, AppID: h.appID, Kind: "open_id", Value: c.OpenID, UserID: c.UserID}}
}

// A request that finds nothing because the citizen was renamed meanwhile returns BUSY.
func TestMovedMeanwhile(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	must(t, h.sim.Identify(alipaysim.GiveUserID))
	for _, found := range []*selfservice.Error{selfservice.ErrNotLinked, selfservice.ErrLinkGone, selfservice.ErrChangeGone, selfservice.ErrResetGone, selfservice.ErrOldPasswordWrong} {
		c := h.citizen(userID)
		p := h.linkedClient(c)
		moves := true
		ask := func() *selfservice.Error {
			r := httptest.NewRequest("GET", "/v1/link", nil)
			r.Header.Set("Authorization", "Bearer "+p.token)
			return selfservice.AsError(httpapi.Authed(h.server.Server, func(ctx context.Context, _ httpapi.Request, _ httpapi.None) (httpapi.None, error) {
				if moves {
					_, err := h.db.Roster().MoveToOpenID(ctx, h.changedOver(c), false)
					must(t, err)
				}
				return httpapi.None{}, found
			}).Serve(echo.New().NewContext(r, httptest.NewRecorder())))
		}
		want := selfservice.ErrBusy
		if found == selfservice.ErrOldPasswordWrong {
			want = found
		}
		if got := ask(); got.Code != want.Code {
			t.Errorf("%s became %s", found.Code, got.Code)
		}
		if moves = false; ask().Code != found.Code {
			t.Errorf("%s without a rename", ask().Code)
		}
	}
}

// Requests during a rename, over two processes, succeed or return BUSY and then succeed.
func TestMoveBesideRequests(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	must(t, h.sim.Identify(alipaysim.GiveUserID))
	second := h.listen(h.newServer())
	for i := range testenv.Rounds(24, 200) {
		c := h.citizen(userID)
		p := h.linkedClient(c)
		change := p.openChange(c)
		q := *p
		q.url = second
		ask := func() reply {
			switch i % 4 {
			case 0:
				return q.post(change+"/confirm", twice("Copper-Kettle-77"), header{"Idempotency-Key", "confirm"})
			case 1:
				return q.post("/v1/link/remove", m{"password": c.Password}, header{"Idempotency-Key", "remove"})
			case 2:
				return q.post("/v1/freeze", m{})
			}
			return q.get(change)
		}
		var answer reply
		var all sync.WaitGroup
		all.Go(func() { answer = ask() })
		all.Go(func() {
			_, err := h.db.Roster().MoveToOpenID(context.Background(), h.changedOver(c), false)
			must(t, err)
		})
		all.Wait()
		for tries := 0; answer.Code == "BUSY" && tries < 5; tries++ {
			answer = ask()
		}
		answer.want(t, "OK")
		if i%4 == 3 && answer.get(t, "state") != "open" {
			t.Errorf("the change is %v", answer.get(t, "state"))
		}
	}
	if n := h.count(`SELECT count(*) FROM links WHERE user_digest IS NULL`); n != 0 {
		t.Errorf("%d links are left", n)
	}
}

// A retry after the rename gets the first answer.
func TestRetryAfterMove(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	must(t, h.sim.Identify(alipaysim.GiveUserID))
	c := h.citizen(userID)
	p := h.linkedClient(c)
	open := m{"id_number": c.IDNumber, "old_password": c.Password}
	first := p.post("/v1/password/changes", open, header{"Idempotency-Key", "open"}).want(t, "OK")
	_, err := h.db.Roster().MoveToOpenID(t.Context(), h.changedOver(c), false)
	must(t, err)
	again := p.post("/v1/password/changes", open, header{"Idempotency-Key", "open"}).want(t, "OK")
	if fmt.Sprint(first.get(t, "id")) != fmt.Sprint(again.get(t, "id")) {
		t.Error("the retry opened another change")
	}
}
