package serve

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"fundpass/cmd/internal/settings"
)

// reload reads the file of centres again. It adds the new ones, removes those that are gone,
// replaces those whose settings have changed, and replaces the keys of the others. If anything is
// wrong with the file or with a centre, everything remains as it was.
func (p *process) reload() {
	read, wrong := settings.ReadCenters(p.w)
	if len(wrong) > 0 {
		p.refuse(wrong)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	next, gone, err := p.next(read.All)
	if err != nil {
		p.refuse(settings.Unjoin(err))
		return
	}
	p.use(next)
	for _, c := range next {
		if c.stop == nil && p.begin != nil {
			p.begin(c)
			p.log.Info("centre added", "center", c.entry.ID)
		}
	}
	for _, c := range gone {
		p.leaving.Go(func() { p.leave(c) })
	}
	p.log.Info("centres reloaded", "centers", len(next))
}

// refuse logs why the centres were not reloaded.
func (p *process) refuse(wrong []error) {
	for _, err := range wrong {
		attrs := []any{"err", err}
		var of settings.CenterProblem
		var problem settings.Problem
		if errors.As(err, &of) {
			attrs = append(attrs, "center", of.Center)
		}
		if errors.As(err, &problem) {
			attrs = append(attrs, "setting", problem.Setting)
		}
		p.log.Error("centres not reloaded, everything remains as it was", attrs...)
	}
}

// next returns the centres of the entries, and those of now that are not among them. It changes
// no key and no centre if it returns an error.
func (p *process) next(entries []*settings.Center) (all, gone []*runningCenter, err error) {
	all = make([]*runningCenter, len(entries))
	var fresh []*settings.Center
	var wrong []error
	renewed := make(map[*runningCenter]reloadable)
	for i, entry := range entries {
		old := p.find(entry)
		if old == nil {
			fresh = append(fresh, entry)
			continue
		}
		keys, problems := old.loadKeys()
		for _, problem := range problems {
			wrong = append(wrong, settings.CenterProblem{Center: entry.ID, Problem: problem})
		}
		all[i], renewed[old] = old, keys
	}
	if len(wrong) > 0 {
		return nil, nil, errors.Join(wrong...)
	}
	added, err := p.assemble(context.Background(), fresh)
	if err != nil {
		return nil, nil, err
	}
	for i, entry := range entries {
		if all[i] == nil {
			all[i], added = added[0], added[1:]
			continue
		}
		if err := all[i].useKeys(renewed[all[i]]); err != nil {
			p.refuse([]error{settings.InCenter(entry.ID, err)})
		}
		all[i].entry = entry
	}
	gone = slices.DeleteFunc(slices.Clone(p.centers), func(c *runningCenter) bool { return slices.Contains(all, c) })
	return all, gone, nil
}

// find returns the running centre with the same settings as an entry, or nil.
func (p *process) find(entry *settings.Center) *runningCenter {
	for _, c := range p.centers {
		if c.entry.ID == entry.ID && reflect.DeepEqual(c.entry.Settings, entry.Settings) {
			return c
		}
	}
	return nil
}

// leave lets a centre that was removed finish its requests and then closes it.
func (p *process) leave(c *runningCenter) {
	ctx, stop := context.WithTimeout(context.Background(), drainTime)
	defer stop()
	log := p.log.With("center", c.entry.ID)
	if err := c.active.Drain(ctx); err != nil {
		log.Warn("requests of a removed centre were cut off", "err", err)
	}
	if c.stop != nil {
		c.stop()
	}
	if err := c.Close(); err != nil {
		log.Warn("removed centre not closed", "err", err)
	}
	log.Info("centre removed")
}
