package e2e

import (
	"net/http/httptest"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

const thirdPartyID = "2021000000000009"

// TestNodeThirdParty checks that the SDK and this module sign app_auth_token alike: the simulator's
// gateway for a third-party application accepts the SDK's requests, and a gateway of the SDK ours.
func TestNodeThirdParty(t *testing.T) {
	t.Parallel()
	p := newNodePeer(t)
	party := alipaysim.NewThirdParty(thirdPartyID)
	mini, err := party.Add(alipaysim.Config{AppID: cmdtest.TestAppID, AppKey: &p.app.PublicKey, Key: cmdtest.TestKeys().Alipay[0]})
	cmdtest.NoError(t, err)
	mini.Add(alipaysim.Person{Person: "ok"})
	server := httptest.NewServer(party)
	t.Cleanup(server.Close)
	p.send(nil, apiclient.Fields{
		"do": "keys", "app_id": thirdPartyID, "gateway": server.URL + "/gateway.do",
		"app": privateText(p.app), "app_public": cmdtest.PublicText(t, &p.app.PublicKey),
		"alipay": privateText(cmdtest.TestKeys().Alipay[0]), "alipay_public": cmdtest.PublicText(t, &cmdtest.TestKeys().Alipay[0].PublicKey),
	})
	token := party.Grant(mini)
	for sent, accepted := range map[string]bool{token: true, "": false, token[:39] + "x": false} {
		code, err := mini.AuthCode("ok")
		cmdtest.NoError(t, err)
		var got struct{ OpenID, AccessToken, Refused string }
		p.send(&got, apiclient.Fields{"do": "exchange", "code": code, "app_auth_token": sent})
		if (got.AccessToken != "") != accepted || (got.Refused == "") != accepted {
			t.Errorf("token %.8q: %+v", sent, got)
		}
	}
	var gateway struct{ URL string }
	p.send(&gateway, apiclient.Fields{"do": "serve"})
	ring, err := keys.NewAlipayKeyring(thirdPartyID, p.app, []keys.AlipayKey{{Public: &cmdtest.TestKeys().Alipay[0].PublicKey}})
	cmdtest.NoError(t, err)
	ring, err = ring.ForMiniProgram(cmdtest.TestAppID, keys.AppAuth{Token: token})
	cmdtest.NoError(t, err)
	own, err := signing.NewGateway(ring, gateway.URL, signing.Options{})
	cmdtest.NoError(t, err)
	if grant, err := own.Exchange(t.Context(), "good"); err != nil || grant.Identity.AppID != cmdtest.TestAppID {
		t.Errorf("%+v, %v", grant.Identity, err)
	}
}
