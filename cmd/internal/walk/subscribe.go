package walk

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fundpass/cmd/internal/apiclient"
)

// subscribe accepts messages in the panel of my.requestSubscribeMessage. Without that
// Alipay delivers no message to the citizen, and their link cannot be transferred online.
func (w *walk) subscribe(ctx context.Context, p *apiclient.Client, person string) error {
	a, err := w.step(ctx, step{proves: "The page gets the message templates", client: p, Request: get("/v1/subscriptions"), want: "OK", note: showTemplates})
	templates := templates(a)
	if err != nil || len(templates) == 0 {
		return err
	}
	_, err = w.step(ctx, step{proves: "The citizen subscribes in Alipay's panel", client: p, want: "OK",
		Request: post("/sim/subscribe", apiclient.Fields{"person": person, "templates": templates, "accepted": true}), note: fixedNote("simulated")})
	for _, template := range templates {
		if err != nil {
			return err
		}
		_, err = w.step(ctx, step{proves: "The page reports the subscription", client: p, want: "OK",
			Request: post("/v1/subscriptions", apiclient.Fields{"template_id": template, "accepted": true})})
	}
	return err
}

func templates(a apiclient.Answer) []string {
	var in struct {
		Templates []string `json:"templates"`
	}
	_ = json.Unmarshal(a.Data, &in) // leaves none if it fails
	return in.Templates
}

func showTemplates(a apiclient.Answer) (string, error) {
	return fmt.Sprintf("%d template(s), %s", len(templates(a)), a.Text("state")), nil
}

const (
	pollInterval  = time.Second      // between checks whether the holder was notified
	notifyTimeout = 20 * time.Second // after which the holder counts as unreachable
)

// confirmTransfer confirms a transfer without a window once its holder was notified.
func (w *walk) confirmTransfer(ctx context.Context, p *apiclient.Client, waiting apiclient.Answer) (apiclient.Answer, error) {
	confirm := post("/v1/link-transfers/"+waitingID(waiting)+"/confirm", nil)
	for end := time.Now().Add(notifyTimeout); ; {
		select {
		case <-ctx.Done():
			return waiting, ctx.Err()
		case <-time.After(pollInterval):
		}
		a, err := p.Do(ctx, confirm)
		if err != nil || a.Code != "TRANSFER_WAITING" || time.Now().After(end) {
			return a, err
		}
	}
}

// withoutWindow reports whether a TRANSFER_WAITING comes from a server without a window.
func withoutWindow(a apiclient.Answer) bool {
	var reply struct {
		RetryAfter int `json:"retry_after"`
	}
	_ = json.Unmarshal(a.Raw, &reply)
	return a.Code == "TRANSFER_WAITING" && reply.RetryAfter <= 5
}
