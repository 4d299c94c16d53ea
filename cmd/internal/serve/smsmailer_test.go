package serve

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/keys/testenv"
	"fundpass/miniapp-api/sms"
	"fundpass/miniapp-api/sms/smssim"
	"fundpass/store"
)

// An smsFixture is an SMS mailer with its simulated gateway, which reports deliveries.
type smsFixture struct {
	*cmdtest.Fixture
	sim    *smssim.Sim
	mailer *smsMailer
	log    *cmdtest.LogBuffer
}

func newSMSFixture(t *testing.T, media ...string) *smsFixture {
	t.Helper()
	f := &smsFixture{Fixture: cmdtest.NewFixture(t), log: new(cmdtest.LogBuffer)}
	mux, key := http.NewServeMux(), smssim.NewKey()
	centre := httptest.NewServer(mux)
	t.Cleanup(centre.Close)
	f.sim = smssim.New(smssim.Config{Key: key, Receipt: centre.URL + sms.ReceiptPath})
	server := httptest.NewServer(f.sim)
	t.Cleanup(server.Close)
	gateway, err := sms.New(smssim.Description(server.URL), key)
	cmdtest.NoError(t, err)
	log := slog.New(slog.NewJSONHandler(f.log, nil))
	mux.Handle(sms.ReceiptPath, gateway.Receipts(f.DB.Outbox().RecordReceipt, log))
	f.mailer = &smsMailer{db: f.DB, gateway: gateway, log: log, media: append(media, store.MediumSMS)}
	return f
}

// issue orders a code for a citizen.
func (f *smsFixture) issue(c *cmdtest.Citizen, code string) uuid.UUID {
	f.T.Helper()
	a, err := f.DB.AccountByNumber(f.T.Context(), c.AccountNo)
	cmdtest.NoError(f.T, err)
	issued, err := f.DB.IssueSMSCode(f.T.Context(), store.SMSCodeOrder{
		ID: uuid.New(), Purpose: "reset", Channel: "x", PersonDigest: a.PersonDigest, AccountID: a.ID, Mobile: c.Phone, Binding: []byte("session"), Code: code,
	})
	cmdtest.NoError(f.T, err)
	return issued.ID
}

// again makes what was deferred due now, sends it, and waits for the receipts.
func (f *smsFixture) again() {
	f.T.Helper()
	_, err := f.SQL.Exec(`UPDATE outbox SET next_at = created_at WHERE lease IS NULL`)
	cmdtest.NoError(f.T, err)
	f.mailer.sendBatch(f.T.Context())
	f.sim.Close()
}

// state returns what the outbox says about a message.
func (f *smsFixture) state(id uuid.UUID) (state string) {
	f.T.Helper()
	cmdtest.NoError(f.T, f.SQL.QueryRow(`
		SELECT CASE WHEN done_at IS NOT NULL THEN 'done' WHEN failed_at IS NOT NULL THEN 'failed' ELSE 'due' END || ' ' || coalesce(receipt, 'none')
		FROM outbox WHERE outbox_id = $1`, id).Scan(&state))
	return state
}

// TestSMSMailer checks what becomes of a code with a gateway that is down, refuses, loses its
// answer or sends twice, and that the log shows neither phone nor code.
func TestSMSMailer(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	for i, tt := range []struct {
		fault       string
		first, then string // states after one attempt and after another
		sent        int
	}{
		{"", "done delivered", "done delivered", 1},
		{"down", "due none", "done delivered", 1},
		{"html", "due none", "done delivered", 1},
		{"redirect", "due none", "done delivered", 1},
		{"refuse", "failed none", "failed none", 0},
		{"duplicate", "done delivered", "done delivered", 2},
		{"undelivered", "done undelivered", "done undelivered", 1},
	} {
		c := f.AddCitizens(1, "")[0]
		before := len(f.sim.Messages())
		if tt.fault != "" {
			f.sim.Fail(tt.fault, 1)
		}
		code := fmt.Sprintf("86420%d", i)
		id := f.issue(c, code)
		f.mailer.sendBatch(t.Context())
		f.sim.Close()
		if got := f.state(id); got != tt.first {
			t.Errorf("%q: %s, want %s", tt.fault, got, tt.first)
		}
		f.again()
		if got := f.state(id); got != tt.then {
			t.Errorf("%q, again: %s, want %s", tt.fault, got, tt.then)
		}
		sent := f.sim.Messages()[before:]
		if len(sent) != tt.sent || len(sent) > 0 && (sent[0].To != c.Phone || !strings.Contains(sent[0].Text, code)) {
			t.Errorf("%q: sent %+v", tt.fault, sent)
		}
		for _, secret := range []string{c.Phone, code} {
			if strings.Contains(f.log.String(), secret) {
				t.Errorf("%q: the log shows %s", tt.fault, secret)
			}
		}
	}
	if r := f.mailer.report(); r.Delivered != 6 || r.Failed != 1 {
		t.Errorf("%+v", r)
	}
}

