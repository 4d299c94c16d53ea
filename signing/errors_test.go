package signing

import (
	"errors"
	"strings"
	"testing"
)

func TestRefusalSentinels(t *testing.T) {
	t.Parallel()
	cases := []struct {
		code, subCode string
		want          error
	}{
		{"40002", "isv.code-invalid", ErrCodeInvalid},
		{"40002", "isv.unknow-auth-code", ErrCodeInvalid},
		{"20001", "aop.invalid-auth-token", ErrTokenInvalid},
		{"20001", "aop.auth-token-time-out", ErrTokenInvalid},
		{"40003", "isv.invalid-auth-relations", ErrTokenInvalid},
		{"20001", "aop.app-auth-token-time-out", ErrConfiguration},
		{"20000", "isp.unknow-error", ErrUnavailable},
		{"20000", "aop.unknow-error", ErrUnavailable},
		{"40005", "isv.app-call-limited", ErrUnavailable},
		{"40001", "isv.missing-signature", ErrConfiguration},
		{"40002", "isv.invalid-signature", ErrConfiguration},
		{"40002", "isv.invalid-app-id", ErrConfiguration},
		{"40002", "isv.invalid-timestamp", ErrConfiguration},
		{"40002", "isv.app-cert-expired", ErrConfiguration},
		{"40003", "isv.missing-signature-config", ErrConfiguration},
		{"40004", "ANYTHING_ELSE", ErrConfiguration},
		{"40004", "FORM_ID_OVER_TIME", ErrUndeliverable},
		{"40004", "USER_TEMPLATE_ILLEGAL", ErrConfiguration},
		{"40006", "isv.insufficient-isv-permissions", ErrConfiguration},
		{"99999", "", ErrUnavailable},
		{"", "", ErrUnavailable},
	}
	all := []error{ErrCodeInvalid, ErrTokenInvalid, ErrUnavailable, ErrForged, ErrConfiguration, ErrIDType, ErrUndeliverable}
	for _, c := range cases {
		err := error(newRefusal(c.code, c.subCode))
		for _, sentinel := range all {
			if errors.Is(err, sentinel) != (sentinel == c.want) {
				t.Errorf("%s %s: is %v: %v", c.code, c.subCode, sentinel, errors.Is(err, sentinel))
			}
		}
		if c.subCode != "" && !strings.HasSuffix(err.Error(), "("+c.code+" "+c.subCode+")") {
			t.Errorf("text %q", err)
		}
	}
	if !errors.Is(ErrForged, ErrUnavailable) {
		t.Error("ErrForged must be ErrUnavailable too")
	}
}

// Error texts quote code and sub_code only if they have the shape of Alipay's codes.
func TestRefusalText(t *testing.T) {
	t.Parallel()
	for _, hostile := range []string{
		"990101199001011234", "13800000000", "张三", "authusrB0123456789abcdef", "4b203fe6c11548bcabd8da5bb087a83b",
		"isv.code-invalid\nlevel=error", "isv.990101", "ZHANG", "Zhang San", "isv." + strings.Repeat("a-", 100) + "b", "\x1b[31m", "%!s(int=1)",
	} {
		text := newRefusal(hostile, hostile).Error()
		if strings.Contains(text, hostile) || !strings.HasSuffix(text, "(? ?)") {
			t.Errorf("%q", text)
		}
	}
}
