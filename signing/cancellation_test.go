package signing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// The simulator identifies users by open_id, by user_id, or by both.
func TestCancellation(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	sim := newSim(t, alipaysim.Config{Now: at(noon)})
	sim.Add(alipaysim.Person{Person: "new", OpenID: "074aNew"})
	for person, want := range map[string]signing.Identity{
		"new":  {AppID: appID, Kind: "open_id", Value: "074aNew"},
		"old":  {AppID: appID, Kind: "user_id", Value: "2088000000000001"},
		"both": {AppID: appID, Kind: "open_id", Value: "074aBoth_-1", UserID: "2088000000000002"},
	} {
		n := accept(t, keyring, write(t, sim, alipaysim.Notice{Person: person, Kind: signing.MethodCancelled}).Body)
		got, err := n.Cancellation()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(signing.Cancellation{Identity: want, At: noon}, got, cmp.Comparer(time.Time.Equal)); diff != "" {
			t.Errorf("%s: %s", person, diff)
		}
	}
}

func TestCancellationShapes(t *testing.T) {
	t.Parallel()
	const app, when = `"app_id":"` + appID + `"`, `"cancel_time":1706327962739`
	keyring := newKeyring(t, ownKey(), alipayKey())
	for _, c := range []struct {
		name, method, content string
		want                  error
	}{
		{"both", "", `{` + app + `,"open_id":"a","user_id":"2088",` + when + `}`, nil},
		{"time in quotes", "", `{` + app + `,"open_id":"a","cancel_time":"1706327962739"}`, nil},
		{"more members", "", `{` + app + `,"open_id":"a",` + when + `,"x":{"app_id":1}}`, nil},
		{"empty open_id", "", `{` + app + `,"open_id":"","user_id":"2088",` + when + `}`, nil},
		{"other method", "alipay.open.auth.appauth.cancelled", `{` + app + `,"open_id":"a",` + when + `}`, signing.ErrMalformed},
		{"other application", "", `{"app_id":"2021000000000002","open_id":"a",` + when + `}`, signing.ErrWrongApp},
		{"no application", "", `{"open_id":"a",` + when + `}`, signing.ErrWrongApp},
		{"application in upper case", "", `{"APP_ID":"` + appID + `","open_id":"a",` + when + `}`, signing.ErrWrongApp},
		{"application twice", "", `{` + app + `,"app_id":"2021000000000002","open_id":"a",` + when + `}`, signing.ErrMalformed},
		{"application a list", "", `{"app_id":["` + appID + `"],"open_id":"a",` + when + `}`, signing.ErrMalformed},
		{"application null", "", `{"app_id":null,"open_id":"a",` + when + `}`, signing.ErrMalformed},
		{"no identifier", "", `{` + app + `,` + when + `}`, signing.ErrMalformed},
		{"somebody with blanks", "", `{` + app + `,"open_id":"a b",` + when + `}`, signing.ErrMalformed},
		{"no time", "", `{` + app + `,"open_id":"a"}`, signing.ErrMalformed},
		{"fraction", "", `{` + app + `,"open_id":"a","cancel_time":1706327962.5}`, signing.ErrMalformed},
		{"exponent", "", `{` + app + `,"open_id":"a","cancel_time":17e11}`, signing.ErrMalformed},
		{"negative", "", `{` + app + `,"open_id":"a","cancel_time":-1}`, signing.ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes := map[string]string{"biz_content": c.content}
			if c.method != "" {
				changes["msg_method"] = c.method
			}
			got, err := accept(t, keyring, signed(t, message(changes), signing.NotifyV1)).Cancellation()
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%v", err)
			}
			if (got == signing.Cancellation{}) != (err != nil) {
				t.Errorf("error %v, and %+v", err, got)
			}
		})
	}
	if _, err := (signing.Notification{}).Cancellation(); !errors.Is(err, signing.ErrMalformed) {
		t.Error(err)
	}
}
