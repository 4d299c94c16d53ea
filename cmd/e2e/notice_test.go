package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// A noticeSender delivers notices to several servers, as Alipay does through a load
// balancer.
type noticeSender struct {
	t    testing.TB
	http *http.Client
	urls []string
}

func newNoticeSender(t testing.TB, servers ...*process) *noticeSender {
	p := &noticeSender{t: t, http: cmdtest.NewClient(t)}
	for _, s := range servers {
		p.urls = append(p.urls, s.URL)
	}
	return p
}

// deliver posts a notice once, to the server with number turn, and returns the reply, or
// "" if there is none.
func (p *noticeSender) deliver(turn int, notification alipaysim.Notification) string {
	url := p.urls[turn%len(p.urls)] + notification.Path
	resp, err := p.http.Post(url, notification.ContentType, bytes.NewReader(notification.Body))
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// deliverUntilAcknowledged repeats a delivery to the servers in turn and reports whether
// it was acknowledged. Alipay repeats it for hours.
func (p *noticeSender) deliverUntilAcknowledged(turn int, notification alipaysim.Notification) bool {
	for end := time.Now().Add(testenv.Patience); time.Now().Before(end); turn++ {
		if p.deliver(turn, notification) == "success" {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// notificationOf returns a notice as Alipay writes it.
func notificationOf(n *cmdtest.Fixture, notice alipaysim.Notice) alipaysim.Notification {
	n.T.Helper()
	notification, err := n.Sim.Write(notice)
	cmdtest.NoError(n.T, err)
	return notification
}

// awaitCount waits until a query returns at least this number.
func awaitCount(n *cmdtest.Fixture, atLeast int, query string) {
	n.T.Helper()
	testenv.Eventually(n.T, fmt.Sprintf("%s is at least %d", query, atLeast), func() bool { return n.Number(query) >= atLeast })
}

// lockLinks blocks writes to links until release is called: a notice is then recorded and
// the sessions are ended, but not committed.
func lockLinks(n *cmdtest.Fixture) (release func()) {
	n.T.Helper()
	ctx, stop := context.WithCancel(n.T.Context())
	tx, err := n.SQL.BeginTx(ctx, nil)
	cmdtest.NoError(n.T, err)
	_, err = tx.Exec(`LOCK TABLE links IN SHARE MODE`)
	cmdtest.NoError(n.T, err)
	n.T.Cleanup(stop)
	return func() { cmdtest.NoError(n.T, tx.Commit()); stop() }
}

const waiting = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`

// TestNoticeAcrossProcesses delivers one notice a hundred times to three servers. One is
// killed while it processes the notice, another one later: there must be one effect, and
// every delivery must be acknowledged.
func TestNoticeAcrossProcesses(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	first, second := serveOn(n, n.DSN), serveOn(n, n.DSN)
	citizens := n.Linked(2, first.URL)
	c, other := citizens[0], citizens[1]
	c.Must("OK", c.OpenChange(c.Password))
	third := serveOn(n, n.DSN)
	p := newNoticeSender(t, first, second, third)
	notification := notificationOf(n, alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled})

	deliveries := testenv.Rounds(100, 1000)
	release := lockLinks(n)
	var acknowledged, unacknowledged atomic.Int64
	var wg sync.WaitGroup
	send := func(turn int) {
		if p.deliverUntilAcknowledged(turn, notification) {
			acknowledged.Add(1)
		} else {
			unacknowledged.Add(1)
		}
	}
	wg.Go(func() { send(0) }) // the first server begins to process it
	awaitCount(n, 1, waiting)
	gate := make(chan struct{}, 50)
	wg.Go(func() {
		for i := 1; i < deliveries; i++ {
			gate <- struct{}{}
			wg.Go(func() { defer func() { <-gate }(); send(i) })
		}
	})
	awaitCount(n, 4, waiting) // the others wait for the first to commit
	if acknowledged.Load() > 0 {
		t.Error("acknowledged before it was committed")
	}
	first.Kill()
	release()
	testenv.Eventually(t, "half of the deliveries are acknowledged", func() bool {
		return acknowledged.Load() >= int64(deliveries/2) || unacknowledged.Load() > 0
	})
	second.Kill()
	wg.Wait()

	if got := acknowledged.Load(); got != int64(deliveries) {
		t.Errorf("%d of %d deliveries were acknowledged", got, deliveries)
	}
	checkOneEffect(n, c)
	c.Base, other.Base = third.URL, third.URL
	c.Must("SESSION_EXPIRED", cmdtest.GetFrom("/v1/password"))
	other.Must("OK", cmdtest.GetFrom("/v1/password"))
	c.MustLogIn() // a new authorisation, to which repeated notices do not apply
	c.Must("OK", c.Link())
	for turn := range 3 {
		if !p.deliverUntilAcknowledged(turn, notification) {
			t.Error("a late repetition was not acknowledged")
		}
	}
	c.Must("OK", cmdtest.GetFrom("/v1/password"))
	checkOneEffect(n, c)
	cmdtest.NoError(t, third.Stop())
	checkServer(t, first, second, third)
}

// checkOneEffect checks that a withdrawn authorisation had its effects once.
func checkOneEffect(n *cmdtest.Fixture, c *cmdtest.Citizen) {
	n.T.Helper()
	for what, got := range map[string]int{
		"notifications":     n.Number(`SELECT count(*) FROM notifications`),
		"events":            n.Number(`SELECT count(*) FROM events WHERE kind = $1`, store.EventAuthorisationWithdrawn),
		"cancelled changes": n.Number(`SELECT count(*) FROM changes WHERE state = 'cancelled'`),
	} {
		if got != 1 {
			n.T.Errorf("%d %s", got, what)
		}
	}
	if is := dbStateOf(c); is.Open != 0 {
		n.T.Errorf("left behind: %+v", is)
	}
}

// TestNoticesWhileKeysChange makes Alipay change its key while notices arrive at two
// servers, which reload their keys: with two key files no genuine notice may be refused,
// and no forged one accepted.
func TestNoticesWhileKeysChange(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewOwnFixture(t)
	writeNextKey(n, cmdtest.PublicText(t, &cmdtest.TestKeys().Alipay[1].PublicKey)) // retired long ago
	both := n.Env(map[string]string{
		"FUNDPASS_ALIPAY_KEY_FILES": n.Path("alipay_public_key.txt") + "," + n.Path("alipay_next_key.txt"),
		"FUNDPASS_PER_ADDRESS":      "1000000,1000000",
	})
	servers := []*process{startServer(t, both), startServer(t, both)}
	n.AddCitizens(1, servers[0].URL)
	noticeLoad := startNoticeLoad(n, newNoticeSender(t, servers...))

	noticeLoad.await(30)
	next, err := n.Sim.NextKey()
	cmdtest.NoError(t, err)
	writeNextKey(n, cmdtest.PublicText(t, next))
	reloadKeys(servers, 1)
	noticeLoad.await(30)
	cmdtest.NoError(t, n.Sim.RotateKey())
	noticeLoad.repeats.Store(true) // of notices signed with the old key, for 25 hours
	noticeLoad.await(60)
	for i := range 3 {
		reloadKeys(servers, 2+i)
		noticeLoad.await(20)
	}
	noticeLoad.repeats.Store(false)
	noticeLoad.await(30)
	n.Write("alipay_public_key.txt", cmdtest.PublicText(t, &cmdtest.TestKeys().Alipay[1].PublicKey)) // removes the old key
	reloadKeys(servers, 5)
	noticeLoad.await(30)
	genuine, forged := noticeLoad.end()

	if got := n.Number(`SELECT count(*) FROM notifications`); got != genuine {
		t.Errorf("%d notices are kept, of %d genuine ones", got, genuine)
	}
	if late := notificationOf(n, alipaysim.Notice{Kind: methodFieldChanged, Key: "old"}); noticeLoad.sender.deliver(0, late) != "fail" {
		t.Error("the old key is still trusted")
	}
	t.Logf("%d genuine, %d forged", genuine, forged)
	for _, s := range servers {
		cmdtest.NoError(t, s.Stop())
	}
	checkServer(t, servers...)
}

const methodFieldChanged = "alipay.open.app.api.field.changed"

func writeNextKey(n *cmdtest.Fixture, text string) {
	n.T.Helper()
	n.Write("alipay_next_key.txt", text)
}

// reloadKeys sends SIGHUP to every server and waits for the nth reload.
func reloadKeys(servers []*process, nth int) {
	for _, s := range servers {
		s.signal(syscall.SIGHUP)
	}
	for _, s := range servers {
		s.awaitLog("keys reloaded", nth)
	}
}

// A noticeLoad sends genuine and forged notices continuously.
type noticeLoad struct {
	fixture         *cmdtest.Fixture
	sender          *noticeSender
	repeats         atomic.Bool // sign every other genuine notice with the old key
	genuine, forged atomic.Int64
	stop            atomic.Bool
	wg              sync.WaitGroup
}

func startNoticeLoad(n *cmdtest.Fixture, p *noticeSender) *noticeLoad {
	f := &noticeLoad{fixture: n, sender: p}
	for from := range 3 {
		f.wg.Go(func() {
			for i := from; !f.stop.Load(); i++ {
				f.step(i)
			}
		})
	}
	n.T.Cleanup(func() { f.end() })
	return f
}

// forgeries are all faults but the slow one.
var forgeries = slices.DeleteFunc(slices.Sorted(maps.Keys(alipaysim.NoticeFaults())),
	func(fault string) bool { return fault == "huge" })

// step sends a genuine notice and a forged one.
func (f *noticeLoad) step(i int) {
	notice := alipaysim.Notice{Kind: methodFieldChanged}
	if f.repeats.Load() && i%2 == 0 {
		notice.Key = "old"
	}
	if notification, err := f.fixture.Sim.Write(notice); err != nil {
		f.fixture.T.Error(err)
	} else if got := f.sender.deliver(i, notification); got != "success" {
		f.fixture.T.Errorf("genuine, key %q: answered %q", notice.Key, got)
	}
	f.genuine.Add(1)
	notice.Fault = forgeries[i%len(forgeries)]
	if notification, err := f.fixture.Sim.Write(notice); err != nil {
		f.fixture.T.Error(err)
	} else if got := f.sender.deliver(i, notification); strings.Contains(got, "success") || got == "" {
		f.fixture.T.Errorf("%s: answered %q", notice.Fault, got)
	}
	f.forged.Add(1)
}

// await waits for so many more genuine notices.
func (f *noticeLoad) await(more int64) {
	f.fixture.T.Helper()
	want := f.genuine.Load() + more
	testenv.Eventually(f.fixture.T, "more notices are sent", func() bool { return f.genuine.Load() >= want })
}

// end stops sending, waits for the replies, and returns the numbers of notices. It may be
// called again.
func (f *noticeLoad) end() (genuine, forged int) {
	f.stop.Store(true)
	f.wg.Wait()
	return int(f.genuine.Load()), int(f.forged.Load())
}
