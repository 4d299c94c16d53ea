// Package passwd checks passwords against a policy, keeps them out of output and
// hashes them. It uses neither a network nor a database, and its callers pass the
// time.
//
// A Policy is a city's file: which passwords are refused, when failed attempts
// lock, which initial passwords exist. A Hasher computes and verifies the stored
// hash of a password: argon2id in an argon2id.Pool, then the pepper, as a PHC
// string.
//
// # The policy file
//
// A policy is one JSON object. Unknown, repeated and wrongly capitalised keys are
// refused, and all problems are reported at once. The example of ParsePolicy is a
// complete file. Its keys:
//
//   - name: small letters, digits and hyphens.
//   - city: in Chinese, for operators; "" for a policy of no city.
//   - rules: the requirements on a new password. A rule has an id (stable, known
//     to front ends), a text (the Chinese sentence that citizens read), a check,
//     and a source: the notice and its date, or the standard and clause. One
//     min_length and one max_length are required.
//   - check, exactly one of: min_length and max_length (code points after NFC,
//     6 to 256), require (a list of "lower", "upper", "letter", "digit",
//     "symbol"), charset (ASCII, written like the inside of a regular
//     expression's brackets: "A-Za-z0-9"), no_space (true).
//   - legacy and reason, of a rule: a rule weaker than NIST SP 800-63B-4 allows
//     must have "legacy": true and the city's reason, or the file is refused.
//   - history: how many earlier passwords cannot be reused, 0 to 24.
//   - words: words that a password may not contain, in addition to those refused
//     under every policy: the city's name in Chinese and pinyin, the centre's
//     short names.
//   - initial_rules: the rules of the city's initial passwords: names that Derive
//     knows, or six digits that are the same for everybody. The name says how the
//     letter X of an ID number counts: id-last6 keeps it, id-last6-x0 replaces it
//     by 0, id-last6-digits and id-last4-digits+00 skip it.
//   - initial_source: the notice with these rules.
//   - initial_without_proof: the reason why an initial password alone is
//     sufficient for a link. It should be missing: then a second proof is required.
//   - lock: rounds, each with guesses and a lock: a duration from "1m" to
//     "168h", "midnight" (00:00 in Beijing) or, for the last, "reset" (until a
//     proven reset). 100 attempts at most in total.
//   - lock_source: the notice with the lock.
//   - notes: other statements of the notices, for operators; each a text and a
//     source.
//   - examples: accepted and refused passwords, invented, of a person without
//     data. A file whose rules contradict them is refused.
//
// Every policy refuses unprintable characters, common passwords, four characters
// in a row of the owner's document, phone or account number, the birthday, the
// name (also in pinyin and initials), words of this service, keyboard sequences,
// repetitions, and initial passwords. Lint grades a policy against standards.
package passwd
