package roster

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/jedib0t/go-pretty/v6/table"

	"fundpass/miniapp-api/passwd"
)

// initialRule returns the rule whose initial password has this digest: that password
// was never changed.
func initialRule(d passwd.Legacy, rules []string, s passwd.Subject) (string, bool) {
	for _, rule := range rules {
		derived, ok := passwd.Derive(rule, s)
		if !ok {
			continue
		}
		small := passwd.NewSecret(strings.ToLower(derived.Normalised()))
		if d.Matches(derived) || !small.Equal(derived) && d.Matches(small) {
			return rule, true
		}
	}
	return "", false
}

// notHashed replaces a hash that will not be stored, because the account exists and
// keeps its password. No password verifies against it.
const notHashed = "!"

// hashPasswords gives every entry that came with a digest what the database will
// store: the rule, where the digest is of an initial password, and otherwise a hash over
// the digest. That costs tens of milliseconds, so accounts that exist are left out.
// Trying the rules against bcrypt or PBKDF2 costs as much again for each rule and is done
// only on request; the server finds such a password at its first use.
func (m *intake) hashPasswords(ctx context.Context, entries []entry) error {
	var unknown []*entry
	var numbers []string
	for i := range entries {
		e := &entries[i]
		if e.passwordless {
			e.Hash = notHashed
		}
		if e.digest.Kind() == "" || !e.digest.Slow() && m.foundInitial(e) {
			continue
		}
		unknown, numbers = append(unknown, e), append(numbers, e.Person.AccountNo)
	}
	if len(unknown) == 0 {
		return nil
	}
	there, err := m.db.Roster().HasAccounts(ctx, numbers)
	if err != nil {
		return err
	}
	for i, e := range unknown {
		if there[i] {
			e.Hash = notHashed
		}
	}
	return m.wrap(ctx, unknown)
}

// foundInitial tries the city's rules against an entry's digest, and sets the rule that
// fits.
func (m *intake) foundInitial(e *entry) bool {
	rule, found := initialRule(e.digest, m.policy.InitialRules, subjectOf(e.Person))
	if found {
		e.InitialRule, e.MustChange = rule, true
	}
	return found
}

// hashEntry makes the hash of one entry, or finds its rule.
func (m *intake) hashEntry(ctx context.Context, e *entry) (err error) {
	if m.trySlow && e.digest.Slow() && m.foundInitial(e) {
		return nil
	}
	e.MustChange = e.digest.Common()
	e.Hash, err = m.hasher.Wrap(ctx, e.digest)
	return err
}

// wrap hashes on all cores, which it shares with the other pieces under way.
func (m *intake) wrap(ctx context.Context, entries []*entry) error {
	failed := make(chan error, len(entries))
	var running sync.WaitGroup
	defer running.Wait()
	for _, e := range entries {
		if e.Hash != "" {
			failed <- nil
			continue
		}
		select {
		case m.hashing <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		running.Go(func() {
			defer func() { <-m.hashing }()
			failed <- m.hashEntry(ctx, e)
		})
	}
	for range entries {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

// A kindCount is how many lines have one kind of password, and for how many of them
// this run found an initial password or one of the commonest behind the digest.
type kindCount struct{ lines, initial, common int64 }

// ruleKind is the kind of a password that follows from a rule.
const ruleKind = "initial rule"

// countKinds adds a piece's entries.
func countKinds(kinds map[string]kindCount, entries []entry) {
	for _, e := range entries {
		kind := cmp.Or(e.digest.Kind(), ruleKind)
		if e.passwordless {
			continue
		}
		n := kinds[kind]
		n.lines++
		if e.digest.Kind() != "" && e.InitialRule != "" {
			n.initial++
		} else if e.MustChange {
			n.common++
		}
		kinds[kind] = n
	}
}

// kindRows returns the summary's table of kinds.
func kindRows(kinds map[string]kindCount) (rows []table.Row) {
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		rows = append(rows, table.Row{kind, kinds[kind].lines, kinds[kind].initial, kinds[kind].common})
	}
	return rows
}
