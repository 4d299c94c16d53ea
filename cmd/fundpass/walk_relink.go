package main

import (
	"context"
	"encoding/json"
	"fmt"

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

// closedTakeovers are the answers that make the stage pointless, and why.
var closedTakeovers = map[string]string{
	"ALREADY_LINKED": "skipped: this server takes no links over",
	"RELINK_REFUSED": "the holder objected in an earlier walk; that counts for 30 days",
	"RELINK_LIMIT":   "skipped: today's wishes are used up; a new demo has three",
}

// relink is the citizen's new Alipay account, which asks for the link, and the old one,
// which says no.
func (w *walk) relink(ctx context.Context) error {
	asker := w.mine
	if err := w.arrive(ctx, &asker, w.twin, "The same person comes with another Alipay account"); err != nil {
		return err
	}
	if _, err := w.step(ctx, step{proves: "Which is told that the account is linked", phone: &asker, request: w.linking(false), want: "ALREADY_LINKED"}); err != nil {
		return err
	}
	a, err := asker.do(ctx, w.linking(true))
	if why, closed := closedTakeovers[a.Code]; err == nil && closed {
		return w.judge(step{proves: "It asks to take the link over", want: a.Code, note: says(why)}, a, nil)
	}
	if err == nil && a.atOnce() {
		return w.takeBack(ctx, &asker, a)
	}
	if err := w.judge(step{proves: "It asks to take the link over, and has to wait", want: "RELINK_WAITING"}, a, err); err != nil {
		return err
	}
	path := "/v1/relinks/" + a.waiting()
	return w.take(ctx,
		step{proves: "Before its time it gets nothing", phone: &asker, request: post(path+"/confirm", nil), want: "RELINK_WAITING"},
		step{proves: "The holder sees that somebody asks", request: get("/v1/relinks"), want: "OK", note: wantAgainst},
		step{proves: "不是我: one tap refuses", request: post(path+"/object", nil), want: "OK", note: wantState("objected")},
		step{proves: "Whoever asked is told, and cannot go on", phone: &asker, request: post(path+"/confirm", nil), want: "RELINK_REFUSED"},
		step{proves: "The link is where it was", request: get("/v1/link"), want: "OK", note: showAccount},
	)
}

// takeBack is for a server that gives holders no time: the link goes over once the holder
// was told, and comes back.
func (w *walk) takeBack(ctx context.Context, asker *phone, waiting answer) error {
	taken, err := w.takeOver(ctx, asker, waiting)
	if err := w.judge(step{proves: "It takes the link over once the holder was told", want: "OK", note: showAccount}, taken, err); err != nil {
		return err
	}
	if err := w.subscribe(ctx, asker, w.twin); err != nil {
		return err
	}
	if _, err := w.step(ctx, step{proves: "The old one is signed out", request: get("/v1/link"), want: "SESSION_EXPIRED"}); err != nil {
		return err
	}
	if err := w.arrive(ctx, &w.mine, w.who.Person, "And comes back"); err != nil {
		return err
	}
	a, err := w.step(ctx, step{proves: "To take it back", request: w.linking(true), want: "RELINK_WAITING"})
	if err != nil {
		return err
	}
	back, err := w.takeOver(ctx, &w.mine, a)
	if err := w.judge(step{proves: "Which it does once the new one was told", want: "OK", note: showAccount}, back, err); err != nil {
		return err
	}
	_, err = w.step(ctx, step{proves: "And the new one is signed out", phone: asker, request: get("/v1/link"), want: "SESSION_EXPIRED"})
	return err
}

// waiting is the id of the relink that a RELINK_WAITING tells of.
func (a answer) waiting() string {
	var told struct {
		Relink struct {
			ID string `json:"id"`
		} `json:"relink"`
	}
	_ = json.Unmarshal(a.raw, &told) // without one the next step does not hold
	return told.Relink.ID
}

func wantAgainst(a answer) (string, error) {
	against, _ := a.object()["against"].(map[string]any)
	if against["state"] != "waiting" {
		return "", fmt.Errorf("wanted a relink that waits, got %v", against["state"])
	}
	return "waiting until the holder's time is over", nil
}
