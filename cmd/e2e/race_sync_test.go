package e2e

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/uuid"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// A raceCase is one person for whom everything happens at once: the centre's file changes
// the account, its holder unlinks, links or withdraws the authorisation, and another
// Alipay user of the person links.
type raceCase struct {
	t            *testing.T
	owner        *cmdtest.Citizen // of the account; linked if linkedBefore
	secondUser   *cmdtest.Citizen // the same person's other Alipay user
	linkedBefore bool
	action       string // what the owner does
	code         string // a reset code, by which both can link
	status       string // status of the account in the file
	line         store.Depositor
	accounts     []uuid.UUID      // one or two
	linked, did  apiclient.Answer // replies to secondUser and to owner
}

// The relative frequencies of the owners' actions and of the statuses in the file.
var (
	ownerActions   = []string{"unlink", "unlink", "withdraw", "withdraw", "link", "read"}
	rosterStatuses = []string{store.StatusNormal, store.StatusSealed, store.StatusFrozen, store.StatusMerged, store.StatusMoved, store.StatusClosed, givenAway, givenAway}
	givenAway      = "another person's"
)

// newRaceCases returns k cases. Every third person has a second account, into which the
// first can be merged.
func newRaceCases(t *testing.T, n *cmdtest.Fixture, k int, servers []*process) []*raceCase {
	t.Helper()
	rng := rand.New(rand.NewPCG(6, uint64(*n.Count)))
	owners, others := n.AddCitizens(k, servers[0].URL), n.AddCitizens(k, "")
	all := make([]*raceCase, k)
	for i, c := range owners {
		l := &raceCase{t: t, owner: c, linkedBefore: rng.IntN(4) > 0, action: ownerActions[rng.IntN(len(ownerActions))], status: rosterStatuses[rng.IntN(len(rosterStatuses))]}
		l.code = fmt.Sprintf("%010d", 3_000_000_000+i)
		l.accounts = append(l.accounts, issueCode(c, l.code))
		if i%3 == 0 {
			l.accounts = append(l.accounts, addSecondAccount(n, c))
		}
		l.setRow(others[i])
		l.secondUser = secondUserOf(c, 2, servers[1])
		insertSession(c)
		if l.linkedBefore {
			c.Must("OK", linkByCode(c, l.code))
		}
		all[i] = l
	}
	return all
}

// addSecondAccount adds another account for a citizen.
func addSecondAccount(n *cmdtest.Fixture, c *cmdtest.Citizen) uuid.UUID {
	n.T.Helper()
	second := *c
	second.AccountNo = "77" + c.AccountNo[2:]
	_, err := n.DB.Roster().ImportDepositors(n.T.Context(), []store.Depositor{n.Depositor(&second)})
	cmdtest.NoError(n.T, err)
	a, err := n.DB.AccountByNumber(n.T.Context(), second.AccountNo)
	cmdtest.NoError(n.T, err)
	return a.ID
}

// setRow sets the row of the centre's file. other is the person who gets an account that
// is given away.
func (l *raceCase) setRow(other *cmdtest.Citizen) {
	l.line = l.owner.Fixture.Depositor(l.owner)
	if l.status != givenAway {
		l.line.Status = l.status
		return
	}
	replacement := l.owner.Fixture.Depositor(other)
	l.line.Person.IDNumber, l.line.DocumentKey = replacement.Person.IDNumber, replacement.DocumentKey
}

// row returns the row of the file.
func (l *raceCase) row() string {
	p := l.line.Person
	return fmt.Sprintf("%s,%s,01,%s,%s,%s,id-last6\n", p.AccountNo, p.Name, p.IDNumber, p.Phone, l.line.Status)
}

// runOwner performs the owner's action.
func (l *raceCase) runOwner(sender *noticeSender, turn int) {
	c := l.owner
	switch l.action {
	case "unlink":
		l.did = sendRepeatedly(c, cmdtest.PostTo("/v1/link/remove", apiclient.Fields{"password": c.Password}).Under("unlink"))
	case "link":
		l.did = sendRepeatedly(c, linkByCode(c, l.code).Under("link"))
	case "read":
		l.did = sendRepeatedly(c, cmdtest.GetFrom("/v1/me/data"))
	case "withdraw":
		notification, err := c.Fixture.Sim.Write(alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled})
		if err != nil || !sender.deliverUntilAcknowledged(turn, notification) {
			l.t.Errorf("a notice is not acknowledged: %v", err)
		}
	}
}

// check compares what each Alipay user may do with the database.
func (l *raceCase) check(n *cmdtest.Fixture, servers []*process) {
	l.t.Helper()
	links := 0
	for _, c := range []*cmdtest.Citizen{l.owner, l.secondUser} {
		var good int
		cmdtest.NoError(l.t, n.SQL.QueryRow(goodLinks, []byte(c.Token), l.owner.Digest).Scan(&good))
		links += good
		for _, p := range servers {
			a := sendOnce(c.Twin(p.URL), cmdtest.GetFrom("/v1/link"))
			if (a.Code == "OK") != (good == 1) || a.Code != "OK" && a.Code != "NOT_LINKED" && a.Code != "SESSION_EXPIRED" {
				l.t.Errorf("%s, %s, has %d good links with its session: %s", c.Person.Person, l, good, a.Raw)
			}
		}
	}
	if links > 1 {
		l.t.Errorf("%s: both Alipay users of one person have a link", l)
	}
	l.checkSessions()
	l.checkRecord(n)
}

