package store_test

import (
	"fmt"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// The entry of a reset code in the operators' record has the code's id.
func TestIssuedCodeIsRecorded(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	until, err := o.db.Operations().IssueResetCode(t.Context(), o.account, "1111111111", "0017")
	noError(t, err)
	all, err := o.db.Operations().OperatorActions(t.Context(), o.now.Now().Add(-time.Hour))
	noError(t, err)
	if len(all) != 1 || all[0].Operator != "0017" || all[0].Action != store.ActionResetCode || *all[0].AccountID != o.account.ID ||
		all[0].Reason == "" || !all[0].At.Equal(until.Add(-store.ResetCodeLife)) {
		t.Errorf("%+v", all)
	}
	ids := list(t, storetest.ProbeOf(o.db), `SELECT code_id::text FROM reset_codes`)
	if fmt.Sprint(ids) != fmt.Sprint([]string{all[0].ID.String()}) {
		t.Errorf("codes %v, recorded as %s", ids, all[0].ID)
	}
}
