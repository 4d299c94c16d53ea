package signing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// withdraw withdraws the authorisation of person without a notification.
func (s fixture) withdraw(t testing.TB, person string) {
	t.Helper()
	d, err := s.sim.Send(t.Context(), alipaysim.Notice{Person: person, Kind: signing.MethodCancelled, Fault: alipaysim.LoseNotice})
	if err != nil || d != (alipaysim.Delivery{}) {
		t.Fatal(d, err)
	}
}

// Cancellations returns the identifiers of the notification, and only those of the day.
func TestCancellations(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	today := s.now.Now()
	s.withdraw(t, "ok")
	s.withdraw(t, "old")
	s.withdraw(t, "both")
	got, err := s.gate.Cancellations(t.Context(), today)
	if err != nil || len(got) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	want := []signing.Identity{
		{AppID: appID, Kind: "open_id", Value: s.sim.People()[0].OpenID},
		{AppID: appID, Kind: "user_id", Value: "2088000000000001"},
		{AppID: appID, Kind: "open_id", Value: "074aBoth_-1", UserID: "2088000000000002"},
	}
	for i, c := range got {
		if c.Identity != want[i] || c.At.Before(today.Truncate(time.Microsecond)) || c.At.After(today.Add(5*time.Second)) {
			t.Errorf("%d: %+v, want %+v at %s", i, c, want[i], today)
		}
	}
	for _, day := range []time.Time{today.AddDate(0, 0, -1), today.AddDate(0, 0, 1)} {
		if got, err := s.gate.Cancellations(t.Context(), day); err != nil || len(got) != 0 {
			t.Errorf("%s: %v, %v", day, got, err)
		}
	}
}

// The day is one of Beijing in every time zone of the server.
func TestCancellationsDay(t *testing.T) {
	t.Parallel()
	sent := serveDetails(t, func(int) string { return `{"code":"10000"}` })
	for _, c := range []struct{ at, want string }{
		{"2026-03-01T15:59:59Z", "20260301"}, {"2026-03-01T16:00:00Z", "20260302"}, {"2026-03-01T23:00:00-08:00", "20260302"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sent.gate.Cancellations(t.Context(), at); err != nil || sent.date != c.want {
			t.Errorf("%s: asked for %s, %v", c.at, sent.date, err)
		}
	}
}

func TestCancellationsPages(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 49, 50, 51, 100, 120} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			s := newFixture(t, signing.Options{}, alipaysim.Config{})
			for i := range n {
				name := fmt.Sprintf("p%03d", i)
				s.sim.Add(alipaysim.Person{Person: name, OpenID: "open-" + name})
				s.withdraw(t, name)
			}
			got, err := s.gate.Cancellations(t.Context(), s.now.Now())
			if err != nil || len(got) != n {
				t.Fatalf("%d, %v", len(got), err)
			}
			for i, c := range got {
				if want := fmt.Sprintf("open-p%03d", i); c.Identity.Value != want {
					t.Errorf("%d: %s, want %s", i, c.Identity.Value, want)
				}
			}
		})
	}
}

// A details is a gateway whose responses are the results of page.
type details struct {
	gate *signing.Gateway
	date string // of the last request
}

func serveDetails(t *testing.T, page func(n int) string) *details {
	t.Helper()
	d := new(details)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Date          string
			Offset, Limit int
		}
		if err := json.Unmarshal([]byte(r.FormValue("biz_content")), &asked); err != nil || asked.Limit != 50 {
			t.Errorf("%+v, %v", asked, err)
		}
		d.date = asked.Date
		content := page(asked.Offset)
		fmt.Fprintf(w, `{"alipay_user_deloauth_detail_query_response":%s,"sign":"%s"}`, content, alipaySigns(t, content))
	}))
	t.Cleanup(server.Close)
	d.gate = newGateway(t, newKeyring(t, ownKey(), alipayKey()), server.URL, signing.Options{})
	return d
}

func TestCancellationsForms(t *testing.T) {
	t.Parallel()
	one := `{"open_id":"074a","user_id":"2088","del_auth_time":"2026-03-01 08:30:00"}`
	for _, c := range []struct {
		name, first, rest string
		want              int   // entries
		err               error // nil = none
	}{
		{"details", `{"code":"10000","details":[` + one + `]}`, `{"code":"10000","details":[]}`, 1, nil},
		{"as it was before", `{"code":"10000","response":{"details":[` + one + "," + one + `]}}`, `{"code":"10000","response":{}}`, 2, nil},
		{"nobody", `{"code":"10000","msg":"Success"}`, "", 0, nil},
		{"no citizen", `{"code":"10000","details":[{"del_auth_time":"2026-03-01 08:30:00"}]}`, "", 0, signing.ErrUnavailable},
		{"no time", `{"code":"10000","details":[{"open_id":"074a"}]}`, "", 0, signing.ErrUnavailable},
		{"other time", `{"code":"10000","details":[{"open_id":"074a","del_auth_time":"1767294245000"}]}`, "", 0, signing.ErrUnavailable},
		{"no list", `{"code":"10000","details":{}}`, "", 0, signing.ErrUnavailable},
		{"smaller pages", `{"code":"10000","details":[` + one + `]}`, `{"code":"10000","details":[` + one + `]}`, 0, signing.ErrUnavailable},
		{"larger pages", `{"code":"10000","details":[` + strings.Repeat(one+",", 50) + one + `]}`, "", 0, signing.ErrUnavailable},
		{"endless", `{"code":"10000","details":[` + strings.Repeat(one+",", 49) + one + `]}`, "same", 0, context.DeadlineExceeded},
		{"not permitted", `{"code":"40006","msg":"x","sub_code":"isv.insufficient-isv-permissions"}`, "", 0, signing.ErrConfiguration},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := serveDetails(t, func(n int) string {
				if n == 1 || c.rest == "same" {
					return c.first
				}
				return c.rest
			})
			most := testenv.Patience
			if c.err == context.DeadlineExceeded {
				most = 300 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), most)
			defer cancel()
			got, err := d.gate.Cancellations(ctx, noon)
			if !errors.Is(err, c.err) || len(got) != c.want {
				t.Fatalf("got %v, %v, want %d, %v", got, err, c.want, c.err)
			}
			if err != nil && got != nil {
				t.Error("a partial list with an error")
			}
			for _, one := range got {
				if one.At.UTC().Format(time.RFC3339Nano) != "2026-03-01T00:30:00.999999Z" || one.Identity.UserID != "2088" {
					t.Errorf("%+v", one)
				}
			}
		})
	}
}

func TestCancellationsFaults(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	s.withdraw(t, "ok")
	for _, fault := range []string{"error", "html", "bad_signature", "unsigned", "null_body", "other_app", "duplicate_root", "truncated"} {
		if err := s.sim.Fault(fault, 1); err != nil {
			t.Fatal(err)
		}
		if got, err := s.gate.Cancellations(t.Context(), s.now.Now()); !errors.Is(err, signing.ErrUnavailable) || got != nil {
			t.Errorf("%s: %v, %v", fault, got, err)
		}
	}
}
