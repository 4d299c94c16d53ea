package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A note says what is worth showing of an answer that has the right code, or
// what is wrong with it all the same.
type note func(answer) (string, error)

func says(s string) note {
	return func(answer) (string, error) { return s, nil }
}

func showSession(a answer) (string, error) {
	if a.text("token") == "" {
		return "", errors.New("no token")
	}
	return fmt.Sprintf("good for %d s, linked: %v", a.number("expires_in"), a.object()["linked"]), nil
}

func showAccount(a answer) (string, error) {
	in, _ := a.object()["account"].(map[string]any)
	return fmt.Sprintf("%v %v, password %v", in["name"], in["id_number"], a.object()["password_state"]), nil
}

func showStatus(a answer) (string, error) {
	rules, _ := a.object()["rules"].([]any)
	return fmt.Sprintf("%v, %d attempts left, %d rules", a.object()["state"], a.number("remaining_attempts"), len(rules)), nil
}

// wantAttempts wants n of them left after a wrong password.
func wantAttempts(n int) note {
	return func(a answer) (string, error) {
		if a.Remaining == nil || *a.Remaining != n {
			return "", fmt.Errorf("wanted %d attempts left", n)
		}
		return a.Message, nil
	}
}

func wantState(want string) note {
	return func(a answer) (string, error) {
		if got := a.text("state"); got != want {
			return "", fmt.Errorf("wanted state %s, got %s", want, got)
		}
		return "state " + want, nil
	}
}

func showBrokenRules(a answer) (string, error) {
	if len(a.Errors) == 0 {
		return "", errors.New("no broken rule is named")
	}
	texts := make([]string, len(a.Errors))
	for i, e := range a.Errors {
		texts[i] = e.Message
	}
	return strings.Join(texts, "\n"), nil
}

func showChange(a answer) (string, error) {
	if a.text("state") != "done" || a.number("sessions_ended") < 1 {
		return "", errors.New("wanted it done and the other session ended")
	}
	return fmt.Sprintf("done, %d other session(s) ended", a.number("sessions_ended")), nil
}

// An event is one entry of the citizen's own record.
type event struct {
	At   string `json:"at"`
	Kind string `json:"kind"`
	Text string `json:"text"`
}

func (a answer) events() []event {
	var in struct {
		Events []event `json:"events"`
	}
	_ = json.Unmarshal(a.Data, &in) // no events then
	return in.Events
}

// wantRecord wants the change of that time among the events.
func wantRecord(changedAt string) note {
	return func(a answer) (string, error) {
		for _, e := range a.events() {
			if e.Kind == "password_changed" && e.At == changedAt {
				return fmt.Sprintf("%s, among %d entries", e.Text, len(a.events())), nil
			}
		}
		return "", fmt.Errorf("the change is not among %d events", len(a.events()))
	}
}
