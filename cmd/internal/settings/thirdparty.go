package settings

import (
	"regexp"

	"fundpass/keys"
)

var applicationID = regexp.MustCompile(`^[!-~]{1,32}$`)

// validateThirdParty checks that a third-party application has an authorisation and is not the
// mini-program itself.
func (s Settings) validateThirdParty() []Problem {
	switch {
	case s.ThirdPartyAppID == "" && s.AppAuthTokenFile != "":
		return []Problem{Problemf("FUNDPASS_THIRD_PARTY_APP_ID", "is not set, but FUNDPASS_APP_AUTH_TOKEN_FILE is: only a third-party application calls with an app_auth_token")}
	case s.ThirdPartyAppID == "":
		return nil
	case !applicationID.MatchString(s.ThirdPartyAppID):
		return []Problem{Problemf("FUNDPASS_THIRD_PARTY_APP_ID", "is not an APPID")}
	case s.ThirdPartyAppID == s.AppID:
		return []Problem{Problemf("FUNDPASS_THIRD_PARTY_APP_ID", "is the same as FUNDPASS_APP_ID, which is the mini-program's; a mini-program with keys of its own needs neither this setting nor an app_auth_token")}
	case s.AppAuthTokenFile == "":
		return []Problem{Problemf("FUNDPASS_APP_AUTH_TOKEN_FILE", "is not set, but FUNDPASS_THIRD_PARTY_APP_ID is: Alipay refuses every call of a third-party application without an app_auth_token")}
	}
	return nil
}

// LoadThirdPartyKeyring loads the keyring of the third-party application itself, which needs no
// authorisation.
func (s Settings) LoadThirdPartyKeyring() (*keys.AlipayKeyring, []Problem) {
	s.AppID, s.ThirdPartyAppID, s.AppAuthTokenFile = s.ThirdPartyAppID, "", ""
	return s.LoadKeyring()
}
