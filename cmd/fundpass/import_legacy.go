package main

import (
	"context"
	"encoding/hex"
	"strings"
	"sync"

	"fundpass/miniapp-api/passwd"
)

// A legacyDigest is all that the old system kept of a password.
type legacyDigest struct{ kind, hex string }

// legacySums are the digests passwd.Hasher wraps, in hex.
var legacySums = map[string]func(string) string{
	"md5": legacySum("md5"), "sha1": legacySum("sha1"), "sha256": legacySum("sha256"), "sm3": legacySum("sm3"),
}

func legacySum(kind string) func(string) string {
	return func(s string) string {
		digest, err := passwd.LegacyDigest(kind, passwd.NewSecret(s))
		if err != nil {
			panic(err) // a kind of this file that passwd does not know
		}
		return digest
	}
}

// parseLegacyDigest reads {kind}hex, in either case.
func parseLegacyDigest(s string) (legacyDigest, bool) {
	kind, digest, ok := strings.Cut(strings.ToLower(s), "}")
	d := legacyDigest{strings.TrimPrefix(kind, "{"), digest}
	sum := legacySums[d.kind]
	if !ok || kind == d.kind || sum == nil || len(digest) != len(sum("")) {
		return legacyDigest{}, false
	}
	_, err := hex.DecodeString(digest)
	return d, err == nil
}

// initial finds the rule whose initial password a digest is of: that password
// was never changed.
func (d legacyDigest) initial(rules []string, s passwd.Subject) (string, bool) {
	sum := legacySums[d.kind]
	for _, rule := range rules {
		derived, ok := passwd.Derive(rule, s)
		if !ok {
			continue
		}
		v := derived.Normalised()
		if sum(v) == d.hex || sum(strings.ToLower(v)) == d.hex {
			return rule, true
		}
	}
	return "", false
}

// notHashed stands in the place of a hash that will not be stored, because the
// account is there and keeps its password. No password verifies against it.
const notHashed = "!"

// settlePasswords gives every entry that came with a digest what will stand in
// the database: the rule, where the digest is of an initial password, and
// otherwise a hash over the digest. That costs tens of milliseconds, so it is
// left out for accounts that are there.
func (m *importer) settlePasswords(ctx context.Context, entries []entry) error {
	var unknown []*entry
	var numbers []string
	for i := range entries {
		e := &entries[i]
		if e.digest.kind == "" {
			continue
		}
		if rule, found := e.digest.initial(m.policy.InitialRules, subjectOf(e.Person)); found {
			e.InitialRule, e.MustChange = rule, true
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
			var err error
			e.Hash, err = m.hasher.WrapLegacy(e.digest.kind, e.digest.hex)
			failed <- err
		})
	}
	for range entries {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}
