package walk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fundpass/cmd/internal/apiclient"
)

// longestHistory is more passwords than any policy remembers.
const longestHistory = 30

var errNotBack = errors.New("the first password does not come back")

// putBack makes the first password right again. The history refuses it until
// enough others came between, so the walk makes those changes.
func (w *walk) putBack(ctx context.Context) error {
	if err := w.open(ctx, "The new password opens one more change"); err != nil {
		return err
	}
	a, err := w.mine.Do(ctx, w.confirming(w.first, w.first))
	switch {
	case err == nil && a.Code == "OK": // a policy without a history
		w.password = w.first
		return w.checkStep(step{proves: "The first password comes back", want: "OK"}, a, nil)
	case err == nil && a.Code == "PASSWORD_WEAK":
		return w.neverBack(ctx, a)
	}
	if err := w.checkStep(step{proves: "The first password may not come right back", want: "PASSWORD_REUSED"}, a, err); err != nil {
		return err
	}
	begun := time.Now()
	changes, a, err := w.outrunHistory(ctx)
	a.Took = time.Since(begun)
	return w.checkStep(step{proves: "Some changes later it may", want: "OK",
		note: says(fmt.Sprintf("after %d more changes the history lets it through", changes))}, a, err)
}

// neverBack is the end of an initial password.
func (w *walk) neverBack(ctx context.Context, a apiclient.Answer) error {
	refused := step{proves: "The rules refuse the first password for good", want: a.Code, note: showBrokenRules}
	if err := w.checkStep(refused, a, nil); err != nil {
		return err
	}
	_, err := w.step(ctx, step{proves: "So the change is cancelled", Request: post(w.change+"/cancel", nil), want: "OK", note: wantState("cancelled")})
	return err
}

// outrunHistory changes the password until the first one is accepted again. It
// begins with an open change that just refused it.
func (w *walk) outrunHistory(ctx context.Context) (changes int, last apiclient.Answer, err error) {
	for changes = 1; changes <= longestHistory; changes++ {
		next := freshPassword()
		last, err = w.mine.Do(ctx, w.confirming(next, next))
		if err != nil || last.Code != "OK" {
			return changes, last, err
		}
		w.password = next
		if last, err = w.mine.Do(ctx, w.opening(next)); err != nil || last.Code != "OK" {
			return changes, last, err
		}
		w.change = "/v1/password/changes/" + last.Text("id")
		last, err = w.mine.Do(ctx, w.confirming(w.first, w.first))
		if err == nil && last.Code == "OK" {
			w.password = w.first
		}
		if err != nil || last.Code != "PASSWORD_REUSED" {
			return changes, last, err
		}
	}
	return changes, last, errNotBack
}

// putBackQuietly is what a walk that ended early does for the next one: the
// first password and the link as they were, as far as the server lets it.
func (w *walk) putBackQuietly(ctx context.Context) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer stop()
	if w.frozen {
		_ = w.thaw(ctx) // tellPassword says so when it stays frozen
	}
	if w.password != w.first && w.restore(ctx) == nil {
		fmt.Fprintln(w.Out, "The password is what it was before.")
	}
	if w.linkedHere && !w.linked {
		_, _ = w.mine.Do(ctx, w.unlinking()) // the next walk copes with a link
	}
	_, _ = w.mine.Do(ctx, post("/v1/sessions/end", nil)) // it expires anyway
	w.tellPassword()
}

func (w *walk) restore(ctx context.Context) error {
	a, err := w.mine.Do(ctx, w.opening(w.password))
	if err != nil {
		return err
	}
	w.change = "/v1/password/changes/" + a.Text("id")
	a, err = w.mine.Do(ctx, w.confirming(w.first, w.first))
	switch {
	case err == nil && a.Code == "OK":
		w.password = w.first
	case err == nil && a.Code == "PASSWORD_REUSED":
		_, _, err = w.outrunHistory(ctx)
	}
	if err == nil && w.password != w.first {
		err = errNotBack
	}
	return err
}

// tellPassword names the password of a person who did not get the first one
// back. The walk made it up, so it is nobody's secret.
func (w *walk) tellPassword() {
	if w.frozen {
		fmt.Fprintf(w.Out, "%s's password is still frozen: start the demo again.\n", w.who.Person)
		return
	}
	if w.password != w.first {
		fmt.Fprintf(w.Out, "%s's password is now %s, made up by this walk.\nGo on with --password %[2]s, or start the demo again.\n",
			w.who.Person, w.password)
	}
}
