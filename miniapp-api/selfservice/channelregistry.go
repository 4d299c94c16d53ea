package selfservice

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"fundpass/store"
)

const (
	// registryAge is the greatest age of the registry in use, unless the database is away.
	registryAge = 5 * time.Second

	// defaultRegistryTime limits a read of the registry, and how long requests wait for it.
	defaultRegistryTime = 2 * time.Second
)

// A channelRegistry caches the registry of channels, so that a request costs no read of it. A
// read serves all channels and all requests that wait for it. It starts in the background once
// half of registryAge has passed, so that requests rarely wait. While the database is away the
// last known registry is in use. Each read first reports what was counted since the last.
type channelRegistry struct {
	db    *store.DB
	log   *slog.Logger
	limit time.Duration // of a read

	mu      sync.Mutex
	known   []store.ChannelEntry // nil: never read
	readAt  time.Time
	reading chan struct{} // closed when the read in progress ends; nil: there is none
	failed  error         // of the last read
	tallies map[string]*tally
}

func newChannelRegistry(db *store.DB, log *slog.Logger, limit time.Duration) *channelRegistry {
	return &channelRegistry{db: db, log: log, limit: limit, tallies: make(map[string]*tally)}
}

// entries returns the registry.
func (r *channelRegistry) entries(ctx context.Context) ([]store.ChannelEntry, error) {
	known, reading := r.look()
	if reading == nil {
		return known, nil
	}
	select {
	case <-reading:
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.known != nil:
		return r.known, nil
	case r.failed != nil:
		return nil, r.failed
	}
	return nil, ctx.Err()
}

// look returns the registry, and the read to wait for or nil. It starts a read if it is time.
// After a failed read requests do not wait, but use what is known and start the next read.
func (r *channelRegistry) look() (known []store.ChannelEntry, reading <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	age := r.db.Now().Sub(r.readAt)
	if r.known != nil && 0 <= age && age < registryAge/2 {
		return r.known, nil
	}
	if r.reading == nil {
		r.reading = make(chan struct{})
		go r.read(r.reading)
	}
	if r.known != nil && (0 <= age && age < registryAge || r.failed != nil) {
		return r.known, nil
	}
	return r.known, r.reading
}

// read reports the counts and reads the registry, detached from any request.
func (r *channelRegistry) read(done chan<- struct{}) {
	ctx, stop := context.WithTimeout(context.Background(), r.limit)
	defer stop()
	r.report(ctx)
	now := r.db.Now() // before the read: the registry is at least that new
	all, err := r.db.Registry().Channels(ctx)

	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		if r.failed == nil {
			r.log.Warn("registry of channels not read", "err", err)
		}
	} else {
		r.logChanges(all, now)
		r.known, r.readAt = all, now
	}
	r.failed, r.reading = err, nil
	close(done)
}

// logChanges logs the channels that were switched since the last read. The service hours are
// not logged. The caller holds mu.
func (r *channelRegistry) logChanges(all []store.ChannelEntry, now time.Time) {
	if r.known == nil {
		return
	}
	for _, e := range all {
		if was := entryOf(r.known, Channel(e.Channel)).Switched(r.readAt); was != e.Switched(now) {
			r.log.Warn("channel switched", "channel", e.Channel, "on", !was, "kind", e.OffKind, "reason", e.OffReason)
		}
	}
}

// A tally counts the requests of a channel. In each minute it admits as many as the limit
// permits: its own are exact, those of other servers are as of the last report, so all servers
// together exceed the limit by what the others admit in registryAge.
type tally struct {
	minute   time.Time
	own      int // requests in the minute
	reported int // of them, those in the database
	others   int // requests of other servers in the minute
	pending  []store.ChannelCount
}

// at returns the count of the present minute. A new minute begins at 0.
func (t *tally) at(channel string, now time.Time) *store.ChannelCount {
	if minute := now.Truncate(time.Minute); !minute.Equal(t.minute) {
		t.minute, t.own, t.reported, t.others = minute, 0, 0, 0
	}
	if n := len(t.pending); n == 0 || !t.pending[n-1].Minute.Equal(t.minute) {
		t.pending = append(t.pending, store.ChannelCount{Channel: channel, Minute: t.minute})
	}
	return &t.pending[len(t.pending)-1]
}

// admit counts a request and returns 0, or returns the seconds until the next minute if the
// channel's requests of this one are used up.
func (r *channelRegistry) admit(e store.ChannelEntry, now time.Time) int {
	if !e.Counted() {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tallies[e.Channel]
	if t == nil {
		t = new(tally)
		r.tallies[e.Channel] = t
	}
	count := t.at(e.Channel, now)
	if e.PerMinute > 0 && t.own+t.others >= e.PerMinute {
		return int(t.minute.Add(time.Minute).Sub(now)/time.Second) + 1
	}
	t.own++
	count.Requests++
	return 0
}

func (r *channelRegistry) countFailure(channel Channel, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tallies[string(channel)]; t != nil {
		t.at(string(channel), now).Failures++
	}
}

// report adds the pending counts to those of all servers. A report that fails is dropped: what
// failed while the database was away says nothing about the channel.
func (r *channelRegistry) report(ctx context.Context) {
	for _, c := range r.takePending() {
		if c.Requests+c.Failures == 0 {
			continue
		}
		done, err := r.db.Registry().CountChannel(ctx, c)
		if err != nil {
			r.log.Warn("requests of a channel not counted", "channel", c.Channel, "err", err)
			continue
		}
		if done.Tripped {
			r.log.Error("channel switched off automatically", "channel", c.Channel, "reason", done.Reason)
		}
		r.reported(c, done)
	}
}

func (r *channelRegistry) takePending() (all []store.ChannelCount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tallies {
		all = append(all, t.pending...)
		t.pending = nil
	}
	return all
}

// reported keeps what the other servers have counted in the same minute.
func (r *channelRegistry) reported(c store.ChannelCount, done store.ChannelReport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tallies[c.Channel]; t.minute.Equal(c.Minute) {
		t.reported += c.Requests
		t.others = done.Requests - t.reported
	}
}
