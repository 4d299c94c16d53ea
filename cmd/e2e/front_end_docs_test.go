package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// TestPostman runs the command of the front end's page, whose collection has every operation with
// the example of its body.
func TestPostman(t *testing.T) {
	t.Parallel()
	npx := testenv.Program(t, "apt-get install nodejs npm", "npx")
	page, err := os.ReadFile("../../docs/front-end.md")
	cmdtest.NoError(t, err)
	found := regexp.MustCompile(`(?m)^npx (openapi-to-postmanv2@.*)$`).FindSubmatch(page)
	if found == nil {
		t.Fatal("docs/front-end.md has no command for a Postman collection")
	}
	collection := filepath.Join(t.TempDir(), "collection.json")
	args := strings.Fields(strings.Replace(string(found[1]), "fundpass.postman.json", collection, 1))
	c := exec.CommandContext(t.Context(), npx, append([]string{"--yes"}, args...)...)
	c.Dir = "../.."
	out, err := c.CombinedOutput()
	if err != nil && regexp.MustCompile(`ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT`).Match(out) {
		testenv.Missing(t, "npm cannot download openapi-to-postmanv2")
	}
	cmdtest.NoError(t, err)
	got := requestsOf(t, collection)
	want := operationsWithBodies(t)
	if !slices.Equal(got, want) {
		t.Errorf("the collection has\n%s\nthe contract has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// requestsOf returns method, path and body of every request of a collection.
func requestsOf(t *testing.T, file string) (all []string) {
	t.Helper()
	var collection struct {
		Item []struct {
			Item []struct {
				Request struct {
					Method string
					URL    struct{ Path []string }
					Body   struct{ Raw string }
				}
			}
		}
	}
	content, err := os.ReadFile(file)
	cmdtest.NoError(t, err)
	cmdtest.NoError(t, json.Unmarshal(content, &collection))
	for _, folder := range collection.Item {
		for _, item := range folder.Item {
			path := regexp.MustCompile(`:(\w+)`).ReplaceAllString(strings.Join(item.Request.URL.Path, "/"), "{$1}")
			all = append(all, item.Request.Method+" /"+path+" "+compact(t, item.Request.Body.Raw))
		}
	}
	slices.Sort(all)
	return all
}

// operationsWithBodies returns the same of the contract.
func operationsWithBodies(t *testing.T) (all []string) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../../miniapp-api/httpapi/openapi.yaml")
	cmdtest.NoError(t, err)
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			body := ""
			if op.RequestBody != nil && op.RequestBody.Value.Content["application/json"] != nil {
				example, err := json.Marshal(op.RequestBody.Value.Content["application/json"].Example)
				cmdtest.NoError(t, err)
				body = string(example)
			}
			all = append(all, method+" "+path+" "+compact(t, body))
		}
	}
	slices.Sort(all)
	return all
}

// compact returns JSON in one form, and "" for what is not JSON.
func compact(t *testing.T, text string) string {
	t.Helper()
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return ""
	}
	out, err := json.Marshal(value)
	cmdtest.NoError(t, err)
	return string(out)
}
