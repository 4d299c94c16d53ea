package signing

import (
	"errors"
	"fmt"
	"regexp"
)

// Errors of a Gateway. Every error that its methods return matches one of them with
// errors.Is. No error text contains personal data, an auth code, a token or Alipay's
// sub_msg, which may quote the whole request.
var (
	// ErrCodeInvalid: the auth code is wrong, used, expired or of another application.
	// The front end must get a new one.
	ErrCodeInvalid = errors.New("signing: auth code not valid")
	// ErrTokenInvalid: the access token is wrong, expired or lacks the citizen's
	// consent. The front end asks for consent again.
	ErrTokenInvalid = errors.New("signing: access token not valid")
	// ErrUnavailable: there is no usable response (network, timeout, HTTP status, HTML,
	// Alipay busy, rate limit). Whether Alipay carried out the request is unknown.
	ErrUnavailable = errors.New("signing: alipay unavailable")
	// ErrForged: the response is not authentic: a success without signature, a wrong
	// signature, two contents, or the content of another method. It wraps
	// ErrUnavailable, because a citizen cannot act differently; an operator can.
	ErrForged = fmt.Errorf("signing: forged response: %w", ErrUnavailable)
	// ErrConfiguration: the application is configured wrongly (key, application id,
	// clock, permission, contracted product). A retry does not help; an operator must act.
	ErrConfiguration = errors.New("signing: application is not configured as alipay expects")
	// ErrAppAuth: the mini-program's authorisation of the third-party application
	// (app_auth_token) is missing, wrong, expired or withdrawn, or lacks this interface. It
	// wraps ErrConfiguration.
	ErrAppAuth = fmt.Errorf("signing: app_auth_token not accepted: %w", ErrConfiguration)
	// ErrIDType: Alipay does not verify documents of this type.
	ErrIDType = errors.New("signing: document type is not supported by alipay")
	// ErrUndeliverable: the citizen cannot receive the message: they did not subscribe,
	// they withdrew the authorisation, or form_id is used up. A retry does not help.
	ErrUndeliverable = errors.New("signing: message cannot be delivered")
)

// A refusal is an error response of Alipay.
type refusal struct {
	means         error  // one of the errors above
	code, subCode string // redacted to "?" unless they have the shape of Alipay's codes
}

// newRefusal classifies an error response by sub_code, then by code. The code alone is
// too coarse: 40002 covers both a used auth code and a wrong signature.
func newRefusal(code, subCode string) refusal {
	means, known := bySubCode[subCode]
	if !known {
		means, known = byCode[code]
	}
	if !known {
		means = ErrUnavailable
	}
	return refusal{means: means, code: redactUnless(codePattern, code), subCode: redactUnless(subCodePattern, subCode)}
}

// Error implements error.
func (r refusal) Error() string { return fmt.Sprintf("%v (%s %s)", r.means, r.code, r.subCode) }

// Unwrap returns the error that the refusal means.
func (r refusal) Unwrap() error { return r.means }

// Shapes of Alipay's codes. A refusal may be unsigned, so its fields are not trusted;
// tokens, names and ID numbers do not match these patterns.
var (
	codePattern    = regexp.MustCompile(`^[0-9]{5}$`)
	subCodePattern = regexp.MustCompile(`^(is[vp]|aop)(\.[a-z]{2,20})(-[a-z]{2,20}){0,7}$|^[A-Z]{2,20}(_[A-Z]{2,20}){1,7}$`)
)

// redactUnless returns s if it matches pattern, and "?" otherwise.
func redactUnless(pattern *regexp.Regexp, s string) string {
	if pattern.MatchString(s) {
		return s
	}
	return "?"
}

// byCode classifies the codes. Source: Alipay open platform, common error codes
// (opendocs.alipay.com/common/02km9f), and the error list of alipay.system.oauth.token.
var byCode = map[string]error{
	"20000": ErrUnavailable,   // service not available, result unknown
	"20001": ErrTokenInvalid,  // authorisation not sufficient
	"40001": ErrConfiguration, // parameter missing
	"40002": ErrConfiguration, // parameter not valid
	"40003": ErrConfiguration, // condition not met
	"40004": ErrConfiguration, // business failure with an unknown sub_code
	"40005": ErrUnavailable,   // called too often
	"40006": ErrConfiguration, // permission not granted
}

// bySubCode classifies the sub_codes whose meaning differs from that of their code.
var bySubCode = map[string]error{
	"isv.code-invalid":                  ErrCodeInvalid, // 40002
	"isv.unknow-auth-code":              ErrCodeInvalid, // 40002, the spelling is Alipay's
	"isv.refresh-token-invalid":         ErrTokenInvalid,
	"isv.invalid-auth-relations":        ErrTokenInvalid,  // 40003, the citizen has not consented
	"aop.invalid-app-auth-token":        ErrAppAuth,       // 20001, the mini-program's token, not the citizen's
	"aop.invalid-app-auth-token-no-api": ErrAppAuth,       // 20001
	"aop.app-auth-token-time-out":       ErrAppAuth,       // 20001
	"isv.self-invoke-forbidden":         ErrAppAuth,       // 40006, a third-party application without app_auth_token
	"aop.no-product-reg-by-partner":     ErrConfiguration, // 20001

	// 40004 of alipay.open.app.mini.templatemessage.send. The first three are in Alipay's
	// document. The sub_codes for citizens who do not subscribe are not published; the
	// last two are those of package alipaysim. All others, such as USER_TEMPLATE_ILLEGAL,
	// are ErrConfiguration by their code.
	"FORM_ID_OVER_TIME":         ErrUndeliverable,
	"FORM_ID_NOT_MATCH_APPID":   ErrUndeliverable,
	"TRADE_NO_NOT_MATCH_USERID": ErrUndeliverable,
	"USER_NOT_EXIST":            ErrUndeliverable,
	"USER_NOT_SUBSCRIBED":       ErrUndeliverable,
}
