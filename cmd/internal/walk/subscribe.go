package walk

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fundpass/cmd/internal/apiclient"
)

// subscribe is the citizen's yes in the panel of my.requestSubscribeMessage: without it
// Alipay takes no message to them, and nobody takes their link over online.
func (w *walk) subscribe(ctx context.Context, p *apiclient.Client, person string) error {
	a, err := w.step(ctx, step{proves: "The page learns which messages to ask for", client: p, Request: get("/v1/subscriptions"), want: "OK", note: showTemplates})
	templates := templates(a)
	if err != nil || len(templates) == 0 {
		return err
	}
	_, err = w.step(ctx, step{proves: "The citizen subscribes, in Alipay's panel", client: p, want: "OK",
		Request: post("/sim/subscribe", apiclient.Fields{"person": person, "templates": templates, "accepted": true}), note: says("the simulator stands in for Alipay")})
	for _, template := range templates {
		if err != nil {
			return err
		}
		_, err = w.step(ctx, step{proves: "And the page says so", client: p, want: "OK",
			Request: post("/v1/subscriptions", apiclient.Fields{"template_id": template, "accepted": true})})
	}
	return err
}

func templates(a apiclient.Answer) []string {
	var in struct {
		Templates []string `json:"templates"`
	}
	_ = json.Unmarshal(a.Data, &in) // none then
	return in.Templates
}

func showTemplates(a apiclient.Answer) (string, error) {
	return fmt.Sprintf("%d template(s), %s", len(templates(a)), a.Text("state")), nil
}

const (
	toldEvery = time.Second      // between looks whether the holder was told
	toldIn    = 20 * time.Second // or else cannot be
)

// takeOver confirms a transfer without a window once its holder was notified.
func (w *walk) takeOver(ctx context.Context, p *apiclient.Client, waiting apiclient.Answer) (apiclient.Answer, error) {
	confirm := post("/v1/link-transfers/"+waitingID(waiting)+"/confirm", nil)
	for end := time.Now().Add(toldIn); ; {
		select {
		case <-ctx.Done():
			return waiting, ctx.Err()
		case <-time.After(toldEvery):
		}
		a, err := p.Do(ctx, confirm)
		if err != nil || a.Code != "TRANSFER_WAITING" || time.Now().After(end) {
			return a, err
		}
	}
}

// atOnce reports whether a TRANSFER_WAITING is of a server without a window.
func atOnce(a apiclient.Answer) bool {
	var told struct {
		RetryAfter int `json:"retry_after"`
	}
	_ = json.Unmarshal(a.Raw, &told)
	return a.Code == "TRANSFER_WAITING" && told.RetryAfter <= 5
}
