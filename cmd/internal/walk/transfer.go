package walk

import (
	"context"
	"encoding/json"
	"fmt"

	"fundpass/cmd/internal/apiclient"
	"fundpass/signing/alipaysim"
)

// secondAccountOf returns a second Alipay account of the person, or "" if the demo has
// none.
func secondAccountOf(person alipaysim.Person, people []alipaysim.Person) string {
	for _, p := range people {
		if p.Person != person.Person && p.IDNumber == person.IDNumber && p.AccountNo == person.AccountNo {
			return p.Person
		}
	}
	return ""
}

// skippedTransfers maps replies that end the stage to the reason.
var skippedTransfers = map[string]string{
	"ALREADY_LINKED":    "skipped: this server transfers no links",
	"TRANSFER_REJECTED": "the holder rejected it in an earlier walk, which counts for 30 days",
	"TRANSFER_LIMIT":    "skipped: today's transfer requests are used up; a new demo allows three",
}

// transfer requests the link with the citizen's second Alipay account and rejects the
// request with the first.
func (w *walk) transfer(ctx context.Context) error {
	requester := w.client
	if err := w.signInStep(ctx, &requester, w.secondAccount, "The person signs in with another Alipay account"); err != nil {
		return err
	}
	if _, err := w.step(ctx, step{proves: "A link is refused, as the account is linked", client: &requester, Request: w.linkRequest(false), want: "ALREADY_LINKED"}); err != nil {
		return err
	}
	a, err := requester.Do(ctx, w.linkRequest(true))
	if why, closed := skippedTransfers[a.Code]; err == nil && closed {
		return w.checkStep(step{proves: "The new account requests the transfer", want: a.Code, note: fixedNote(why)}, a, nil)
	}
	if err == nil && withoutWindow(a) {
		return w.transferAndReturn(ctx, &requester, a)
	}
	if err := w.checkStep(step{proves: "The new account requests the transfer and waits", want: "TRANSFER_WAITING"}, a, err); err != nil {
		return err
	}
	path := "/v1/link-transfers/" + waitingID(a)
	return w.runSteps(ctx,
		step{proves: "An early confirm is refused", client: &requester, Request: post(path+"/confirm", nil), want: "TRANSFER_WAITING"},
		step{proves: "The holder sees the request", Request: get("/v1/link-transfers"), want: "OK", note: wantAgainst},
		step{proves: "不是我: one tap rejects it", Request: post(path+"/reject", nil), want: "OK", note: wantState("rejected")},
		step{proves: "The requester cannot confirm it any more", client: &requester, Request: post(path+"/confirm", nil), want: "TRANSFER_REJECTED"},
		step{proves: "The holder keeps the link", Request: get("/v1/link"), want: "OK", note: showAccount},
	)
}

// transferAndReturn is transfer for a server without a window: it transfers the link once
// the holder was notified, and then back.
func (w *walk) transferAndReturn(ctx context.Context, requester *apiclient.Client, waiting apiclient.Answer) error {
	taken, err := w.confirmTransfer(ctx, requester, waiting)
	if err := w.checkStep(step{proves: "The link is transferred after the notice", want: "OK", note: showAccount}, taken, err); err != nil {
		return err
	}
	if err := w.subscribe(ctx, requester, w.secondAccount); err != nil {
		return err
	}
	if _, err := w.step(ctx, step{proves: "The old account is signed out", Request: get("/v1/link"), want: "SESSION_EXPIRED"}); err != nil {
		return err
	}
	if err := w.signInStep(ctx, &w.client, w.person.Person, "The old account signs in again"); err != nil {
		return err
	}
	a, err := w.step(ctx, step{proves: "The old account requests the transfer back", Request: w.linkRequest(true), want: "TRANSFER_WAITING"})
	if err != nil {
		return err
	}
	back, err := w.confirmTransfer(ctx, &w.client, a)
	if err := w.checkStep(step{proves: "The link is transferred back after the notice", want: "OK", note: showAccount}, back, err); err != nil {
		return err
	}
	_, err = w.step(ctx, step{proves: "The new account is signed out", client: requester, Request: get("/v1/link"), want: "SESSION_EXPIRED"})
	return err
}

// waitingID returns the id of the transfer that a TRANSFER_WAITING names.
func waitingID(a apiclient.Answer) string {
	var reply struct {
		Transfer struct {
			ID string `json:"id"`
		} `json:"transfer"`
	}
	_ = json.Unmarshal(a.Raw, &reply) // without an id the next step fails
	return reply.Transfer.ID
}

func wantAgainst(a apiclient.Answer) (string, error) {
	against, _ := a.Object()["against"].(map[string]any)
	if against["state"] != "waiting" {
		return "", fmt.Errorf("wanted a waiting transfer, got %v", against["state"])
	}
	return "waiting until the holder's window ends", nil
}
