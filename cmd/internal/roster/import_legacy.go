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

// initialRule finds the rule whose initial password a digest is of: that password
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

// notHashed stands in the place of a hash that will not be stored, because the
// account is there and keeps its password. No password verifies against it.
const notHashed = "!"

// hashPasswords gives every entry that came with a digest what will be stored in
// the database: the rule, where the digest is of an initial password, and
// otherwise a hash over the digest. That costs tens of milliseconds, so it is
// left out for accounts that are there. Trying the rules against bcrypt or PBKDF2
// costs as much again for each of them and is done only when asked for; the
// server finds such a password at its first use.
func (m *importer) hashPasswords(ctx context.Context, entries []entry) error {
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
	there, err := m.db.HasAccounts(ctx, numbers)
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

// foundInitial tries the city's rules against an entry's digest.
func (m *importer) foundInitial(e *entry) bool {
	rule, found := initialRule(e.digest, m.policy.InitialRules, subjectOf(e.Person))
	if found {
		e.InitialRule, e.MustChange = rule, true
	}
	return found
}

// hashEntry does the expensive part for one entry.
func (m *importer) hashEntry(ctx context.Context, e *entry) (err error) {
	if m.trySlow && e.digest.Slow() && m.foundInitial(e) {
		return nil
	}
	e.MustChange = e.digest.Common()
	e.Hash, err = m.hasher.Wrap(ctx, e.digest)
	return err
}

// wrap hashes on all cores, shared with the other pieces under way.
func (m *importer) wrap(ctx context.Context, entries []*entry) error {
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

// A kindCount says how many lines have one kind of password, and how many
// digests among them turned out, in this run, to be of an initial one or of one of
// the commonest.
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

// kindRows is the summary's table of kinds.
func kindRows(kinds map[string]kindCount) (rows []table.Row) {
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		rows = append(rows, table.Row{kind, kinds[kind].lines, kinds[kind].initial, kinds[kind].common})
	}
	return rows
}
