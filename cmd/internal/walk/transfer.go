package walk

import (
	"context"
	"encoding/json"
	"fmt"

	"fundpass/cmd/internal/apiclient"
	"fundpass/signing/alipaysim"
)

// twinOf is a second Alipay account of the person, "" when the demo has none.
func twinOf(who alipaysim.Person, people []alipaysim.Person) string {
	for _, p := range people {
		if p.Person != who.Person && p.IDNumber == who.IDNumber && p.AccountNo == who.AccountNo {
			return p.Person
		}
	}
	return ""
}

// closedTransfers are the answers after which the stage is skipped, and why.
var closedTransfers = map[string]string{
	"ALREADY_LINKED":    "skipped: this server transfers no links",
	"TRANSFER_REJECTED": "the holder rejected it in an earlier walk; that counts for 30 days",
	"TRANSFER_LIMIT":    "skipped: the day's transfer requests are used up; a new demo has three",
}

// transfer requests the link with the citizen's new Alipay account and rejects the request
// with the old one.
func (w *walk) transfer(ctx context.Context) error {
	requester := w.mine
	if err := w.signInStep(ctx, &requester, w.twin, "The same person comes with another Alipay account"); err != nil {
		return err
	}
	if _, err := w.step(ctx, step{proves: "Which is told that the account is linked", client: &requester, Request: w.linking(false), want: "ALREADY_LINKED"}); err != nil {
		return err
	}
	a, err := requester.Do(ctx, w.linking(true))
	if why, closed := closedTransfers[a.Code]; err == nil && closed {
		return w.checkStep(step{proves: "It requests the transfer of the link", want: a.Code, note: says(why)}, a, nil)
	}
	if err == nil && atOnce(a) {
		return w.takeBack(ctx, &requester, a)
	}
	if err := w.checkStep(step{proves: "It requests the link transfer, and has to wait", want: "TRANSFER_WAITING"}, a, err); err != nil {
		return err
	}
	path := "/v1/link-transfers/" + waitingID(a)
	return w.take(ctx,
		step{proves: "Before its time it gets nothing", client: &requester, Request: post(path+"/confirm", nil), want: "TRANSFER_WAITING"},
		step{proves: "The holder sees the request", Request: get("/v1/link-transfers"), want: "OK", note: wantAgainst},
		step{proves: "不是我: one tap rejects it", Request: post(path+"/reject", nil), want: "OK", note: wantState("rejected")},
		step{proves: "The requester is told, and cannot confirm", client: &requester, Request: post(path+"/confirm", nil), want: "TRANSFER_REJECTED"},
		step{proves: "The link is where it was", Request: get("/v1/link"), want: "OK", note: showAccount},
	)
}

// takeBack is for a server without a window: the link is transferred once the holder was
// notified, and then back.
func (w *walk) takeBack(ctx context.Context, requester *apiclient.Client, waiting apiclient.Answer) error {
	taken, err := w.takeOver(ctx, requester, waiting)
	if err := w.checkStep(step{proves: "The link is transferred once the holder was notified", want: "OK", note: showAccount}, taken, err); err != nil {
		return err
	}
	if err := w.subscribe(ctx, requester, w.twin); err != nil {
		return err
	}
	if _, err := w.step(ctx, step{proves: "The old one is signed out", Request: get("/v1/link"), want: "SESSION_EXPIRED"}); err != nil {
		return err
	}
	if err := w.signInStep(ctx, &w.mine, w.who.Person, "And comes back"); err != nil {
		return err
	}
	a, err := w.step(ctx, step{proves: "And requests the transfer back", Request: w.linking(true), want: "TRANSFER_WAITING"})
	if err != nil {
		return err
	}
	back, err := w.takeOver(ctx, &w.mine, a)
	if err := w.checkStep(step{proves: "The link is transferred back once the new one was notified", want: "OK", note: showAccount}, back, err); err != nil {
		return err
	}
	_, err = w.step(ctx, step{proves: "And the new one is signed out", client: requester, Request: get("/v1/link"), want: "SESSION_EXPIRED"})
	return err
}

// waitingID returns the id of the transfer that a TRANSFER_WAITING names.
func waitingID(a apiclient.Answer) string {
	var told struct {
		Transfer struct {
			ID string `json:"id"`
		} `json:"transfer"`
	}
	_ = json.Unmarshal(a.Raw, &told) // without one the next step does not hold
	return told.Transfer.ID
}

func wantAgainst(a apiclient.Answer) (string, error) {
	against, _ := a.Object()["against"].(map[string]any)
	if against["state"] != "waiting" {
		return "", fmt.Errorf("wanted a waiting transfer, got %v", against["state"])
	}
	return "waiting until the holder's time is over", nil
}
