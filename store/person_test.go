package store_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// createPersonRows creates the rows of the n-th depositor in every table: two accounts, two
// users one after the other, a change, resets by Alipay and by a clerk, a face verified for
// a link, the link transferred and back, a consent, a phone, tickets, idempotency records,
// failed attempts, a device and a notification.
func createPersonRows(t *testing.T, db *store.DB, n int) store.Depositor {
	t.Helper()
	app := appOf(t, db)
	return createPersonRowsAs(t, db, n, func(user string) store.Identity {
		return store.Identity{Provider: store.ProviderAlipay, AppID: app, Kind: "open_id", Value: fmt.Sprint(user, "-of-", n), UserID: fmt.Sprintf("2088%012d", n)}
	})
}

// appOf returns the application of a handle's centre.
func appOf(t *testing.T, db *store.DB) string {
	t.Helper()
	return list(t, storetest.ProbeOf(db), `SELECT app_id FROM centers`)[0]
}

func createPersonRowsAs(t *testing.T, db *store.DB, n int, identity func(user string) store.Identity) store.Depositor {
	t.Helper()
	ctx := t.Context()
	d, second := depositor(n, hashed), depositor(n+500, hashed)
	second.Person.IDNumber, second.DocumentKey = d.Person.IDNumber, d.DocumentKey
	importAll(t, db, d, second)
	signIn := func(user, token string) store.Session {
		s, err := db.OpenSession(ctx, store.ChannelAlipay, []byte(fmt.Sprint(token, n)), store.Visitor{Identity: identity(user)})
		noError(t, err)
		return s
	}
	account := importedAccount(t, db, d)
	old := signIn("first", "a")
	noError(t, db.AddLink(ctx, old, account, nil))
	old = signIn("first", "b")
	change, err := db.OpenChange(ctx, old, account, []byte(fmt.Sprint("old", n)))
	noError(t, err)
	_, err = db.FinishChange(ctx, old, change.ID, store.NewPassword{Hash: "$argon2id$new", Fingerprint: []byte(fmt.Sprint("new", n))})
	noError(t, err)
	noError(t, db.RemoveLink(ctx, old))

	account = importedAccount(t, db, d)
	s := signIn("second", "c")
	noError(t, db.NoteSubscription(ctx, s, "template", store.SubscriptionAccepted))
	noError(t, db.GiveConsents(ctx, s, []store.Consent{{Purpose: "face", Version: "1", How: store.ConsentAsked}}))
	face, err := db.OpenLinkProof(ctx, s, account, store.LinkProof{ID: uuid.New(), Scope: store.PublicScope, Kind: store.ResetByFace, CertifyID: fmt.Sprint("certify", n, "-face")})
	noError(t, err)
	noError(t, db.FinishLink(ctx, s, account, face, nil))
	takeOver := func(s store.Session) {
		transfer, err := db.RequestTransfer(ctx, s, store.TransferOrder{Account: account, Proof: "certdoc", Limit: 2})
		noError(t, err)
		markNotified(t, db, &transfer)
		noError(t, db.CompleteTransfer(ctx, s, transfer.ID))
	}
	takeOver(signIn("third", "e"))
	takeOver(signIn("second", "f"))
	s = signIn("second", "d")
	_, err = db.OpenReset(ctx, s, account, store.Reset{ID: uuid.New(), Kind: store.ResetByCertify, CertifyID: fmt.Sprint("certify", n)})
	noError(t, err)
	_, err = db.ChargeReset(ctx, s, 3)
	noError(t, err)
	_, err = db.Operations().IssueResetCode(ctx, account, fmt.Sprintf("%010d", n), "0017")
	noError(t, err)
	_, err = db.IssueSMSCode(ctx, store.SMSCodeOrder{ID: uuid.New(), Purpose: "reset", Channel: s.Channel, PersonDigest: account.PersonDigest, AccountID: account.ID,
		Mobile: d.Person.Phone, Binding: s.TokenDigest, Code: "000000", Silent: true})
	noError(t, err)
	noError(t, db.BindPhone(ctx, s, store.PhoneProof{Payload: []byte(fmt.Sprint("payload", n)), Mobile: d.Person.Phone}))
	noError(t, db.AddTicket(ctx, s, fmt.Sprint("ticket", n)))
	for _, scope := range [][]byte{s.IdentityDigest, db.Digest("session", s.TokenDigest)} {
		r := &store.IdempotencyRecord{Scope: scope, KeyDigest: []byte("key"), RequestDigest: []byte("request")}
		_, err = db.IdempotencyRecords().Begin(ctx, r)
		noError(t, err)
		noError(t, db.IdempotencyRecords().Complete(ctx, r, store.Answer{Status: 200, Body: []byte(d.Person.Name)}))
	}
	_, err = db.ReserveAttempt(ctx, store.AttemptRequest{PersonDigest: account.PersonDigest, Scope: s.IdentityDigest, AccountID: account.ID, Channel: store.ChannelAlipay, Policy: tiers})
	noError(t, err)
	_, err = db.ReserveAttempt(ctx, store.AttemptRequest{PersonDigest: account.PersonDigest, Scope: store.PublicScope, Policy: tiers, Source: &store.UnverifiedSource{
		User: s.IdentityDigest, Address: fmt.Sprint("192.0.2.", n), Limits: store.Spraying{PerUser: 5, PerAddress: 5, PerMinute: 5}}})
	noError(t, err)
	noError(t, db.SignIn(ctx, store.SignIn{Channel: store.ChannelApp, TokenDigest: []byte(fmt.Sprint("g", n)), Account: account,
		Device: &store.SignInDevice{Thumbprint: []byte(fmt.Sprint("key", n)), Label: store.DeviceLabel{Name: fmt.Sprint("phone of ", n)}, Add: true}}))
	_, err = db.Inbox().RecordNotification(ctx, store.Notification{NotifyID: fmt.Sprint("notice", n), Family: "a", Method: "b",
		Content: fmt.Appendf(nil, `{"open_id":"second-of-%d"}`, n)})
	noError(t, err)
	return d
}

