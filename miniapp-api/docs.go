package miniapp

import (
	_ "embed"
	"net/http"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/contract"
)

// openapi is the contract, kept true by tests.
//
//go:embed openapi.yaml
var openapi []byte

// docs shows the contract to the people who write a front end. Nothing of a
// running server is in it. serve keeps it to itself, so that the API has no
// page at all there.
type docs struct{ paths, errors contract.Page }

func newDocs() (*docs, error) {
	d, err := contract.Read(openapi)
	if err != nil {
		return nil, err
	}
	paths, err := d.Paths()
	if err != nil {
		return nil, err
	}
	errors, err := d.Errors()
	return &docs{paths, errors}, err
}

func (d *docs) routes() []route {
	return []route{
		{"GET", "/openapi.yaml", raw(func(c echo.Context) error {
			return c.Blob(http.StatusOK, "application/yaml; charset=utf-8", openapi)
		})},
		{"GET", "/docs", raw(page(d.paths))},
		{"GET", "/docs/errors", raw(page(d.errors))},
	}
}

// page answers with a page under the policy that allows its style and nothing else.
func page(p contract.Page) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Content-Security-Policy", p.Policy)
		return c.Blob(http.StatusOK, "text/html; charset=utf-8", p.HTML)
	}
}
