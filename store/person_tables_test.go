package store_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"fundpass/store"
	"fundpass/store/storetest"
)

// exportedAs maps tables to the names under which PersonData exports their rows.
var exportedAs = map[string]string{
	"accounts": "accounts", "links": "links", "sessions": "sessions", "password_credentials": "passwords",
	"password_history": "earlier_passwords", "lockouts": "lockouts", "changes": "changes", "resets": "resets",
	"reset_codes": "reset_codes", "daily_counts": "reset_counts", "link_proofs": "link_proofs", "link_transfers": "link_transfers", "consents": "consents",
	"message_subscriptions": "message_subscriptions",
	"sms_codes":             "sms_codes",
	"phone_payloads":        "phone_proofs", "outbox": "notices", "notifications": "notifications", "events": "events",
	"operator_actions": "operator_actions", "devices": "devices",
}

// notExported are tables that are not exported, with the reasons.
var notExported = map[string]string{
	"spent_values":        "digests of random codes and tokens, kept for a day, which identify no person",
	"dpop_proofs":         "digests of proofs, kept for minutes, which identify no person",
	"centers":             "markers of the keys",
	"imports":             "digests of whole files",
	"password_tickets":    "random numbers, kept for 15 minutes, without personal data",
	"idempotency_records": "copies of replies to the person, kept for a day",
	"spraying":            "digests of other persons whom a user tried in vain, kept for two days",
}

// erasedAs are tables that Erase reports under another name.
var erasedAs = map[string]string{"notifications": "notifications (content)"}

// notErased are tables in which a person's rows stay, with the reasons.
var notErased = map[string]string{
	"spent_values":     notExported["spent_values"],
	"dpop_proofs":      notExported["dpop_proofs"],
	"centers":          notExported["centers"],
	"imports":          notExported["imports"],
	"events":           "kept for FUNDPASS_AUDIT_YEARS, with the account's keyed digest only",
	"operator_actions": "as events",
}

// Every table with a column that may refer to a person is exported and erased, or is listed
// above. A new table fails the test until it is in collectPersonData and erasables or in a
// list.
func TestEveryTableOfPersons(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	d := createPersonRows(t, db, 1)
	erasure, err := db.Operations().Erase(t.Context(), store.Erasure{OperatorRequest: operatorRequest(d), Accounts: true, DryRun: true})
	noError(t, err)
	data, err := db.Operations().Export(t.Context(), operatorRequest(d))
	noError(t, err)
	raw, err := json.Marshal(data)
	noError(t, err)
	var exported map[string]json.RawMessage
	noError(t, json.Unmarshal(raw, &exported))

	tables := list(t, storetest.ProbeOf(db), `
		SELECT DISTINCT c.table_name::text FROM information_schema.columns c
		JOIN pg_class p ON p.relname = c.table_name AND p.relnamespace = current_schema()::regnamespace AND NOT p.relispartition
		WHERE c.table_schema = current_schema() AND (c.column_name LIKE '%\_digest' OR c.column_name = 'account_id' OR c.udt_name IN ('bytea', '_bytea'))
		ORDER BY 1`)
	if len(tables) < 20 {
		t.Fatalf("only %v", tables)
	}
	for _, table := range tables {
		_, out := exported[exportedAs[table]]
		if why := notExported[table]; out == (why != "") {
			t.Errorf("%s: exported %v, with the reason not to %q", table, out, why)
		}
		gone := slices.ContainsFunc(erasure.Gone, func(r store.RowCount) bool {
			return r.Rows > 0 && (r.Table == table || r.Table == erasedAs[table])
		})
		if why := notErased[table]; gone == (why != "") {
			t.Errorf("%s: erased %v, with the reason not to %q", table, gone, why)
		}
	}
	for _, listed := range []map[string]string{exportedAs, notExported, notErased} {
		for table := range listed {
			if !slices.Contains(tables, table) {
				t.Errorf("%s is listed but is not a table: %s", table, strings.Join(tables, " "))
			}
		}
	}
}