// allRows returns every row of every table as text.
func allRows(t *testing.T, db *store.DB) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, table := range list(t, storetest.ProbeOf(db), `
		SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
			AND NOT relispartition AND relname NOT LIKE 'goose%'`) {
		all[table] = list(t, storetest.ProbeOf(db), `SELECT r::text FROM `+table+` r ORDER BY 1`)
	}
	return all
}

func operatorRequest(d store.Depositor) store.OperatorRequest {
	return store.OperatorRequest{AccountNo: d.Person.AccountNo, DocumentKey: d.DocumentKey, Operator: "li", Reason: "asked in writing"}
}

// After an erasure the database is as it was without the person, except for the records,
// which have no personal data, and for the centre's own account if that stays.
func TestErase(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		accounts bool
		kept     []string // tables that may differ
	}{
		{"with accounts", true, []string{"events", "notifications", "operator_actions", "spraying"}},
		{"without", false, []string{"accounts", "events", "notifications", "operator_actions", "password_credentials", "spraying"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			createPersonRows(t, db, 1)
			before := allRows(t, db)
			d := createPersonRows(t, db, 2)
			lived := allRows(t, db)
			traces := digestsOf(t, db, d)

			erasure := store.Erasure{OperatorRequest: operatorRequest(d), Accounts: tt.accounts, DryRun: true}
			would, err := db.Operations().Erase(t.Context(), erasure)
			noError(t, err)
			if diff := cmp.Diff(lived, allRows(t, db)); diff != "" {
				t.Fatalf("a dry run wrote:\n%s", diff)
			}
			erasure.DryRun = false
			did, err := db.Operations().Erase(t.Context(), erasure)
			noError(t, err)
			if diff := cmp.Diff(would.Gone, did.Gone); diff != "" || did.Accounts != 2 {
				t.Errorf("%d accounts; differs from the dry run:\n%s", did.Accounts, diff)
			}
			after := allRows(t, db)
			for _, table := range slices.Sorted(maps.Keys(after)) {
				if len(lived[table]) == len(before[table]) && !slices.Contains([]string{"centers", "imports", "spent_values", "dpop_proofs", "operator_actions", "channels", "channel_counts", "operator_approvals"}, table) {
					t.Errorf("no rows in %s: add some in createPersonRows", table)
				}
				if diff := cmp.Diff(before[table], after[table]); diff != "" && !slices.Contains(tt.kept, table) {
					t.Errorf("%s:\n%s", table, diff)
				}
			}
			for what, trace := range traces {
				text := fmt.Sprint(after)
				if found := strings.Contains(text, trace); found && (tt.accounts || what != "person" && what != "account number") {
					t.Errorf("the %s is still in the database", what)
				}
			}
			if strings.Contains(fmt.Sprint(after["spraying"]), traces["person"][:32]) { // shortened digests
				t.Error("spray counters still contain the person")
			}
			checkRecord(t, db, did)
		})
	}
}

