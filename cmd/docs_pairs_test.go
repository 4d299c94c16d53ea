package cmd

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocumentPairs checks that a document in Chinese is whole: it has the headings, lists, tables
// and code of the English one in the same order, and names the same settings, commands and files.
func TestDocumentPairs(t *testing.T) {
	pairs := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "node_modules" || d.Name() == ".git" {
			return skipDir(d, err)
		}
		if english, ok := strings.CutSuffix(path, ".zh-CN.md"); ok {
			pairs++
			comparePair(t, english+".md", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if pairs < 9 {
		t.Errorf("%d documents have a Chinese version", pairs)
	}
}

func comparePair(t *testing.T, english, chinese string) {
	t.Helper()
	en, zh := readDocument(t, english), readDocument(t, chinese)
	if len(en.outline) != len(zh.outline) {
		t.Errorf("%s has %d parts, %s %d", english, len(en.outline), chinese, len(zh.outline))
	}
	for i := range min(len(en.outline), len(zh.outline)) {
		if en.outline[i] != zh.outline[i] {
			t.Errorf("part %d of %s is\n%s\nof %s\n%s", i+1, english, en.outline[i], chinese, zh.outline[i])
			break
		}
	}
	for _, name := range slices.Sorted(maps.Keys(en.names)) {
		if !zh.names[name] {
			t.Errorf("%s does not contain %s", chinese, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(zh.names)) {
		if !en.names[name] {
			t.Errorf("%s does not contain %s", english, name)
		}
	}
}

// A document is what a page and its translation have in common.
type document struct {
	outline []string        // the kind of each heading, item and row, and each line of code
	names   map[string]bool // what the text quotes or links to
}

var (
	documentPart = regexp.MustCompile(`^(#+ |- |\d+\. |\|)`)
	codeComment  = regexp.MustCompile(`\s+(#|//) .*$`)
	quoted       = regexp.MustCompile("`([^`]+)`")
	target       = regexp.MustCompile(`\]\(([^)]+)\)`)
	han          = regexp.MustCompile(`\p{Han}`)
)

func readDocument(t *testing.T, path string) document {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d, language := document{names: map[string]bool{}}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence:
			language = fence
			d.outline = append(d.outline, line)
		case language == "mermaid":
			d.outline = append(d.outline, "a line of a diagram")
		case language != "":
			d.outline = append(d.outline, codeComment.ReplaceAllString(line, ""))
		default:
			d.readProse(line)
		}
	}
	return d
}

func (d *document) readProse(line string) {
	if part := documentPart.FindString(line); part == "|" {
		d.outline = append(d.outline, strings.Repeat("| ", strings.Count(line, "|")))
	} else if part != "" {
		d.outline = append(d.outline, part)
	}
	for _, m := range quoted.FindAllStringSubmatch(line, -1) {
		if !han.MatchString(m[1]) {
			d.names[m[1]] = true
		}
	}
	for _, m := range target.FindAllStringSubmatch(line, -1) {
		d.names["a link to "+strings.Replace(m[1], ".zh-CN.md", ".md", 1)] = true
	}
}

// TestFrontEndCommand checks that the command of docs/front-end.md for TypeScript types is the one
// of the mini-program's tests, with the same version.
func TestFrontEndCommand(t *testing.T) {
	var pinned struct {
		Scripts         map[string]string
		DevDependencies map[string]string
	}
	file, err := os.ReadFile("../miniapp-api/miniprogram/test/package.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file, &pinned); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/front-end.md")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("openapi-typescript ", "npx openapi-typescript@"+pinned.DevDependencies["openapi-typescript"]+" ",
		"../../httpapi/", "miniapp-api/httpapi/").Replace(pinned.Scripts["contract"])
	if !slices.Contains(strings.Split(string(page), "\n"), want) {
		t.Errorf("docs/front-end.md lacks the command\n%s", want)
	}
}
