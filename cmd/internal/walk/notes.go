package walk

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"fundpass/cmd/internal/apiclient"
)

// A note returns what to show of an answer that has the right code, or an error if its
// content is wrong.
type note func(apiclient.Answer) (string, error)

// fixedNote returns a note that always shows s.
func fixedNote(s string) note {
	return func(apiclient.Answer) (string, error) { return s, nil }
}

// showSession checks that the reply has a token and shows how long it is valid, not the
// token.
func showSession(a apiclient.Answer) (string, error) {
	if a.Text("token") == "" {
		return "", errors.New("no token")
	}
	return fmt.Sprintf("valid for %d s, linked: %v", a.Number("expires_in"), a.Object()["linked"]), nil
}

func showAccount(a apiclient.Answer) (string, error) {
	in, _ := a.Object()["account"].(map[string]any)
	return fmt.Sprintf("%v %v, password %v", in["name"], in["id_number"], a.Object()["password_state"]), nil
}

func showStatus(a apiclient.Answer) (string, error) {
	rules, _ := a.Object()["rules"].([]any)
	return fmt.Sprintf("%v, %d attempts left, %d rules", a.Object()["state"], a.Number("remaining_attempts"), len(rules)), nil
}

// wantAttempts checks that n attempts are left after a wrong password.
func wantAttempts(n int) note {
	return func(a apiclient.Answer) (string, error) {
		if a.Remaining == nil || *a.Remaining != n {
			return "", fmt.Errorf("wanted %d attempts left", n)
		}
		return a.Message, nil
	}
}

func wantState(want string) note {
	return func(a apiclient.Answer) (string, error) {
		if got := a.Text("state"); got != want {
			return "", fmt.Errorf("wanted state %s, got %s", want, got)
		}
		return "state " + want, nil
	}
}

// showBrokenRules shows the reasons of a refused password, one per line.
func showBrokenRules(a apiclient.Answer) (string, error) {
	if len(a.Errors) == 0 {
		return "", errors.New("no broken rule is named")
	}
	texts := make([]string, len(a.Errors))
	for i, e := range a.Errors {
		texts[i] = e.Message
	}
	return strings.Join(texts, "\n"), nil
}

// showChange checks that the change is done and has ended the session of the other phone.
func showChange(a apiclient.Answer) (string, error) {
	if a.Text("state") != "done" || a.Number("sessions_ended") < 1 {
		return "", errors.New("wanted state done and another session ended")
	}
	return fmt.Sprintf("done, %d other session(s) ended", a.Number("sessions_ended")), nil
}

// An event is an entry of the citizen's record.
type event struct {
	At   string `json:"at"`
	Kind string `json:"kind"`
	Text string `json:"text"`
}

func events(a apiclient.Answer) []event {
	var in struct {
		Events []event `json:"events"`
	}
	_ = json.Unmarshal(a.Data, &in) // leaves no events if it fails
	return in.Events
}

// wantRecord checks that the events contain the change of that time.
func wantRecord(changedAt string) note {
	return func(a apiclient.Answer) (string, error) {
		for _, e := range events(a) {
			if e.Kind == "password_changed" && e.At == changedAt {
				return fmt.Sprintf("%s, among %d entries", e.Text, len(events(a))), nil
			}
		}
		return "", fmt.Errorf("the change is not among %d events", len(events(a)))
	}
}
