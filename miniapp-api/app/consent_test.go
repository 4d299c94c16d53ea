package app_test

import (
	"net/http"
	"strings"
	"testing"
)

// The app shows the texts for users of the centre, not those for users of Alipay.
func TestConsents(t *testing.T) {
	t.Parallel()
	h := newEnvWith(t, true)
	d := h.signedIn(h.citizen())
	var reply struct {
		Consents []struct{ Purpose, Version, Text, State string }
	}
	must(t, d.Call(t.Context(), http.MethodGet, "/v1/consents", nil, &reply))
	if len(reply.Consents) != 1 || reply.Consents[0].Purpose != "message" || strings.Contains(reply.Consents[0].Text, "支付宝") {
		t.Fatalf("%+v", reply.Consents)
	}
	var answer struct{ State string }
	must(t, d.Call(t.Context(), http.MethodPost, "/v1/consents/withdraw", map[string]string{"purpose": "message"}, &answer))
	if answer.State != "withdrawn" {
		t.Errorf("%+v", answer)
	}
	must(t, d.Call(t.Context(), http.MethodPost, "/v1/consents", map[string]string{"purpose": "message", "version": reply.Consents[0].Version}, &answer))
	if answer.State != "given" {
		t.Errorf("%+v", answer)
	}
}
