package website

import (
	"net/http"

	"fundpass/miniapp-api/httpapi"
)

// The paths of pages that others lead to.
const (
	pathHome       = "/"
	pathSignIn     = "/sign-in"
	pathSignOut    = "/sign-out"
	pathCode       = "/sign-in/code"
	pathForgot     = "/forgot"
	pathForgotSMS  = "/forgot/sms"
	pathForgotCode = "/forgot/code"
	pathChange     = "/password/change"
	pathReset      = "/password/reset"
	pathConsents   = "/consents"
	pathData       = "/data"
)

// routes returns the pages and forms. A form is sent to the path of its page.
func (s *Site) routes() []route {
	get, post := http.MethodGet, http.MethodPost
	return []route{
		{method: get, path: pathSignIn, protects: true, handle: s.showSignIn},
		{method: post, path: pathSignIn, protects: true, fields: []string{"id_type", "id_number", "account_no", "password"}, optional: captchaFields, handle: s.signIn, again: s.showSignIn},
		{method: get, path: pathCode, protects: true, handle: s.showCode},
		{method: post, path: pathCode, protects: true, fields: []string{"code"}, handle: s.finishSignIn, again: s.showCode},
		{method: get, path: pathForgot, handle: s.showForgot},
		{method: post, path: pathForgot, fields: []string{"name", "id_type", "id_number", "account_no", "code"}, optional: captchaFields, handle: s.resetByCode, again: s.showForgot},
		{method: get, path: pathForgotSMS, handle: s.showForgotSMS},
		{method: post, path: pathForgotSMS, fields: []string{"name", "id_type", "id_number", "account_no"}, optional: captchaFields, handle: s.startForgotten, again: s.showForgotSMS},
		{method: get, path: pathForgotCode, handle: s.showForgotCode},
		{method: post, path: pathForgotCode, fields: []string{"code"}, handle: s.finishForgotten, again: s.showForgotCode},
		{method: post, path: pathSignOut, signedIn: true, handle: s.signOut},

		{method: get, path: pathHome, signedIn: true, protects: true, handle: s.showHome},
		{method: get, path: pathChange, signedIn: true, handle: s.showChange},
		{method: post, path: pathChange, signedIn: true, fields: []string{"old_password"}, handle: s.openChange, again: s.showChange},
		{method: get, path: pathChange + "/:id", signedIn: true, handle: s.showNewPassword},
		{method: post, path: pathChange + "/:id", signedIn: true, fields: []string{"new_password", "again"}, handle: s.confirmChange, again: s.showNewPassword},
		{method: post, path: pathChange + "/:id/cancel", signedIn: true, handle: s.cancelChange},
		{method: get, path: pathReset, signedIn: true, handle: s.showReset},
		{method: post, path: pathReset, signedIn: true, fields: []string{"code"}, handle: s.openReset, again: s.showReset},
		{method: post, path: pathReset + "/sms", signedIn: true, handle: s.openResetBySMS, again: s.showReset},
		{method: post, path: pathReset + "/:id/code", signedIn: true, fields: []string{"code"}, handle: s.passReset, again: s.showResetPassword},
		{method: get, path: pathReset + "/:id", signedIn: true, handle: s.showResetPassword},
		{method: post, path: pathReset + "/:id", signedIn: true, fields: []string{"new_password", "again"}, handle: s.confirmReset, again: s.showResetPassword},
		{method: get, path: "/freeze", signedIn: true, protects: true, handle: s.showFreeze},
		{method: post, path: "/freeze", signedIn: true, protects: true, handle: s.freeze, again: s.showFreeze},
		{method: get, path: "/record", signedIn: true, protects: true, handle: s.showRecord},
		{method: get, path: pathData, signedIn: true, protects: true, handle: s.showData},
		{method: post, path: "/devices/:id/end", signedIn: true, protects: true, handle: s.endDevice, again: s.showData},
		{method: get, path: pathConsents, signedIn: true, handle: s.showConsents},
		{method: post, path: pathConsents, signedIn: true, fields: []string{"purpose", "version", "answer"}, handle: s.answerConsent, again: s.showConsents},
		{method: get, path: "/accounts", signedIn: true, handle: s.showAccounts},
		{method: post, path: "/accounts", signedIn: true, fields: []string{"account"}, handle: s.chooseAccount, again: s.showAccounts},
	}
}

// Businesses are what the forms do, for the metrics.
var Businesses = map[string]httpapi.Business{
	"POST " + pathSignIn:          {Name: "sign_in", Completes: true},
	"GET " + IssuerBack:           {Name: "sign_in", Completes: true},
	"POST " + pathCode:            {Name: "sign_in", Completes: true},
	"POST " + pathForgot:          {Name: "reset"},
	"POST " + pathForgotSMS:       {Name: "reset"},
	"POST " + pathForgotCode:      {Name: "reset"},
	"POST " + pathReset + "/sms":  {Name: "reset"},
	"POST " + pathChange:          {Name: "change"},
	"POST " + pathChange + "/:id": {Name: "change", Completes: true},
	"POST " + pathReset:           {Name: "reset"},
	"POST " + pathReset + "/:id":  {Name: "reset", Completes: true},
	"POST /freeze":                {Name: "freeze", Completes: true},
}
