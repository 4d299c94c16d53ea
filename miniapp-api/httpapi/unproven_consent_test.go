package httpapi_test

import "fundpass/miniapp-api/selfservice"

var purposes = []string{selfservice.PurposeLink, selfservice.PurposeCertdoc, selfservice.PurposeFace, selfservice.PurposePhone}

// giveConsent gives all consents, or one.
func (w *model) giveConsent() {
	s := w.anySession()
	all := purposes
	if w.slip(3) { // only one
		all = []string{pick(w, "purpose", purposes)}
	}
	w.agree(s, all)
}

func (w *model) agree(s *modelSession, all []string) {
	for _, purpose := range all {
		w.do(s, &deed{what: "give consent, " + purpose, path: "/v1/consents", body: m{"purpose": purpose, "version": "1"}, check: func(s *modelSession, r reply) {
			if r.Code == "OK" {
				s.user.consents[purpose] = "given"
			}
		}})
	}
}

func (w *model) withdrawConsent() {
	purpose := pick(w, "purpose", purposes)
	w.do(w.anySession(), &deed{what: "withdraw consent, " + purpose, path: "/v1/consents/withdraw", body: m{"purpose": purpose}, check: func(s *modelSession, r reply) {
		if r.Code != "OK" {
			return
		}
		if purpose == selfservice.PurposeLink && s.user.link != nil {
			w.t.Fatalf("%s withdraws the consent to an existing link", s)
		}
		s.user.consents[purpose] = "withdrawn"
		for _, x := range w.sessions {
			if x.user == s.user && purpose == selfservice.PurposePhone {
				x.number = ""
			}
		}
	}})
}
