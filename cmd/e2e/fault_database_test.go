package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/lib/pq"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/localpg"
	"fundpass/store/storetest"
)

// startPostgres runs a PostgreSQL that the test may break, with the data in dir. It
// syncs, because it is killed.
func startPostgres(t testing.TB, dir string, settings ...string) *localpg.Server {
	t.Helper()
	pg, err := localpg.Start(context.Background(), localpg.Options{Dir: dir, Own: true, Settings: append(settings, "max_connections=200")})
	storetest.Require(t, err)
	t.Cleanup(func() { pg.Close() })
	return pg
}

// postgresDir returns a directory that the user of PostgreSQL can access.
func postgresDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fundpass-fault")
	cmdtest.NoError(t, err)
	t.Cleanup(func() { localpg.Remove(dir) })
	return dir
}

// probe returns the status of a path of the server, or 0 if there is no reply.
func probe(server *process, path string) int {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: testenv.Patience}
	resp, err := client.Get(server.URL + path)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// awaitReady waits until /readyz has this status.
func awaitReady(t testing.TB, server *process, status int) {
	t.Helper()
	testenv.Eventually(t, fmt.Sprint("/readyz is ", status), func() bool { return probe(server, "/readyz") == status })
	if got := probe(server, "/healthz"); got != http.StatusOK {
		t.Errorf("/healthz is %d while /readyz is %d", got, status)
	}
}

// TestDatabaseReadOnly simulates a failover that leaves only a standby: reads continue,
// and writes get a reply to retry later.
func TestDatabaseReadOnly(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t, postgresDir(t))
	n := newFixtureOn(t, pg.DSN(""))
	server := serveOn(n, n.DSN)
	citizens := n.Linked(4, server.URL)
	open := cmdtest.ChangeAt(citizens[1].Must("OK", citizens[1].OpenChange(citizens[1].Password)))
	stranger := n.AddCitizens(1, server.URL)[0]
	stranger.MustLogIn()
	requests := map[*cmdtest.Citizen]apiclient.Request{
		citizens[0]: citizens[0].OpenChange(citizens[0].Password),
		citizens[1]: cmdtest.ConfirmTo(open, citizens[1].NewPassword()),
		citizens[2]: citizens[2].OpenChange(citizens[2].Password).Under("k-1"),
		citizens[3]: cmdtest.PostTo("/v1/sessions", apiclient.Fields{"auth_code": citizens[3].Code()}),
		stranger:    stranger.Link(),
	}
	readOnly := func(on string) {
		t.Helper()
		_, err := n.SQL.Exec(`ALTER SYSTEM SET default_transaction_read_only = ` + on)
		cmdtest.NoError(t, err)
		_, err = n.SQL.Exec(`SELECT pg_reload_conf()`)
		cmdtest.NoError(t, err)
	}
	readOnly("on")
	awaitReady(t, server, http.StatusServiceUnavailable)
	citizens[0].Must("OK", cmdtest.GetFrom("/v1/link"))
	allLater(t, requests)
	readOnly("off")
	awaitReady(t, server, http.StatusOK)
	allDone(t, requests)
	checkServer(t, server)
}

// allLater sends all requests concurrently and checks that all replies are to retry
// later.
func allLater(t *testing.T, requests map[*cmdtest.Citizen]apiclient.Request) {
	t.Helper()
	var wg sync.WaitGroup
	for c, r := range requests {
		wg.Go(func() {
			if a := sendOnce(c, r); !isLater(t, a) {
				t.Errorf("%s: %s", r.Path, a.Raw)
			}
		})
	}
	wg.Wait()
}

// allDone repeats the requests and checks that all succeed.
func allDone(t *testing.T, requests map[*cmdtest.Citizen]apiclient.Request) {
	t.Helper()
	for c, r := range requests {
		c.Want("OK", r)
		dbStateOf(c)
	}
}