// goodLinks counts the links of a session's Alipay user to an open account of a person.
const goodLinks = `
	SELECT count(*) FROM sessions s JOIN links l USING (center_id, provider, identity_digest) JOIN accounts a USING (center_id, account_id)
	WHERE s.token_digest = sha256($1) AND l.person_digest = $2 AND a.person_digest = $2 AND a.status NOT IN ('03', '04', '05')`

// checkSessions checks that a user whose link was ended by others has no session, and
// neither has a user who withdrew the authorisation.
func (l *raceCase) checkSessions() {
	l.t.Helper()
	unlinked := func(c *cmdtest.Citizen) bool { return sendOnce(c, cmdtest.GetFrom("/v1/link")).Code == "NOT_LINKED" }
	if l.linked.Code == "OK" && unlinked(l.secondUser) {
		l.t.Errorf("%s: the second user's link ended, but not the session", l)
	}
	was := l.linkedBefore || l.action == "link" && l.did.Code == "OK"
	if was && (l.action != "unlink" || l.did.Code != "OK") && unlinked(l.owner) {
		l.t.Errorf("%s: the owner's link ended, but not the session", l)
	}
	if l.action == "withdraw" && sendOnce(l.owner, cmdtest.GetFrom("/v1/link")).Code != "SESSION_EXPIRED" {
		l.t.Errorf("%s: a session outlives its authorisation", l)
	}
}

// checkRecord checks that links match the events, and that every end and move has a
// notice. A move is in the record of both accounts.
func (l *raceCase) checkRecord(n *cmdtest.Fixture) {
	l.t.Helper()
	var wrong string
	cmdtest.NoError(l.t, n.SQL.QueryRow(`
		WITH ids AS (SELECT account_id FROM accounts WHERE account_id IN ($1, $2)),
			e AS (SELECT kind FROM events WHERE account_id IN (TABLE ids)),
			o AS (SELECT kind FROM outbox WHERE account_id IN (TABLE ids)),
			c AS (SELECT
				(SELECT count(*) FROM links WHERE account_id IN (TABLE ids)) AS links,
				(SELECT count(*) FROM e WHERE kind = 'linked') AS began,
				(SELECT count(*) FROM e WHERE kind IN ('unlinked', 'link_ended', 'authorisation_withdrawn')) AS ended,
				(SELECT count(*) FROM e WHERE kind = 'link_ended') + (SELECT count(*) FROM e WHERE kind = 'link_moved') / 2 AS news,
				(SELECT count(*) FROM o WHERE kind IN ('link_ended', 'link_moved')) AS told,
				(SELECT count(*) FROM o WHERE kind = 'linked') AS welcomes)
		SELECT coalesce((SELECT concat('links ', links, ', began ', began, ', ended ', ended, ', news ', news, ', told ', told, ', welcomes ', welcomes)
			FROM c WHERE links <> began - ended OR news <> told OR began <> welcomes), '')`,
		l.accounts[0], l.accounts[len(l.accounts)-1]).Scan(&wrong))
	if wrong != "" {
		l.t.Errorf("%s: %s", l, wrong)
	}
}

// String describes the case and the replies.
func (l *raceCase) String() string {
	return fmt.Sprintf("file says %s, owner linked %v, action %s → %s, second user → %s", l.status, l.linkedBefore, l.action, l.did.Code, l.linked.Code)
}

// syncParts syncs the file in parts, so that it overlaps with the other actions.
func syncParts(n *cmdtest.Fixture, all []*raceCase, parts int) {
	for i := range parts {
		text := "GRZH,XINGMING,ZJLX,ZJHM,SJHM,GRZHZT,CSMM\n"
		for j := i; j < len(all); j += parts {
			text += all[j].row()
		}
		if r := runWith(n.T, n.Env(), "sync", "--yes", rosterFile(n.T, text)); r.Err != nil {
			n.T.Errorf("%v\n%s", r.Err, r.Log)
		}
	}
}

// TestRaceLinksAndSync runs links, unlinks, withdrawn authorisations and a sync
// concurrently over two servers: every remaining link must be valid, events and notices
// must account for every link, and no session may outlive its link.
func TestRaceLinksAndSync(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	servers := serveTwo(n)
	all := newRaceCases(t, n, 120, servers)
	sender := newNoticeSender(t, servers...)
	var wg sync.WaitGroup
	wg.Go(func() { syncParts(n, all, 8) })
	runConcurrently(2*len(all), func(i int) apiclient.Answer {
		l := all[i/2]
		if i%2 == 0 {
			l.runOwner(sender, i/2)
			return l.did
		}
		l.linked = sendRepeatedly(l.secondUser, linkByCode(l.secondUser, l.code).Under("link"))
		return l.linked
	})
	wg.Wait()
	seen := map[string]int{}
	for _, l := range all {
		l.check(n, servers)
		seen[fmt.Sprint(l.action, " ", l.did.Code)]++
		seen["link "+l.linked.Code]++
	}
	t.Log(seen)
	for _, must := range []string{"unlink OK", "link OK", "link ALREADY_LINKED"} {
		if seen[must] == 0 {
			t.Errorf("did not occur: %s", must)
		}
	}
	if seen["link INTERNAL"]+seen["unlink INTERNAL"]+seen["read INTERNAL"] > 0 {
		t.Errorf("answers: %v", seen)
	}
	if n.Number(`SELECT count(*) FROM events WHERE kind = 'link_ended'`) == 0 || n.Number(`SELECT count(*) FROM events WHERE kind = 'link_moved'`) == 0 {
		t.Error("no link ended, or none moved")
	}
	checkServer(t, servers...)
}
