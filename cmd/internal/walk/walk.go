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

// errStep ends a walk early. Why is on the screen.
var errStep = errors.New("did not hold")

// Command walks the whole citizen's flow against a running demo. It leaves
// the person as it found them: the password is changed, the history makes
// enough changes between that the first one may come back, and it comes back.
func Command(w terminal.Stdio) *cobra.Command {
	var base, person, password string
	cmd := &cobra.Command{
		Use:   "walk",
		Short: "Walk the whole citizen's flow against a running demo",
		Long: "Walk acts as a citizen who changes the password, step by step, against a running\n" +
			"fundpass demo, and exits 0 only when every step held. At the end the person's\n" +
			"password is what it was, so a walk can be repeated.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if u, err := url.Parse(base); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
				return fmt.Errorf("--base %s is not a URL such as http://127.0.0.1:8080", base)
			}
			client := apiclient.Client{Base: strings.TrimRight(base, "/"), HTTP: &http.Client{Timeout: 10 * time.Second}}
			walk := &walk{mine: client, other: client, Screen: terminal.NewScreen(w.Out), password: password}
			return walk.run(cmd.Context(), person)
		},
	}
	cmd.Flags().StringVar(&base, "base", "http://127.0.0.1:8080", "where the demo serves")
	cmd.Flags().StringVar(&person, "person", "ok", "who walks, see the demo's table")
	cmd.Flags().StringVar(&password, "password", "", "the person's password, when it is not the listed one any more")
	return cmd
}

// A walk is one citizen with two clients.
type walk struct {
	terminal.Screen
	mine, other apiclient.Client
	who         alipaysim.Person
	twin        string // the same person with another Alipay account, "" = none

	first      string // the password found, restored at the end
	password   string // the one that is right now
	linked     bool   // found linked, and left so
	linkedHere bool   // linked by this walk
	change     string // path of the change at hand
	changedAt  string // when the password was changed
	frozen     bool   // by this walk, and not back yet
	reset      string // path of the reset at hand
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

// run walks and reports. Whatever happens, it puts the person back.
func (w *walk) run(ctx context.Context, person string) error {
	begun := time.Now()
	if err := w.find(ctx, person); err != nil {
		return err
	}
	w.Title(fmt.Sprintf("%s walks on %s", w.who.Person, w.mine.Base))
	err := w.stages(ctx)
	if err == nil {
		w.End(fmt.Sprintf("All %d steps held, in %s.", w.steps, seconds(time.Since(begun))))
		w.tellPassword()
		return nil
	}
	w.End(fmt.Sprintf("Step %d did not hold: %v", w.steps, err))
	w.putBackQuietly(ctx)
	return fmt.Errorf("walk: step %d %w", w.steps, errStep)
}

const transferStage = "Another Alipay account of the same person"

func (w *walk) stages(ctx context.Context) error {
	for _, stage := range []struct {
		name string
		walk func(context.Context) error
	}{
		{"Sign in", w.signIn},
		{"Link the fund account", w.link},
		{"Look, and mistype", w.mistype},
		{"Change the password", w.changePassword},
		{"What the change did", w.afterwards},
		{"Freeze it, and come back", w.comeBack},
		{"Change it encrypted", w.changeSealed},
		{"Put everything back", w.putBack},
		{transferStage, w.transfer},
		{"Leave", w.leave},
	} {
		if stage.name == transferStage && w.twin == "" {
			continue
		}
		w.Heading(stage.name)
		if err := stage.walk(ctx); err != nil {
			return err
		}
	}
	return nil
}

// find looks the person up at the demo.
func (w *walk) find(ctx context.Context, person string) error {
	a, err := w.mine.Get(ctx, "/sim/people")
	if err != nil {
		return fmt.Errorf("walk: %s: %w; is fundpass demo running there?", w.mine.Base, err)
	}
	var people []alipaysim.Person
	if a.Status != http.StatusOK || json.Unmarshal(a.Raw, &people) != nil {
		return fmt.Errorf("walk: %s is not a demo: GET /sim/people gives status %d", w.mine.Base, a.Status)
	}
	i := slices.IndexFunc(people, func(p alipaysim.Person) bool { return p.Person == person })
	if i < 0 {
		return fmt.Errorf("walk: the demo knows no person %q; its people are listed at %s/sim/people", person, w.mine.Base)
	}
	w.who = people[i]
	w.twin = twinOf(w.who, people)
	if w.password == "" {
		w.password = w.who.Password
	}
	w.first = w.password
	return nil
}

// step makes the call, shows the line, and returns an error unless it held.
func (w *walk) step(ctx context.Context, s step) (apiclient.Answer, error) {
	if s.client == nil {
		s.client = &w.mine
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

// take makes one step after the other for as long as they hold.
func (w *walk) take(ctx context.Context, steps ...step) error {
	for _, s := range steps {
		if _, err := w.step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// signInStep is the step of a person who signs in on a client.
func (w *walk) signInStep(ctx context.Context, p *apiclient.Client, person, proves string) error {
	begun := time.Now()
	a, err := p.LogIn(ctx, person)
	a.Took = time.Since(begun)
	return w.checkStep(step{proves: proves, want: "OK", note: showSession}, a, err)
}

// busyTries is how often a step comes again that was told BUSY, as a page does:
// nothing was done.
const busyTries = 20

// checkStep compares the answer with what the step wants, shows the line, and returns an error
// unless the step held.
func (w *walk) checkStep(s step, a apiclient.Answer, err error) error {
	w.steps++
	note := a.Message
	if err == nil && a.Code != s.want {
		err = fmt.Errorf("wanted %s, got %d %s", s.want, a.Status, a.Code)
	}
	if err == nil && s.note != nil {
		note, err = s.note(a)
	}
	printLine(w.Screen, line{number: w.steps, held: err == nil, proves: s.proves, answer: a, note: note})
	return err
}

func post(path string, body apiclient.Fields) apiclient.Request {
	if body == nil {
		body = apiclient.Fields{}
	}
	return apiclient.Request{Method: http.MethodPost, Path: path, Body: body}
}

// underKey gives the request an Idempotency-Key of its own: what is encrypted may
// then come again.
func underKey(r apiclient.Request) apiclient.Request { return r.Under(rand.Text()) }

func get(path string) apiclient.Request { return apiclient.Request{Method: http.MethodGet, Path: path} }

// freshPassword makes one that no list, no history and nobody's data knows: 12
// letters and digits, which most policies allow.
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
		if len(policy.Check(passwd.NewSecret(string(random)), passwd.Subject{})) == 0 {
			return string(random) // chance makes a run of keys now and then
		}
	}
}
