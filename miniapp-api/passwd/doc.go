// Package passwd decides what a good password is, keeps it unreadable and
// hashes it. It knows no network and no database, and no clock but the one it
// is handed.
//
// A Policy is a city's file: which passwords are refused, how guessing is
// locked, which initial passwords exist. A Hasher makes and verifies what is stored
// of a password: argon2id in the places of an argon2id.Pool, then the pepper, as a
// PHC string.
//
// # The policy file
//
// A policy is one JSON object, strictly read: unknown, repeated and wrongly
// capitalised keys are refused, and everything wrong is told at once. The
// example of ParsePolicy is a whole file. Its keys:
//
//   - name: small letters, digits and hyphens.
//   - city: in Chinese, for operators; "" for a shape that is no city's.
//   - rules: a list of what a new password must be. A rule has an id (stable,
//     front ends know it), a text (the Chinese sentence the citizen reads), a
//     check, and a source: the notice and its date, or the standard and clause.
//     One min_length and one max_length are needed.
//   - check, exactly one of: min_length and max_length (code points after NFC,
//     6 to 256), require (a list of "lower", "upper", "letter", "digit",
//     "symbol"), charset (ASCII, written like the inside of a regular
//     expression's brackets: "A-Za-z0-9"), no_space (true).
//   - legacy and reason, of a rule: a rule weaker than NIST SP 800-63B-4 allows
//     says "legacy": true and why the city keeps it, or the file is refused.
//   - history: how many former passwords may not come back, 0 to 24.
//   - words: what a password may not contain beside what is refused everywhere:
//     the city's name in Chinese and pinyin, the centre's short names.
//   - initial_rules: how the city's initial passwords are made, names that
//     Derive knows or six digits that are the same for everybody. How the letter
//     X of an ID number counts is in the name: id-last6 takes it as it stands,
//     id-last6-x0 as 0, id-last6-digits and id-last4-digits+00 skip it.
//   - initial_source: the notice they come from.
//   - initial_without_proof: the reason why an initial password alone may open a
//     link; left out, as it should be, a second proof is needed.
//   - lock: rounds, each with guesses and a lock: a duration from "1m" to
//     "168h", "midnight" (00:00 in Beijing) or, for the last, "reset" (until a
//     proven reset). 100 attempts at most in all.
//   - lock_source: the notice the lock comes from.
//   - notes: what else the notices say, for operators; each a text and a source.
//   - examples: accepted and refused, invented passwords of a person of whom
//     nothing is known. A file whose rules say otherwise is refused.
//
// Whatever a file says, these are always refused: characters that do not print,
// common passwords, four characters in a row of the owner's document, phone or
// account number, the birthday, the name (also in pinyin and initials), words of
// this service, runs of keys, repeats, and initial passwords. Lint grades what a
// file makes of all this.
package passwd
