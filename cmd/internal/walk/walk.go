package walk

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/passwd"
	"fundpass/signing/alipaysim"
)

// errStep ends a walk. The screen shows the reason.
var errStep = errors.New("failed")

// Command returns the walk command, which runs all procedures of a citizen against a
// running demo. It leaves the person unchanged: after the change it makes enough further
// changes for the history to accept the first password again, and restores it.
func Command(w terminal.Stdio) *cobra.Command {
	var base, person, password string
	cmd := &cobra.Command{
		Use:   "walk",
		Short: "Run all procedures of a citizen against a running demo",
		Long: "Walk acts as a citizen who changes the password, step by step, against a running\n" +
			"fundpass demo. It exits 0 only if every step passes. It restores the person's\n" +
			"password at the end, so that a walk can be repeated.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if u, err := url.Parse(base); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
				return fmt.Errorf("--base %s is not a URL such as http://127.0.0.1:8080", base)
			}
			client := apiclient.Client{Base: strings.TrimRight(base, "/"), HTTP: &http.Client{Timeout: 10 * time.Second}}
			walk := &walk{client: client, otherClient: client, Screen: terminal.NewScreen(w.For(cmd)), password: password}
			return walk.run(cmd.Context(), person)
		},
	}
	cmd.Flags().StringVar(&base, "base", "http://127.0.0.1:8080", "base URL of the demo")
	cmd.Flags().StringVar(&person, "person", "ok", "person who walks, see the demo's table")
	cmd.Flags().StringVar(&password, "password", "", "the person's password, if it was changed")
	return cmd
}

// A walk is one citizen with two clients.
type walk struct {
	terminal.Screen
	client, otherClient apiclient.Client
	person              alipaysim.Person
	secondAccount       string // another Alipay account of the person, "" = none

	first      string // the password at the start, restored at the end
	password   string // the current password
	linked     bool   // linked at the start and at the end
	linkedHere bool   // linked by this walk
	change     string // path of the current change
	changedAt  string // when the password was changed
	frozen     bool   // frozen by this walk
	reset      string // path of the current reset
	steps      int
}

// A step is one call and what it proves.
type step struct {
	proves string
	client *apiclient.Client
	apiclient.Request
	want string // code of the answer
	note note
}

// run walks and prints the result. If a step fails, it restores the person.
func (w *walk) run(ctx context.Context, person string) error {
	begun := time.Now()
	if err := w.findPerson(ctx, person); err != nil {
		return err
	}
	w.Title(fmt.Sprintf("%s walks on %s", w.person.Person, w.client.Base))
	err := w.stages(ctx)
	if err == nil {
		w.End(fmt.Sprintf("All %d steps passed in %s.", w.steps, seconds(time.Since(begun))))
		w.printPassword()
		return nil
	}
	w.End(fmt.Sprintf("Step %d failed: %v", w.steps, err))
	w.cleanUp(ctx)
	return fmt.Errorf("walk: step %d %w", w.steps, errStep)
}

const transferStage = "Another Alipay account of the same person"

// stages runs the stages in order. The transfer needs a second Alipay account of the
// person.
func (w *walk) stages(ctx context.Context) error {
	for _, stage := range []struct {
		name string
		walk func(context.Context) error
	}{
		{"Sign in", w.signIn},
		{"Link the fund account", w.link},
		{"Enter a wrong password", w.enterWrongPassword},
		{"Change the password", w.changePassword},
		{"Check the effects of the change", w.checkEffects},
		{"Freeze and reset the password", w.freezeAndReset},
		{"Change the password encrypted", w.changeEncrypted},
		{"Restore the first password", w.restorePassword},
		{transferStage, w.transfer},
		{"Sign out", w.signOut},
	} {
		if stage.name == transferStage && w.secondAccount == "" {
			continue
		}
		w.Heading(stage.name)
		if err := stage.walk(ctx); err != nil {
			return err
		}
	}
	return nil
}

