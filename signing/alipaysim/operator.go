package alipaysim

import (
	"encoding/json"
	"errors"
	"net/http"
)

// problem is the body of an error response under /sim.
type problem struct {
	Error  string            `json:"error"`
	People []string          `json:"people,omitempty"` // the known people
	Faults map[string]string `json:"faults,omitempty"` // the known faults
	Kinds  map[string]string `json:"kinds,omitempty"`
}

func (s *Sim) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /gateway.do", s.gateway)
	mux.HandleFunc("GET /sim/people", s.listPeople)
	mux.HandleFunc("POST /sim/auth-code", s.createAuthCode)
	mux.HandleFunc("POST /sim/notice", s.sendNotice)
	mux.HandleFunc("POST /sim/phone", s.createPhonePayload)
	mux.HandleFunc("POST /sim/subscribe", s.subscribe)
	mux.HandleFunc("POST /sim/fault", s.setFault)
	mux.HandleFunc("GET /gateway.do", s.certifyPage)
	mux.HandleFunc("POST /sim/certify", s.setVerdict)
	mux.HandleFunc("GET /sim/alipay-keys", s.listKeys)
	mux.HandleFunc("POST /sim/rotate-key", s.rotate)
	mux.HandleFunc("POST /sim/identify", s.setIdentifiers)
	mux.HandleFunc("/", notFound)
	return mux
}

// notFound answers requests for unknown paths.
func notFound(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusNotFound, problem{Error: "the simulator has POST /gateway.do, GET /sim/people, POST /sim/auth-code, POST /sim/notice, POST /sim/phone, POST /sim/subscribe, POST /sim/fault, POST /sim/certify, GET /sim/alipay-keys, POST /sim/rotate-key and POST /sim/identify"})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// readJSON decodes the body into v. If that fails, it answers with example and returns
// false.
func readJSON(w http.ResponseWriter, r *http.Request, v any, example string) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil || dec.More() {
		writeJSON(w, http.StatusBadRequest, problem{Error: "the body should look like " + example})
		return false
	}
	return true
}

func (s *Sim) listPeople(w http.ResponseWriter, _ *http.Request) {
	people := s.People()
	if people == nil {
		people = []Person{}
	}
	writeJSON(w, http.StatusOK, people)
}

func (s *Sim) createAuthCode(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Person string `json:"person"`
	}
	if !readJSON(w, r, &in, `{"person":"ok"}`) {
		return
	}
	code, err := s.AuthCode(in.Person)
	if err != nil {
		s.unknownPerson(w)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		AuthCode string `json:"auth_code"`
	}{code})
}

func (s *Sim) unknownPerson(w http.ResponseWriter) {
	var names []string
	for _, p := range s.People() {
		names = append(names, p.Person)
	}
	writeJSON(w, http.StatusNotFound, problem{Error: "there is no such person", People: names})
}

func (s *Sim) sendNotice(w http.ResponseWriter, r *http.Request) {
	var in Notice
	if !readJSON(w, r, &in, `{"person":"ok","kind":"alipay.open.auth.userauth.cancelled"}, perhaps with "fault", "key":"old" or "charset":"GBK"`) {
		return
	}
	delivery, err := s.Send(r.Context(), in)
	switch {
	case errors.Is(err, ErrUnknownPerson):
		s.unknownPerson(w)
	case errors.Is(err, ErrKind):
		writeJSON(w, http.StatusBadRequest, problem{Error: err.Error(), Kinds: Kinds()})
	case errors.Is(err, ErrUnknownFault):
		writeJSON(w, http.StatusBadRequest, problem{Error: err.Error(), Faults: NoticeFaults()})
	case errors.Is(err, ErrNoTarget), errors.Is(err, ErrNoOldKey):
		writeJSON(w, http.StatusBadRequest, problem{Error: err.Error()})
	case err != nil:
		writeJSON(w, http.StatusBadGateway, problem{Error: err.Error()})
	default:
		writeJSON(w, http.StatusOK, delivery)
	}
}

// createPhonePayload answers POST /sim/phone with the result of my.getPhoneNumber.
func (s *Sim) createPhonePayload(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Person string `json:"person"`
		Fault  string `json:"fault"`
	}
	if !readJSON(w, r, &in, `{"person":"ok"}, perhaps with "fault"`) {
		return
	}
	payload, err := s.Phone(in.Person, in.Fault)
	switch {
	case errors.Is(err, ErrUnknownPerson):
		s.unknownPerson(w)
	case err != nil:
		writeJSON(w, http.StatusBadRequest, problem{Error: err.Error(), Faults: PhoneFaults()})
	default:
		writeJSON(w, http.StatusOK, struct {
			Response string `json:"response"`
		}{payload})
	}
}

// subscribe answers POST /sim/subscribe.
func (s *Sim) subscribe(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Person    string   `json:"person"`
		Templates []string `json:"templates"`
		Accepted  bool     `json:"accepted"`
	}
	if !readJSON(w, r, &in, `{"person":"ok","templates":["demo-notice"],"accepted":true}`) {
		return
	}
	for _, template := range in.Templates {
		if err := s.Subscribe(in.Person, template, in.Accepted); err != nil {
			s.unknownPerson(w)
			return
		}
	}
	writeJSON(w, http.StatusOK, in)
}

// listKeys returns Alipay's public keys in the form of the console: base64 of PKIX without
// PEM armor.
func (s *Sim) listKeys(w http.ResponseWriter, _ *http.Request) {
	next, err := s.nextKey()
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, problem{Error: err.Error()})
		return
	}
	old, _ := s.oldSigner()
	writeJSON(w, http.StatusOK, struct {
		Old     string `json:"old,omitempty"`
		Current string `json:"current"`
		Next    string `json:"next"`
	}{old.publicBase64(), s.signer().publicBase64(), next.publicBase64()})
}

func (s *Sim) rotate(w http.ResponseWriter, r *http.Request) {
	if err := s.RotateKey(); err != nil {
		writeJSON(w, http.StatusInternalServerError, problem{Error: err.Error()})
		return
	}
	s.listKeys(w, r)
}

func (s *Sim) setFault(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Next  string `json:"next"`
		Count *int   `json:"count"`
	}
	if !readJSON(w, r, &in, `{"next":"timeout","count":1}; "next":"" ends a fault`) {
		return
	}
	count := 1
	if in.Count != nil {
		count = *in.Count
	}
	if err := s.Fault(in.Next, count); err != nil {
		writeJSON(w, http.StatusBadRequest, problem{Error: "there is no such fault", Faults: Faults()})
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Next  string `json:"next"`
		Count int    `json:"count"`
	}{in.Next, count})
}
