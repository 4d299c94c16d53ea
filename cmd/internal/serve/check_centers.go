package serve

import (
	"context"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/store"
)

// checkCenters checks the process of several centres, and each centre.
func checkCenters(ctx context.Context, w terminal.Stdio) []findingGroup {
	c, problems := settings.ParseCenters(w)
	process := findSettings(c.Process, settings.Files{}, problems, func(f settings.Field) bool { return f.OfProcess })
	for _, p := range settings.Misspelt(w) {
		process = append(process, finding{verdictFail, p.Setting, p.Err})
	}
	var state store.Condition
	if url := c.Process.DatabaseURL; url != "" && store.CheckDSN(url) == nil {
		var found []finding
		state, found = findServer(ctx, c.Process)
		process = append(process, found...)
	}
	groups := []findingGroup{{all: process}}
	for _, one := range c.All {
		groups = append(groups, findingGroup{one.ID, checkCenter(ctx, one, state)})
	}
	return groups
}

// checkCenter checks one centre of several, in the database that was inspected.
func checkCenter(ctx context.Context, c *settings.Center, state store.Condition) []finding {
	if c.Settings.Center == "" { // its file of settings could not be read
		return findSettings(c.Settings, settings.Files{}, c.Problems, func(settings.Field) bool { return false })
	}
	f, more := c.Settings.Load()
	problems := append(c.Problems, more...)
	all := findSettings(c.Settings, f, problems, func(f settings.Field) bool { return !f.OfProcess })
	for _, p := range problems {
		if !settings.IsSetting(p.Setting) && p.Setting != "" { // misspelt
			all = append(all, finding{verdictFail, p.Setting, p.Err})
		}
	}
	return append(all, findInDatabase(ctx, state, c.Settings, f)...)
}
