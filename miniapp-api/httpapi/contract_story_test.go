package httpapi_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"fundpass/miniapp-api/selfservice"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// A story sends the examples of the API description to an environment in a meaningful order,
// with values of the environment inserted.
type story struct {
	t    *testing.T
	h    *env
	p    *client
	c    citizen
	omit string // omits this field of an example, operation.field
	take string // sends this field instead of those it excludes, operation.field
	told map[string]bool
	id   string // of the change, or of the reset
}

// The server accepts the example requests and returns the example replies.
func TestContractStory(t *testing.T) {
	t.Parallel()
	t.Run("as it is", func(t *testing.T) {
		t.Parallel()
		tellStory(t, &story{})
	})
	optional, others := freeFields()
	for _, name := range optional {
		t.Run("without "+name, func(t *testing.T) {
			t.Parallel()
			tellStory(t, &story{omit: name})
		})
	}
	for _, name := range others {
		t.Run("with "+name, func(t *testing.T) {
			t.Parallel()
			tellStory(t, &story{take: name})
		})
	}
}

func tellStory(t *testing.T, s *story) {
	opts := []envOption{withTransport(t), withTemplate}
	if strings.HasPrefix(s.take, "addLink.face_") {
		opts = append(opts, withProof("certdoc,face"))
	}
	s.t, s.h, s.told = t, newEnv(t, opts...), map[string]bool{}
	s.c, s.p = s.h.citizen(s.person), s.h.client()
	for _, step := range []string{
		"openSession", "addLink", "showLink", "showConsents", "giveConsent", "showSubscriptions", "noteSubscription", "showPhone", "showPassword", "makeTicket",
		"openChange", "confirmChange", "showChange", "showEvents", "showOwnData", "cancelChange", "showAccounts", "chooseAccount", "showTransfers",
		"openReset", "passReset", "showReset", "confirmReset", "cancelReset", "takeNotification", "callPost", "callGet",
		"removeLink", "endSession", "freeze", "withdrawConsent", "confirmLink", "confirmTransfer", "cancelTransfer", "rejectTransfer", "openRecovery", "passRecovery", "showRecovery", "confirmRecovery", "alive", "ready",
	} {
		s.tell(step)
	}
	for call, op := range operations() {
		if !s.told[op.OperationID] {
			t.Errorf("the story lacks %s, %s", op.OperationID, call)
		}
	}
}

func withTemplate(c *Config) { c.MessageTemplate = "8a7b6c5d4e3f2a1b" } // as in the examples

// person returns the citizen of the examples.
func (s *story) person(c *citizen) {
	_, op := findOperation(s.t, "addLink")
	body := requestExample(op)
	c.Name, c.IDType, c.IDNumber = body["name"].(string), body["id_type"].(string), body["id_number"].(string)
	c.AccountNo, c.Password = body["account_no"].(string), body["password"].(string)
	c.Phone = "19900000001"
}

func findOperation(t *testing.T, id string) (string, *openapi3.Operation) {
	t.Helper()
	for call, op := range operations() {
		if op.OperationID == id {
			return call, op
		}
	}
	t.Fatalf("openapi.yaml has no operation %s", id)
	return "", nil
}

func requestExample(op *openapi3.Operation) m {
	if op.RequestBody == nil || op.RequestBody.Value.Content["application/json"] == nil {
		return nil
	}
	return maps.Clone(op.RequestBody.Value.Content["application/json"].Example.(map[string]any))
}

// tell runs one step.
func (s *story) tell(id string) {
	s.t.Helper()
	s.told[id] = true
	call, op := findOperation(s.t, id)
	method, path, _ := strings.Cut(call, " ")
	switch id {
	case "takeNotification", "callPost":
		s.notification(id, op)
		return
	case "callGet":
		s.fetch(path, op)
		return
	case "cancelChange":
		s.id = strings.TrimPrefix(s.p.openChange(s.c), "/v1/password/changes/")
	case "cancelReset":
		reset, _ := s.p.openReset()
		s.id = strings.TrimPrefix(reset, "/v1/password/resets/")
	case "confirmLink":
		s.waited(path, op)
		return
	case "passReset", "passRecovery":
		s.passed(id, path, op)
		return
	case "openRecovery", "showRecovery", "confirmRecovery":
		s.recovered(id, path, op)
		return
	case "confirmTransfer", "cancelTransfer", "rejectTransfer":
		s.transferred(id, path, op)
		return
	case "showPassword":
		s.h.setChannel(store.ChannelWebsite, func(e *store.ChannelEntry) { e.IsOn = true })
		s.h.setChannel(store.ChannelHotline, func(e *store.ChannelEntry) { e.IsOn = true })
		s.h.clock.Advance(6 * time.Second)
	case "removeLink", "freeze": // notification and removal end the link
		s.p = s.h.linkedClient(s.c)
	case "withdrawConsent": // the freeze ended the session
		s.p = s.h.logIn(s.c)
	}
	path = strings.ReplaceAll(path, "{id}", s.id)
	var r reply
	if method == http.MethodPost {
		body := s.body(id, op)
		s.lacking(path, op, body)
		s.excluding(path, op, body)
		body = s.varied(id, op, body)
		if err := allows(op, body); err != nil {
			s.t.Errorf("%s: openapi.yaml refuses what the server takes: %v", id, err)
		}
		r = s.p.post(path, body)
	} else {
		r = s.p.get(path)
	}
	s.compare(id, op, r)
	s.remember(id, op, r)
}

