package httpapi_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

var readmeExample = regexp.MustCompile("(?s)```http\n(\\w+) (\\S+)\n(.*?)\n\n(.*?)```\n\n```json\n(.*?)```")

// The request of the READMEs gets the reply of the READMEs, except for ids and times.
func TestReadmeExample(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		page, err := os.ReadFile("../../" + name)
		must(t, err)
		found := readmeExample.FindStringSubmatch(string(page))
		if found == nil {
			t.Fatalf("%s has no request with its reply", name)
		}
		method, path, headers, body, wantReply := found[1], found[2], found[3], found[4], found[5]
		c := h.citizen()
		h.logIn(c)
		p := h.linkedClient(c)
		p.subscribe()
		path = strings.Replace(path, "0b6f4e0a-8e0e-4c0e-9d53-6f2f3f1f7f11", strings.TrimPrefix(p.openChange(c), "/v1/password/changes/"), 1)
		var sent []header
		for line := range strings.Lines(headers) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			if name != "Authorization" { // the client has its own
				sent = append(sent, header{name, value})
			}
		}
		got := p.send(method, path, []byte(body), sent...).want(t, "OK")
		var want, has any
		must(t, json.Unmarshal([]byte(wantReply), &want))
		must(t, json.Unmarshal([]byte(got.Raw), &has))
		for _, diff := range unlike(name, want, has) {
			t.Errorf("%s in %s", diff, got.Raw)
		}
	}
}
