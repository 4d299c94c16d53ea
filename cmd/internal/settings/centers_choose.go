package settings

import (
	"fmt"
	"slices"
	"strings"

	"fundpass/cmd/internal/terminal"
)

// OneCenter returns a function that looks up the settings of the centre with an id, for a
// command that works for one centre. Without a file of centres the id must be empty, and the
// function is that of w.
func OneCenter(w terminal.Stdio, id string) (func(string) string, error) {
	switch {
	case !HasCenters(w.Getenv) && id != "":
		return nil, terminal.Textf("--center needs FUNDPASS_CENTERS_FILE: without it there is one centre")
	case !HasCenters(w.Getenv):
		return w.Getenv, nil
	}
	c, problems := ParseCenters(w)
	problems = slices.DeleteFunc(problems, func(p Problem) bool { // others are the command's to judge
		return p.Setting != "FUNDPASS_CENTERS_FILE" && isOfProcess(p.Setting)
	})
	if len(problems) > 0 {
		return nil, fmt.Errorf("invalid settings:\n%w", Join(problems))
	}
	i := slices.IndexFunc(c.All, func(one *Center) bool { return one.ID == id })
	switch {
	case id == "":
		return nil, terminal.Textf("--center is required with FUNDPASS_CENTERS_FILE; its centres are: %s", c.names())
	case i < 0:
		return nil, terminal.Textf("--center %s is not in FUNDPASS_CENTERS_FILE; its centres are: %s", id, c.names())
	}
	one := c.All[i]
	if len(one.wrong) > 0 {
		return nil, fmt.Errorf("invalid settings:\n%w", CenterProblem{one.ID, Problem{"", Join(one.wrong)}})
	}
	return one.Getenv(w.Getenv), nil
}

func (c Centers) names() string {
	var all []string
	for _, one := range c.All {
		all = append(all, one.ID)
	}
	return strings.Join(all, ", ")
}
