package website

import (
	"cmp"
	"context"
	"slices"
	"time"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A consentsView is the data of the page of consents.
type consentsView struct {
	Texts   []selfservice.Consent // that the centre asks this citizen for
	Answers []answerView          // the citizen's, on all channels, the latest first
}

// An answerView is one consent or refusal.
type answerView struct {
	What, How   string
	GivenAt     time.Time
	WithdrawnAt *time.Time
}

// purposeNames are the purposes of consents.
var purposeNames = map[string]string{
	selfservice.PurposeLink: "绑定支付宝", selfservice.PurposeCertdoc: "核对姓名和证件号码", selfservice.PurposeFace: "刷脸核实身份",
	selfservice.PurposePhone: "核对手机号", selfservice.PurposeMessage: "提醒消息",
}

// purposeName returns the name of a purpose, or a general one for a purpose that a later version
// knows.
func purposeName(purpose string) string { return cmp.Or(purposeNames[purpose], "其他事项") }

// howNames are how consents were given.
var howNames = map[string]string{store.ConsentAsked: "单独同意", store.ConsentByForm: "提交表单时同意", store.ConsentRefused: "没有同意过"}

func (s *Site) showConsents(ctx context.Context, r *request) (reply, error) {
	texts, err := s.service.Consents(ctx, r.Caller)
	if err != nil {
		return reply{}, err
	}
	own, err := s.service.OwnData(ctx, r.Caller)
	if err != nil {
		return reply{}, err
	}
	v := consentsView{Texts: texts}
	for _, c := range slices.Backward(own.Consents) {
		v.Answers = append(v.Answers, answerView{purposeName(c.Purpose), howNames[c.How], c.GivenAt, c.WithdrawnAt})
	}
	return show("consents", v)
}

// answerConsent gives a consent to the text that was shown, or withdraws it.
func (s *Site) answerConsent(ctx context.Context, r *request) (reply, error) {
	var err error
	switch r.form["answer"] {
	case "yes":
		_, err = s.service.GiveConsent(ctx, r.Caller, r.form["purpose"], r.form["version"])
	case "no":
		_, err = s.service.WithdrawConsent(ctx, r.Caller, r.form["purpose"])
	default:
		err = malformed("INVALID_FIELD")
	}
	return reply{to: pathConsents}, err
}
