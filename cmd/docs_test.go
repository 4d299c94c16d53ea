package cmd

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every relative link of the project's documents leads to a file that is there, and every
// document for operators and front-end engineers exists in both languages.
func TestDocumentsLead(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "node_modules" || d.Name() == ".git" {
			return leftOut(d, err)
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
				t.Errorf("%s links to %s, which is not there", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list("operations", "configuration", "roster", "passwords", "privacy", "front-end") {
		for _, file := range list(name+".md", name+".zh-CN.md") {
			if _, err := os.Stat(filepath.Join("../docs", file)); err != nil {
				t.Errorf("docs/%s is missing", file)
			}
		}
	}
}

// leftOut returns SkipDir for directories that hold nothing of ours.
func leftOut(d fs.DirEntry, err error) error {
	if err == nil && d.IsDir() {
		return filepath.SkipDir
	}
	return err
}