// digestsOf returns the digests that identify a person.
func digestsOf(t *testing.T, db *store.DB, d store.Depositor) map[string]string {
	t.Helper()
	all := map[string]string{
		"person":         hex.EncodeToString(db.PersonDigest(d.DocumentKey)),
		"account number": list(t, storetest.ProbeOf(db), `SELECT encode(account_no_digest, 'hex') FROM accounts WHERE person_digest = $1 ORDER BY 1`, db.PersonDigest(d.DocumentKey))[0],
	}
	for i, digest := range list(t, storetest.ProbeOf(db), `SELECT DISTINCT encode(identity_digest, 'hex') FROM changes WHERE person_digest = $1
		UNION SELECT encode(identity_digest, 'hex') FROM links WHERE person_digest = $1`, db.PersonDigest(d.DocumentKey)) {
		all[fmt.Sprint("user ", i)] = digest
	}
	if len(all) != 5 {
		t.Fatalf("%d digests", len(all))
	}
	return all
}

// checkRecord checks the rows that stay.
func checkRecord(t *testing.T, db *store.DB, did store.Erased) {
	t.Helper()
	actions, err := db.Operations().OperatorActions(t.Context(), did.At.AddDate(0, 0, -1))
	noError(t, err)
	got := map[string]string{}
	for _, a := range actions {
		got[a.Action] = a.Operator + ": " + a.Reason
	}
	name := store.ActionErase
	if !slices.ContainsFunc(did.Kept, func(r store.RowCount) bool { return r.Table == "accounts" }) {
		name = store.ActionEraseWithAccount
	}
	want := map[string]string{name: "li: asked in writing", store.ActionResetCode: "0017: one-time code for a citizen at the counter"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	events, err := db.Events(t.Context(), did.Account.ID, 50)
	noError(t, err)
	if len(events) < 8 || events[0].Kind != store.EventErased || events[0].Channel != store.ChannelOperator {
		t.Errorf("events %+v", events)
	}
	if n := list(t, storetest.ProbeOf(db), `SELECT count(*)::text FROM notifications`)[0]; n != "2" {
		t.Errorf("%s notifications, so a repeated one would count as new", n)
	}
}

// Erase leaves other persons' rows, and the erased person can link again if the account
// stayed.
func TestEraseLeavesOthers(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	other, d := createPersonRows(t, db, 1), createPersonRows(t, db, 2)
	before, err := db.Operations().Export(t.Context(), operatorRequest(other))
	noError(t, err)
	_, err = db.Operations().Erase(t.Context(), store.Erasure{OperatorRequest: operatorRequest(d)})
	noError(t, err)
	after, err := db.Operations().Export(t.Context(), operatorRequest(other))
	noError(t, err)
	after.At, after.Operators = before.At, before.Operators
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("rows of another person changed:\n%s", diff)
	}
	account := importedAccount(t, db, d)
	s, err := db.OpenSession(t.Context(), store.ChannelAlipay, []byte("again"), store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: "second-of-2"}})
	noError(t, err)
	if s.Link != nil {
		t.Error("link not erased")
	}
	noError(t, db.AddLink(t.Context(), s, account, nil))

	_, err = db.Operations().Erase(t.Context(), store.Erasure{OperatorRequest: operatorRequest(d), Accounts: true})
	noError(t, err)
	for _, dry := range []bool{true, false} {
		if _, err := db.Operations().Erase(t.Context(), store.Erasure{OperatorRequest: operatorRequest(d), Accounts: true, DryRun: dry}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("erased twice: %v", err)
		}
	}
}