// findPerson looks the person up in the demo.
func (w *walk) findPerson(ctx context.Context, person string) error {
	a, err := w.client.Get(ctx, "/sim/people")
	if err != nil {
		return fmt.Errorf("walk: %s: %w; is fundpass demo running there?", w.client.Base, err)
	}
	var people []alipaysim.Person
	if a.Status != http.StatusOK || json.Unmarshal(a.Raw, &people) != nil {
		return fmt.Errorf("walk: %s is not a demo: GET /sim/people gives status %d", w.client.Base, a.Status)
	}
	i := slices.IndexFunc(people, func(p alipaysim.Person) bool { return p.Person == person })
	if i < 0 {
		return fmt.Errorf("walk: the demo has no person %q; %s/sim/people lists its people", person, w.client.Base)
	}
	w.person = people[i]
	w.secondAccount = secondAccountOf(w.person, people)
	if w.password == "" {
		w.password = w.person.Password
	}
	w.first = w.password
	return nil
}

// step makes the call, prints the line, and returns an error if the step fails. It
// repeats a call that gets BUSY.
func (w *walk) step(ctx context.Context, s step) (apiclient.Answer, error) {
	if s.client == nil {
		s.client = &w.client
	}
	a, err := s.client.Do(ctx, s.Request)
	for tries := 0; err == nil && a.Code == "BUSY" && tries < busyTries; tries++ {
		select {
		case <-time.After(time.Duration(a.Retry) * time.Second):
		case <-ctx.Done():
			return a, w.checkStep(s, a, ctx.Err())
		}
		a, err = s.client.Do(ctx, s.Request)
	}
	return a, w.checkStep(s, a, err)
}

// runSteps runs the steps in order until one fails.
func (w *walk) runSteps(ctx context.Context, steps ...step) error {
	for _, s := range steps {
		if _, err := w.step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// signInStep signs a person in on a client as one step.
func (w *walk) signInStep(ctx context.Context, p *apiclient.Client, person, proves string) error {
	begun := time.Now()
	a, err := p.LogIn(ctx, person)
	a.Took = time.Since(begun)
	return w.checkStep(step{proves: proves, want: "OK", note: showSession}, a, err)
}

// busyTries is how often a step that gets BUSY is repeated, as a page does.
const busyTries = 20

// checkStep compares the answer with what the step wants, prints the line, and returns an
// error if the step fails.
func (w *walk) checkStep(s step, a apiclient.Answer, err error) error {
	w.steps++
	note := a.Message
	if err == nil && a.Code != s.want {
		err = fmt.Errorf("wanted %s, got %d %s", s.want, a.Status, a.Code)
	}
	if err == nil && s.note != nil {
		note, err = s.note(a)
	}
	printLine(w.Screen, line{number: w.steps, passed: err == nil, proves: s.proves, answer: a, note: note})
	return err
}

func post(path string, body apiclient.Fields) apiclient.Request {
	if body == nil {
		body = apiclient.Fields{}
	}
	return apiclient.Request{Method: http.MethodPost, Path: path, Body: body}
}

// withIdempotencyKey gives the request an Idempotency-Key, so that an encrypted password
// can be sent again.
func withIdempotencyKey(r apiclient.Request) apiclient.Request { return r.Under(rand.Text()) }

func get(path string) apiclient.Request { return apiclient.Request{Method: http.MethodGet, Path: path} }

// freshPassword returns a random password of 12 letters and digits, which most policies
// accept and no list contains.
func freshPassword() string {
	sets := []string{"BCDFGHKMNPQRTVWXZ", "bcdfghkmnpqrtvwxz", "bcdfghkmnpqrtvwxz", "2345789"}
	policy := passwd.Default()
	for {
		random := make([]byte, 12)
		rand.Read(random)
		for i, r := range random {
			set := sets[i%len(sets)]
			random[i] = set[int(r)%len(set)]
		}
		// A random password can contain a sequence of keys, which the policy refuses.
		if len(policy.Check(passwd.NewSecret(string(random)), passwd.Subject{})) == 0 {
			return string(random)
		}
	}
}
