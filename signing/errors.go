package signing

import (
	"errors"
	"fmt"
	"regexp"
)

// What a caller may act on. Every error of a Gateway matches one of them with
// errors.Is. None carries a name, a number, a code, a token or Alipay's sub_msg,
// which may quote the whole request.
var (
	// ErrCodeInvalid: the auth code is wrong, used, expired or another application's.
	// The front end gets a new one.
	ErrCodeInvalid = errors.New("signing: auth code not valid")
	// ErrTokenInvalid: the access token is wrong, expired or lacks the citizen's
	// consent. The front end asks for consent again.
	ErrTokenInvalid = errors.New("signing: access token not valid")
	// ErrUnavailable: no usable answer (network, time, HTTP status, HTML, Alipay busy,
	// rate limit). Whether Alipay did what it was asked is unknown.
	ErrUnavailable = errors.New("signing: alipay unavailable")
	// ErrForged: an answer that Alipay did not sign as it should: success without a
	// signature, wrong signature, no or two contents, another method's content. It
	// wraps ErrUnavailable: to a citizen the two are the same, to an operator not.
	ErrForged = fmt.Errorf("signing: forged answer: %w", ErrUnavailable)
	// ErrConfiguration: our own fault (key, application id, clock, permission, signed
	// product). Trying again does not help, an operator must act.
	ErrConfiguration = errors.New("signing: application not configured as alipay knows it")
	// ErrIDType: Alipay compares no documents of this type.
	ErrIDType = errors.New("signing: document type alipay cannot compare")
	// ErrUndeliverable: this citizen gets no message: they refused or withdrew, or the
	// form number is used up. Trying again does not help.
	ErrUndeliverable = errors.New("signing: message alipay will never deliver")
)

// A refusal is an error answer of Alipay.
type refusal struct {
	means         error  // one of the sentinels
	code, subCode string // as far as they may be shown
}

// newRefusal goes by sub_code first: code alone puts a used auth code and a wrong
// signature into the same drawer, 40002.
func newRefusal(code, subCode string) refusal {
	means, known := bySubCode[subCode]
	if !known {
		means, known = byCode[code]
	}
	if !known {
		means = ErrUnavailable
	}
	return refusal{means: means, code: printable(digits, code), subCode: printable(words, subCode)}
}

// Error implements error.
func (r refusal) Error() string { return fmt.Sprintf("%v (%s %s)", r.means, r.code, r.subCode) }

// Unwrap lets errors.Is find what the refusal means.
func (r refusal) Unwrap() error { return r.means }

// A refusal may come unsigned, so its fields are a stranger's text until they look
// like codes of Alipay's: tokens, names and ID numbers do not.
var (
	digits = regexp.MustCompile(`^[0-9]{5}$`)
	words  = regexp.MustCompile(`^(is[vp]|aop)(\.[a-z]{2,20})(-[a-z]{2,20}){0,7}$|^[A-Z]{2,20}(_[A-Z]{2,20}){1,7}$`)
)

func printable(shape *regexp.Regexp, s string) string {
	if shape.MatchString(s) {
		return s
	}
	return "?"
}

// Source: Alipay open platform, common error codes (opendocs.alipay.com/common/02km9f),
// and the error list of alipay.system.oauth.token.
var byCode = map[string]error{
	"20000": ErrUnavailable,   // service not available, result unknown
	"20001": ErrTokenInvalid,  // authorisation not sufficient
	"40001": ErrConfiguration, // parameter missing
	"40002": ErrConfiguration, // parameter not valid
	"40003": ErrConfiguration, // condition not met
	"40004": ErrConfiguration, // business failure no table of ours knows
	"40005": ErrUnavailable,   // called too often
	"40006": ErrConfiguration, // permission not granted
}

// Only what differs from byCode.
var bySubCode = map[string]error{
	"isv.code-invalid":                  ErrCodeInvalid, // 40002
	"isv.unknow-auth-code":              ErrCodeInvalid, // 40002, spelt so by Alipay
	"isv.refresh-token-invalid":         ErrTokenInvalid,
	"isv.invalid-auth-relations":        ErrTokenInvalid,  // 40003, the citizen has not consented
	"aop.invalid-app-auth-token":        ErrConfiguration, // 20001, the merchant's token, not the citizen's
	"aop.invalid-app-auth-token-no-api": ErrConfiguration, // 20001
	"aop.app-auth-token-time-out":       ErrConfiguration, // 20001
	"aop.no-product-reg-by-partner":     ErrConfiguration, // 20001

	// 40004 of alipay.open.app.mini.templatemessage.send. Alipay's document names those
	// of form_id; what it says of citizens who refuse is not published, and the last two
	// are the simulator's. All others are ErrConfiguration by their code: a template or
	// keyword that is wrong (USER_TEMPLATE_ILLEGAL) is the operator's to correct.
	"FORM_ID_OVER_TIME":         ErrUndeliverable,
	"FORM_ID_NOT_MATCH_APPID":   ErrUndeliverable,
	"TRADE_NO_NOT_MATCH_USERID": ErrUndeliverable,
	"USER_NOT_EXIST":            ErrUndeliverable,
	"USER_NOT_SUBSCRIBED":       ErrUndeliverable,
}
