package serve

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

var (
	comparedText  = regexp.MustCompile(`([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"`)
	bracedText    = regexp.MustCompile(`\{[^{}]*\}`)
	groupedText   = regexp.MustCompile(`\b(?:by|without)\s*\(([^)]*)\)`)
	wordOfQuery   = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	durationText  = regexp.MustCompile(`\[[^\]]*\]`)
	seriesOfStage = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? `)
	labelOfStage  = regexp.MustCompile(`([a-zA-Z_]+)="((?:[^"\\]|\\.)*)"`)
)

// queryWords are the functions, aggregations and keywords of PromQL that the files use.
var queryWords = []string{"sum", "rate", "increase", "max", "min", "topk", "histogram_quantile", "by"}

// addedLabels are set by Prometheus on every series.
var addedLabels = []string{"job", "instance"}

// stage is what a running server exposes: label values by metric and label.
type stage map[string]map[string][]string

// scrape returns what a server exposes after a few requests.
func scrape(t *testing.T) stage {
	t.Helper()
	se := cmdtest.NewEnv(t)
	server := cmdtest.StartServer(t, se.Env(se.Certify(cmdtest.InDays(90)), cmdtest.Values{"FUNDPASS_MESSAGE_TEMPLATE": "template"}))
	for _, request := range []struct{ method, path, body string }{
		{"GET", "/v1/link", ""}, {"POST", "/alipay/notifications", "a=b"}, {"POST", "/alipay/spi", "a=b"}, {"GET", "/healthz", ""},
	} {
		cmdtest.Fetch(t, request.method, server.URL+request.path, request.body)
	}
	_, text := cmdtest.Fetch(t, "GET", server.Ops+"/metrics", "")
	all := stage{"up": {}}
	for line := range strings.Lines(text) {
		m := seriesOfStage.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if all[m[1]] == nil {
			all[m[1]] = map[string][]string{}
		}
		for _, label := range labelOfStage.FindAllStringSubmatch(m[2], -1) {
			all[m[1]][label[1]] = append(all[m[1]][label[1]], label[2])
		}
	}
	return all
}

// queries returns every expression of the dashboards and alert rules, by where it is.
func queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range glob(t, "grafana/*.json") {
		var board struct {
			Panels []struct {
				Title   string
				Type    string
				Targets []struct{ Expr string }
			}
		}
		cmdtest.NoError(t, json.Unmarshal(readDeploy(t, path), &board))
		for _, p := range board.Panels {
			if p.Type != "row" && len(p.Targets) == 0 {
				t.Errorf("%s: panel %q shows nothing", path, p.Title)
			}
			for i, target := range p.Targets {
				all[path+" "+p.Title+" "+string(rune('A'+i))] = target.Expr
			}
		}
	}
	for _, path := range glob(t, "prometheus/*.yml") {
		alert := ""
		for line := range strings.Lines(string(readDeploy(t, path))) {
			key, value, _ := strings.Cut(strings.TrimLeft(strings.TrimSpace(line), "- "), ": ")
			switch key {
			case "alert":
				alert = value
			case "expr":
				all[path+" "+alert] = value
			}
		}
	}
	return all
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob("../../../deploy/" + pattern)
	cmdtest.NoError(t, err)
	if len(paths) == 0 {
		t.Fatalf("no file is deploy/%s", pattern)
	}
	return paths
}

func readDeploy(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	cmdtest.NoError(t, err)
	return data
}

// Every panel and every alert rule asks for metrics, labels and values that a server has.
func TestDashboardsAndAlerts(t *testing.T) {
	t.Parallel()
	all, there := queries(t), scrape(t)
	if len(all) < 40 {
		t.Errorf("only %d expressions were found", len(all))
	}
	for where, query := range all {
		for _, wrong := range there.unknown(t, query) {
			t.Errorf("%s: %s in %s", where, wrong, query)
		}
	}
}

// unknown returns what a query names and the stage does not have.
func (s stage) unknown(t *testing.T, query string) (wrong []string) {
	t.Helper()
	bare := groupedText.ReplaceAllString(bracedText.ReplaceAllString(durationText.ReplaceAllString(query, ""), ""), "")
	var metrics []string
	for _, word := range wordOfQuery.FindAllString(bare, -1) {
		if _, exists := s[word]; exists {
			metrics = append(metrics, word)
		} else if !slices.Contains(queryWords, word) {
			wrong = append(wrong, "no metric "+word)
		}
	}
	if len(metrics) == 0 {
		return append(wrong, "no metric at all")
	}
	has := func(label string) bool {
		return slices.Contains(addedLabels, label) || !slices.ContainsFunc(metrics, func(m string) bool { return s[m][label] == nil })
	}
	for _, group := range groupedText.FindAllStringSubmatch(query, -1) {
		for label := range strings.SplitSeq(group[1], ",") {
			if label = strings.TrimSpace(label); !has(label) {
				wrong = append(wrong, "no label "+label)
			}
		}
	}
	for _, braced := range bracedText.FindAllString(query, -1) {
		for _, m := range comparedText.FindAllStringSubmatch(braced, -1) {
			if !has(m[1]) {
				wrong = append(wrong, "no label "+m[1])
			}
			for value := range strings.SplitSeq(m[3], "|") {
				if !s.hasValue(t, metrics, m[1], value) {
					wrong = append(wrong, "no value "+m[1]+"="+value)
				}
			}
		}
	}
	return wrong
}

// hasValue reports whether a label may have a value. A code appears with its first request,
// so codes are looked up in the table of errors.
func (s stage) hasValue(t *testing.T, metrics []string, label, value string) bool {
	t.Helper()
	if slices.Contains(addedLabels, label) || slices.ContainsFunc(metrics, func(m string) bool { return slices.Contains(s[m][label], value) }) {
		return true
	}
	table, err := os.ReadFile("../../../miniapp-api/httpapi/ERRORS.md")
	cmdtest.NoError(t, err)
	return label == "code" && strings.Contains(string(table), "| `"+value+"` |")
}

// A query of what does not exist is found.
func TestUnknownInQuery(t *testing.T) {
	t.Parallel()
	there := stage{"up": {}, "a_total": {"code": {"OK"}, "route": {"/x"}}}
	for query, want := range map[string]int{
		`up{job="fundpass"} == 0`:                                0,
		`sum by (code) (rate(a_total{route="/x"}[5m])) > 0.5`:    0,
		`sum(rate(b_total[5m]))`:                                 2,
		`sum by (city) (rate(a_total[5m]))`:                      1,
		`a_total{route=~"/x|/y"}`:                                1,
		`a_total{code="NO_SUCH_CODE"}`:                           1,
		`a_total{code="INTERNAL"} / a_total{instance="x"} > 100`: 0,
		`5 > 3`: 1,
	} {
		if wrong := there.unknown(t, query); len(wrong) != want {
			t.Errorf("%s: got %q, want %d", query, wrong, want)
		}
	}
}
