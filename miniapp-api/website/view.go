package website

import (
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"
)

// ownPath matches the paths of this site's pages. A redirect leads to nothing else.
var ownPath = regexp.MustCompile(`^/([a-z]+(-[a-z]+)*(/[a-z]+)?(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?)?$`)

// setView switches large type on or off, and returns to the page. It needs no session and so has
// no token: it changes nothing but how this browser shows pages.
func (s *Site) setView(c echo.Context) error {
	f, _, err := readForm(c, []string{"view", "here"})
	if err != nil {
		return err
	}
	value := ""
	if f["view"] == elderView {
		value = elderView
	}
	setCookie(c, cookieView, value, true)
	to := f["here"]
	if !ownPath.MatchString(to) {
		to = pathHome
	}
	return c.Redirect(http.StatusSeeOther, to)
}
