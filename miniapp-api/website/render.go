package website

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"fundpass/keys/calendar"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/website/captcha"
)

//go:embed templates/*.html static/*
var files embed.FS

// An asset is a file that pages load. Its name has the hash of its content, so that browsers
// may keep it.
type asset struct {
	content   []byte
	mediaType string
}

func (a asset) serve(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	return c.Blob(http.StatusOK, a.mediaType, a.content)
}

// A renderer renders pages.
type renderer struct {
	pages  map[string]*template.Template // by the name of the page
	assets map[string]asset              // by name
}

var mediaTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// newRenderer parses the templates. layout.html and parts.html belong to every page.
func newRenderer() (*renderer, error) {
	r := &renderer{pages: map[string]*template.Template{}, assets: map[string]asset{}}
	paths := map[string]string{}
	static, err := fs.Glob(files, "static/*")
	if err != nil {
		return nil, err
	}
	for _, file := range static {
		content, err := files.ReadFile(file)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		ext := path.Ext(file)
		name := strings.TrimSuffix(path.Base(file), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		paths[path.Base(file)] = "/static/" + name
		r.assets[name] = asset{content, mediaTypes[ext]}
	}
	common := template.New("").Funcs(template.FuncMap{"asset": func(name string) string { return paths[name] }, "when": formatTime, "day": formatDay, "input": newInput, "purpose": purposeName})
	if common, err = common.ParseFS(files, "templates/layout.html", "templates/parts.html"); err != nil {
		return nil, err
	}
	if common, err = common.Parse(captcha.Fragment); err != nil {
		return nil, err
	}
	all, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, file := range all {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		t, err := common.Clone()
		if err == nil {
			t, err = t.ParseFS(files, file)
		}
		if err != nil {
			return nil, err
		}
		r.pages[name] = t
	}
	return r, nil
}

// formatTime returns a time in Beijing, as citizens read it.
func formatTime(t time.Time) string { return t.In(calendar.Beijing).Format("2006年1月2日 15:04") }

func formatDay(t time.Time) string { return t.In(calendar.Beijing).Format("2006年1月2日") }

// A page is what every template receives.
type page struct {
	SignedIn bool
	Elder    bool
	Here     string           // the path of the page, to which a change of the view returns
	Problem  *httpapi.Refusal // what is wrong with the form that was sent; nil for nothing
	Data     any

	site    *Site
	binding []byte
	form    form
}

// page renders a page.
func (s *Site) page(c echo.Context, r *request, answer reply) string {
	p := &page{
		SignedIn: r.Link != nil, Elder: cookieOf(c, cookieView) == elderView, Here: here(c), Problem: r.problem, Data: answer.data,
		site: s, binding: r.Binding, form: r.form,
	}
	if p.SignedIn {
		p.binding = r.TokenDigest
	}
	var b bytes.Buffer
	t, known := s.render.pages[answer.page]
	if !known {
		panic("website: no template " + answer.page)
	}
	if err := t.ExecuteTemplate(&b, "layout", p); err != nil {
		panic(fmt.Sprintf("website: template %s: %T", answer.page, err))
	}
	return b.String()
}

// here returns the path of a page that a GET request shows. A form is sent to the path of its
// page.
func here(c echo.Context) string {
	if c.Path() == "" {
		return pathHome
	}
	return c.Request().URL.Path
}

// Token returns the token of a form that is sent to path.
func (p *page) Token(path string) (string, error) {
	return p.site.newToken(p.binding, path)
}

// secrets are the fields that no page shows again.
var secrets = []string{"password", "old_password", "new_password", "again", "code", fieldToken}

// Value returns what the citizen has typed into a field, unless it is a secret.
func (p *page) Value(name string) string {
	if slices.Contains(secrets, name) {
		return ""
	}
	return p.form[name]
}

// Error returns what is wrong with a field.
func (p *page) Error(name string) string {
	if p.Problem == nil {
		return ""
	}
	return p.Problem.Fields[name]
}

// An input is a field of a form.
type input struct {
	Name, Label, Type, Complete, Mode, Hint string
	Value, Error                            string
}

// newInput returns a field by name, label, type, autocomplete, inputmode and hint.
func newInput(p *page, name, label, kind, complete, mode, hint string) input {
	return input{name, label, kind, complete, mode, hint, p.Value(name), p.Error(name)}
}
