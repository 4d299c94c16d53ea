package website_test

import (
	"bytes"
	"crypto/tls"
	"database/sql"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/website"
	"fundpass/store/storetest"
)

// BenchmarkPage compares the first page with a bare Echo handler that renders the same template
// after the same two reads with prepared statements. Both run over HTTPS; their requests
// alternate.
func BenchmarkPage(b *testing.B) {
	h := newEnv(b)
	c := h.citizen()
	p := h.browser()
	p.signIn(c)
	bare := httptest.NewTLSServer(bareEcho(b, h, p.sessionDigest()))
	defer bare.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	get := func(url string) time.Duration {
		req, err := http.NewRequest("GET", url, nil)
		must(b, err)
		for _, cookie := range p.cookies() {
			req.AddCookie(cookie)
		}
		begun := time.Now()
		rsp, err := client.Do(req)
		if err != nil || rsp.StatusCode != 200 {
			b.Fatal(rsp, err)
		}
		defer rsp.Body.Close()
		if n, _ := io.Copy(io.Discard, rsp.Body); n < 1000 {
			b.Fatal("no page")
		}
		return time.Since(begun)
	}
	var ours, theirs []time.Duration
	for b.Loop() {
		theirs = append(theirs, get(bare.URL+"/"))
		ours = append(ours, get(h.url+"/"))
	}
	for name, share := range map[string]float64{"p50": .5, "p99": .99} {
		o, t := quantile(ours, share), quantile(theirs, share)
		b.ReportMetric(float64(o.Microseconds()), "µs-"+name+"/fundpass")
		b.ReportMetric(float64(t.Microseconds()), "µs-"+name+"/bare")
		b.ReportMetric(float64(o)/float64(t), "ratio-"+name)
	}
}

func quantile(all []time.Duration, share float64) time.Duration {
	slices.Sort(all)
	return all[min(len(all)-1, int(float64(len(all))*share))]
}

// A barePage is what the bare handler gives the template.
type barePage struct {
	SignedIn, Elder bool
	Here            string
	Problem         *httpapi.Refusal
	Data            any
}

// Token stands for a token of a usual length.
func (barePage) Token(string) string { return string(bytes.Repeat([]byte("x"), 200)) }

func bareEcho(b *testing.B, h *env, token []byte) http.Handler {
	probe := storetest.ProbeOf(h.db)
	prepare := func(query string) *sql.Stmt {
		s, err := probe.DB.Prepare(query)
		must(b, err)
		return s
	}
	session := prepare(`SELECT s.identity_digest, s.sealed, s.seen_at, l.account_id FROM sessions s
		JOIN links l ON l.center_id = s.center_id AND l.provider = s.provider AND l.identity_digest = s.identity_digest
		WHERE s.token_digest = $1`)
	account := prepare(`SELECT a.status, a.sealed, c.state, c.hash FROM accounts a
		JOIN password_credentials c ON c.center_id = a.center_id AND c.account_id = a.account_id WHERE a.account_id = $1`)
	site := h.site
	e := echo.New()
	e.GET("/", func(c echo.Context) error {
		ctx := c.Request().Context()
		var identity, sealed, person []byte
		var seen time.Time
		var id, status, state, hash string
		if err := session.QueryRowContext(ctx, token).Scan(&identity, &sealed, &seen, &id); err != nil {
			return err
		}
		if err := account.QueryRowContext(ctx, id).Scan(&status, &person, &state, &hash); err != nil {
			return err
		}
		var page bytes.Buffer
		if err := website.HomeTemplate(site).ExecuteTemplate(&page, "layout", barePage{SignedIn: true, Here: "/", Data: website.HomeData()}); err != nil {
			return err
		}
		return c.HTMLBlob(http.StatusOK, page.Bytes())
	})
	return e
}
