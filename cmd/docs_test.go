package cmd

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentLinks checks that every relative link of the documents leads to an existing
// file, and that every document for operators and front-end engineers exists in both
// languages.
func TestDocumentLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "node_modules" || d.Name() == ".git" {
			return skipDir(d, err)
		}
		if !strings.HasSuffix(path, ".md") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s, which does not exist", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list("operations", "configuration", "roster", "passwords", "privacy", "front-end", "channels") {
		for _, file := range list(name+".md", name+".zh-CN.md") {
			if _, err := os.Stat(filepath.Join("../docs", file)); err != nil {
				t.Errorf("docs/%s is missing", file)
			}
		}
	}
}

// skipDir returns SkipDir for directories without files of ours.
func skipDir(d fs.DirEntry, err error) error {
	if err == nil && d.IsDir() {
		return filepath.SkipDir
	}
	return err
}