// TestSMSLostAnswer checks that a message whose answer was lost is not sent twice: the receipt
// says that it arrived.
func TestSMSLostAnswer(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	f.sim.Fail("lost", 1)
	id := f.issue(f.AddCitizens(1, "")[0], "864209")
	f.mailer.sendBatch(t.Context())
	f.sim.Close()
	if got := f.state(id); got != "done delivered" {
		t.Errorf("got %s", got)
	}
	calls := f.sim.Calls()
	f.again()
	if f.sim.Calls() != calls || len(f.sim.Messages()) != 1 {
		t.Errorf("%d calls, %d messages", f.sim.Calls()-calls, len(f.sim.Messages()))
	}
}

// TestSMSExpired checks that a code that waited until it expired is not sent.
func TestSMSExpired(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	id := f.issue(f.AddCitizens(1, "")[0], "864209")
	_, err := f.SQL.Exec(`UPDATE outbox SET expires_at = created_at`)
	cmdtest.NoError(t, err)
	f.mailer.sendBatch(t.Context())
	if got := f.state(id); got != "failed none" || f.sim.Calls() != 0 || !strings.Contains(f.log.String(), "expired before") {
		t.Errorf("%s, %d calls, log %s", got, f.sim.Calls(), f.log.String())
	}
}

// TestNoticesFallBack checks that a notice which Alipay does not deliver goes to the phone on
// file, unless that is another person's, too.
func TestNoticesFallBack(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	server := f.Serve(f.DSN)
	all := f.Linked(3, server.URL)
	for _, c := range all[1:] {
		c.Subscribed = false
		f.Sim.Add(c.Person)
	}
	family := f.AddCitizens(1, "")[0]
	family.Phone = all[2].Phone
	_, err := f.DB.Roster().ImportDepositors(t.Context(), []store.Depositor{f.Depositor(family)})
	cmdtest.NoError(t, err)
	m, log := mailerOf(f.Fixture, "template")
	m.bySMS = true
	m.sendBatch(t.Context())
	if m.report().Delivered != 1 || m.report().Failed != 0 || strings.Count(log.String(), "by SMS instead") != 2 {
		t.Errorf("%+v, log %s", m.report(), log.String())
	}
	f.mailer.sendBatch(t.Context())
	sent := f.sim.Messages()
	if len(sent) != 1 || sent[0].To != all[1].Phone || !strings.Contains(sent[0].Text, "完成线上绑定") || f.mailer.report().Failed != 1 {
		t.Errorf("sent %+v, %+v", sent, f.mailer.report())
	}
}

// TestNoticesWithoutTemplate checks that owners get SMS at a centre without messages of Alipay.
func TestNoticesWithoutTemplate(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t, store.MediumMessage)
	c := f.Linked(1, f.Serve(f.DSN).URL)[0]
	f.mailer.sendBatch(t.Context())
	if sent := f.sim.Messages(); len(sent) != 1 || sent[0].To != c.Phone {
		t.Errorf("sent %+v", sent)
	}
}

// postTo returns the status of an empty request.
func (f *smsFixture) postTo(h http.Handler, path string) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", path, strings.NewReader("{}")))
	return w.Code
}

// TestSMSServer checks that the settings start the mailer and the route of the receipts.
func TestSMSServer(t *testing.T) {
	t.Parallel()
	f := newSMSFixture(t)
	key := smssim.NewKey()
	sim := smssim.New(smssim.Config{Key: key})
	gateway := httptest.NewServer(sim)
	t.Cleanup(gateway.Close)
	files := cmdtest.Values{"FUNDPASS_SMS_GATEWAY_FILE": f.Path("sms.json"), "FUNDPASS_SMS_KEY_FILE": f.Path("sms.key"), "FUNDPASS_PROOF": "sms"}
	cmdtest.NoError(t, os.WriteFile(f.Path("sms.json"), smssim.Description(gateway.URL), 0o600))
	cmdtest.NoError(t, os.WriteFile(f.Path("sms.key"), key, 0o600))
	server := cmdtest.StartServer(t, f.Env(cmdtest.Unlimited, files))
	c := f.AddCitizens(1, server.URL)[0]
	c.MustLogIn()
	c.Must("LINK_PROOF_REQUIRED", c.Link())
	testenv.Eventually(t, "an SMS", func() bool { return len(sim.Messages()) == 1 })
	parsed, err := settings.Read(cmdtest.GetenvOf(f.Env(cmdtest.Unlimited, files)))
	cmdtest.NoError(t, err)
	a, err := Assemble(t.Context(), parsed, slog.New(slog.DiscardHandler))
	cmdtest.NoError(t, err)
	t.Cleanup(func() { cmdtest.NoError(t, a.Close()) })
	beyond := 0
	for range 2 * receiptRate.Burst { // some of the allowance comes back meanwhile
		if beyond = f.postTo(a.Handler, sms.ReceiptPath); beyond == http.StatusTooManyRequests {
			break
		}
	}
	if api := f.postTo(a.Handler, "/v1/sessions"); beyond != http.StatusTooManyRequests || api == http.StatusTooManyRequests {
		t.Errorf("receipts beyond the rate: %d, the API: %d", beyond, api)
	}
	for path, want := range map[string]int{server.URL + sms.ReceiptPath: 401, f.Serve(f.DSN).URL + sms.ReceiptPath: 404} {
		r, err := http.Post(path, "application/json", strings.NewReader("{}"))
		cmdtest.NoError(t, err)
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, r.StatusCode, want)
		}
	}
}