// waited makes a link that waits for a face, at a centre that requires one.
func (s *story) waited(path string, op *openapi3.Operation) {
	h := newEnv(s.t, withProof(selfservice.ProofFace))
	p, c := h.client(), h.citizen(s.person)
	p.token = h.logIn(c).token
	pending, _ := p.awaitFace(c)
	s.compare("confirmLink", op, p.post(strings.ReplaceAll(path, "{id}", pending), requestExample(op)))
}

// transferred runs a transfer of a link to another Alipay user of the person.
func (s *story) transferred(id, path string, op *openapi3.Operation) {
	h := newEnv(s.t, withTransfer(24*time.Hour))
	c := h.citizen(s.person)
	next := h.newAlipay(c)
	p, holder := h.logIn(next), h.linkedClient(c)
	waiting, _ := p.post("/v1/link", c.transferBody()).want(s.t, "TRANSFER_WAITING").transferOf(s.t)
	switch id {
	case "confirmTransfer":
		h.notifyHolders()
		h.clock.Advance(24 * time.Hour)
		p = h.logIn(next)
	case "rejectTransfer":
		p = holder
	}
	s.compare(id, op, p.post(strings.ReplaceAll(path, "{id}", waiting.ID.String()), requestExample(op)))
}

// recovered runs a recovery.
func (s *story) recovered(id, path string, op *openapi3.Operation) {
	h := newEnv(s.t)
	c := h.citizen(s.person)
	p := h.logIn(c)
	opened := p.post("/v1/password/recoveries", c.recoveryBody()).want(s.t, "OK")
	path = strings.ReplaceAll(path, "{id}", opened.get(s.t, "id").(string))
	switch id {
	case "openRecovery":
		s.compare(id, op, opened)
	case "showRecovery":
		s.compare(id, op, p.get(path))
	default:
		s.compare(id, op, p.post(path, requestExample(op)))
	}
}

// passed passes a reset or a recovery by the code of an SMS.
func (s *story) passed(id, path string, op *openapi3.Operation) {
	h := newEnv(s.t, withSMS)
	c := h.citizen(s.person)
	p, opening, body := h.logIn(c), "/v1/password/recoveries", c.recoveryBody()
	if id == "passReset" {
		p, opening, body = h.linkedClient(c), "/v1/password/resets", m{}
	}
	body["proof"] = "sms"
	opened := p.post(opening, body).want(s.t, "OK").get(s.t, "id").(string)
	s.compare(id, op, p.post(strings.ReplaceAll(path, "{id}", opened), m{"code": h.smsCode()}))
}

// body returns the example with values of the environment.
func (s *story) body(id string, op *openapi3.Operation) m {
	s.t.Helper()
	body := requestExample(op)
	switch id {
	case "openSession":
		code, err := s.h.sim.AuthCode(s.c.Person.Person)
		must(s.t, err)
		s.p.token, body["auth_code"] = "", code
	case "showPhone":
		var payload m
		must(s.t, json.Unmarshal(s.h.payload(s.c, ""), &payload))
		for name := range body {
			if body[name] = payload[name]; payload[name] == nil {
				s.t.Errorf("my.getPhoneNumber gives no %s", name)
			}
		}
	}
	return body
}

func (s *story) remember(id string, op *openapi3.Operation, r reply) {
	switch id {
	case "openSession":
		s.p.token = r.get(s.t, "token").(string)
	case "showAccounts":
		s.id, _ = s.p.accounts()
	case "openChange", "openReset":
		s.id = r.get(s.t, "id").(string)
	case "confirmChange", "confirmReset":
		s.c.Password = requestExample(op)["new_password"].(string)
	}
}

// lacking sends the body without each required field. It skips auth codes, because sending one
// spends it.
func (s *story) lacking(path string, op *openapi3.Operation, body m) {
	s.t.Helper()
	if op.RequestBody == nil {
		return
	}
	for _, name := range op.RequestBody.Value.Content["application/json"].Schema.Value.Required {
		less := maps.Clone(body)
		delete(less, name)
		if r := s.p.post(path, less); r.Code != "BAD_REQUEST" && r.Code != "PHONE_REFUSED" || allows(op, less) == nil {
			s.t.Errorf("%s without %s: %s", op.OperationID, name, r.Raw)
		}
	}
}

// notification returns a signed form of the simulator.
func (s *story) notification(id string, op *openapi3.Operation) {
	s.t.Helper()
	kind, contentType := signing.MethodCancelled, "text/plain"
	if id == "callPost" {
		kind, contentType = "spi.alipay.fund.account.query", "application/json"
	}
	_, body := s.h.deliver(s.h.url, s.h.write(alipaysim.Notice{Person: s.c.Person.Person, Kind: kind}))
	s.likeContent(op.Responses.Status(200).Value.Content[contentType].Example, body)
}

// fetch gets a path that has no envelope and needs no session.
func (s *story) fetch(path string, op *openapi3.Operation) {
	s.t.Helper()
	r := fetch(s.t, s.h.url+path)
	if content := op.Responses.Status(200).Value.Content["application/json"]; content != nil {
		s.likeContent(content.Example, r.Raw)
	}
}

// fetch gets a reply and checks it against the API description.
func fetch(t *testing.T, url string) reply {
	t.Helper()
	rsp, err := http.Get(url)
	must(t, err)
	defer rsp.Body.Close()
	raw, err := io.ReadAll(rsp.Body)
	must(t, err)
	r := reply{HTTP: rsp.StatusCode, Header: rsp.Header, Raw: string(raw)}
	if err := keepsContract(rsp.Request, r); err != nil {
		t.Errorf("%s: %v", url, err)
	}
	return r
}