// Export contains every table with rows of the person, unsealed, and no secret.
func TestExport(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	createPersonRows(t, db, 1)
	d := createPersonRows(t, db, 2)
	data, err := db.Operations().Export(t.Context(), operatorRequest(d))
	noError(t, err)
	raw, err := json.Marshal(data)
	noError(t, err)
	var lists map[string][]any
	text := strings.Replace(string(raw), `"at":"`+data.At.Format("2006-01-02T15:04:05.999999Z07:00")+`",`, "", 1)
	noError(t, json.Unmarshal([]byte(text), &lists))
	got := map[string]int{}
	for name, l := range lists {
		got[name] = len(l)
	}
	if diff := cmp.Diff(map[string]int{
		"accounts": 2, "links": 2, "sessions": 3, "devices": 1, "passwords": 2, "earlier_passwords": 1, "lockouts": 2, "changes": 1,
		"link_proofs": 1, "link_transfers": 2, "consents": 1, "resets": 1, "reset_codes": 1, "reset_counts": 6, "sms_codes": 1, "phone_proofs": 1, "notices": 11, "notifications": 1, "events": 15, "message_subscriptions": 1,
		"operator_actions": 2,
	}, got); diff != "" {
		t.Errorf("lists:\n%s", diff)
	}
	for _, want := range []string{d.Person.Name, d.Person.IDNumber, d.Person.Phone, d.Person.AccountNo, d.Person.EmployerNo, `"kind":"open_id"`, `"issued_by":"0017"`, "notice2", "phone of 2"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, secret := range []string{"argon2id", "second-of-2", "first-of-2", "third-of-2", "-of-1", "E00000001", "ticket", "certify2", hex.EncodeToString(db.PersonDigest(d.DocumentKey))} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the export", secret)
		}
	}
	if o := data.Operators[1]; o.Action != store.ActionExport || o.Operator != "li" || o.Reason != "asked in writing" {
		t.Errorf("recorded %+v", o)
	}
	if _, err := db.Operations().Export(t.Context(), store.OperatorRequest{AccountNo: "1", Operator: "li", Reason: "why"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown account: %v", err)
	}
	if n := list(t, storetest.ProbeOf(db), `SELECT count(*)::text FROM operator_actions WHERE action = 'export'`)[0]; n != "1" {
		t.Errorf("%s actions recorded", n)
	}
}

// OwnData contains the data of the linked account.
func TestOwnData(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	createPersonRows(t, db, 1)
	d := createPersonRows(t, db, 2)
	s, err := db.Session(t.Context(), []byte("d2"))
	noError(t, err)
	data, err := db.OwnData(t.Context(), s)
	noError(t, err)
	if len(data.Accounts) != 1 || data.Accounts[0].AccountNo != d.Person.AccountNo || len(data.Events) != 15 || len(data.Notices) != 11 ||
		len(data.Links) != 2 || data.Links[0].Identity.Value != "second-of-2" || len(data.Sessions) != 3 ||
		len(data.Devices) != 1 || data.Devices[0].Name != "phone of 2" {
		t.Errorf("%+v", data)
	}
	if n := list(t, storetest.ProbeOf(db), `SELECT count(*)::text FROM operator_actions WHERE action <> 'reset code'`)[0]; n != "0" {
		t.Errorf("%s actions recorded", n)
	}
}