// TestDatabaseFull occupies every connection of PostgreSQL.
func TestDatabaseFull(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t, postgresDir(t), "max_connections=20")
	n := newFixtureOn(t, pg.DSN(""))
	server := serveOn(n, n.DSN)
	citizens := n.Linked(4, server.URL)
	requests := map[*cmdtest.Citizen]apiclient.Request{}
	for _, c := range citizens[:3] {
		requests[c] = c.OpenChange(c.Password)
	}
	requests[citizens[3]] = cmdtest.GetFrom("/v1/password")
	release := takeConnections(n)
	awaitReady(t, server, http.StatusServiceUnavailable)
	allLater(t, requests)
	release()
	awaitReady(t, server, http.StatusOK)
	allDone(t, requests)
	checkServer(t, server)
}

// takeConnections terminates the server's connections and occupies all that are free.
func takeConnections(n *cmdtest.Fixture) (release func()) {
	t := n.T
	t.Helper()
	_, err := n.SQL.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fundpass'`)
	cmdtest.NoError(t, err)
	var taken []*sql.DB
	for {
		db, err := sql.Open("postgres", n.DSN)
		cmdtest.NoError(t, err)
		taken = append(taken, db)
		var server *pq.Error
		if err := db.Ping(); errors.As(err, &server) && server.Code == "53300" {
			break
		}
		cmdtest.NoError(t, err)
	}
	t.Logf("%d connections taken", len(taken)-1)
	return func() {
		for _, db := range taken {
			db.Close()
		}
	}
}

// TestConnectionStalled stalls the network silently in the middle of a change. The
// COMMIT, or only its reply, arrives when the network recovers.
func TestConnectionStalled(t *testing.T) {
	t.Parallel()
	for _, d := range []struct {
		name string
		at   faultPoint
	}{{"commit on its way", lateCommit}, {"answer on its way", afterCommit}} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			testConnectionStalled(t, d.at)
		})
	}
}

func testConnectionStalled(t *testing.T, at faultPoint) {
	n := cmdtest.NewOwnFixture(t)
	proxy, dsn := newProxy(t, n.DSN)
	server := serveOn(n, dsn)
	citizens := n.Linked(3, server.URL)
	c := citizens[0]
	change := cmdtest.ChangeAt(c.Must("OK", c.OpenChange(c.Password)))
	chosen := cmdtest.ConfirmTo(change, c.NewPassword()).Under("k-1")
	requests := map[*cmdtest.Citizen]apiclient.Request{
		citizens[1]: citizens[1].OpenChange(citizens[1].Password),
		citizens[2]: cmdtest.GetFrom("/v1/password"),
	}
	fault := proxy.set("SET state = 'done'", at, proxy.kill)
	var wg sync.WaitGroup
	wg.Go(func() {
		if a := sendOnce(c, chosen); a.Code != "RESULT_UNKNOWN" || !isLater(t, a) {
			t.Errorf("reply %s", a.Raw)
		}
	})
	fault.await(t)
	wg.Go(func() { allLater(t, requests) })
	awaitReady(t, server, http.StatusServiceUnavailable)
	wg.Wait()

	proxy.heal()
	awaitReady(t, server, http.StatusOK)
	if got := c.Must("OK", cmdtest.GetFrom(change)).Text("state"); got != "done" {
		t.Errorf("state %s", got)
	}
	ageLeases(n)
	requests[c] = chosen
	allDone(t, requests)
	if got := dbStateOf(c); got.Version != 2 {
		t.Errorf("%+v", got)
	}
	checkServer(t, server)
}

// newFixtureOn returns a fixture with the database of a server that the test may break.
func newFixtureOn(t testing.TB, dsn string) *cmdtest.Fixture {
	t.Helper()
	_, err := store.Migrate(t.Context(), store.MigrateConfig{DSN: dsn, ConnectLimit: testenv.Patience})
	cmdtest.NoError(t, err)
	return cmdtest.NewFixtureOn(t, dsn)
}
