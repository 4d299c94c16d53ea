package app

import "fundpass/miniapp-api/httpapi"

// Words are what this channel says in its own words.
var Words = httpapi.Words{
	Entries: []httpapi.Presentation{
		{Code: "SESSION_REQUIRED", Next: "Sign in with POST /v1/sessions, then send Authorization: DPoP with the token."},
		{Code: "SESSION_EXPIRED", Next: "Sign in again. The device stays known, so no code is needed."},
		{Code: ErrProofInvalid.Code, Status: 401, Title: "The header DPoP has no valid proof for this request",
			Message: "请求校验未通过，请校准手机时间后重试", Next: "Make a new proof for each request: RFC 9449, ES256, with this method and URL, the nonce of the last reply, and ath if a token is sent. If the clock of the phone is wrong, take the time from the header Date."},
		{Code: ErrProofNonce.Code, Status: 401, Title: "The proof has no nonce, or an old one",
			Message: "请求已过期，请重试", Next: "Repeat the request at once with a new proof that has the nonce of the header DPoP-Nonce. The session is not gone."},
	},
}
