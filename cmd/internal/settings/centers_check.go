package settings

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var (
	hostName    = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?$`)
	pathSegment = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
)

// ownPaths are the first segments of the paths of the API, which no centre can have.
var ownPaths = []string{"v1", "alipay", "docs", "healthz", "readyz", "metrics", "sms"}

// check returns what is wrong with the entries, each by itself and beside the others.
func (c Centers) check() []Problem {
	var all []Problem
	add := func(format string, args ...any) {
		all = append(all, Problemf("FUNDPASS_CENTERS_FILE", format, args...))
	}
	for i, one := range c.All {
		if one.ID == "" {
			add("centre %d: center is missing: its id", i+1)
		}
		if len(one.Hosts) == 0 && one.Path == "" {
			add("centre %s: has neither hosts nor a path: no mini-program could sign in", one.ID)
		}
		if one.Path != "" && !pathSegment.MatchString(one.Path) {
			add("centre %s: path is not one segment of lower-case letters, digits and -, without slashes", one.ID)
		} else if slices.Contains(ownPaths, one.Path) {
			add("centre %s: path %s is one of the API's own; choose another", one.ID, one.Path)
		}
		for _, host := range one.Hosts {
			if !hostName.MatchString(host) {
				add("centre %s: %q is not a host such as gjj.example.cn; write neither https:// nor a path, and other scripts as xn--", one.ID, host)
			}
		}
	}
	return append(all, c.checkShared()...)
}

// checkShared returns what two centres have in common although it tells them apart or keeps
// their data apart.
func (c Centers) checkShared() []Problem {
	var all []Problem
	first := make(map[string]string) // kind and value to centre
	note := func(center, kind, value string) {
		if value == "" {
			return
		}
		key := kind + "\x00" + value
		if other, taken := first[key]; taken {
			all = append(all, Problemf("FUNDPASS_CENTERS_FILE", "centres %s and %s have the same %s: %s", other, center, kind, value))
			return
		}
		first[key] = center
	}
	for _, one := range c.All {
		s := one.Settings
		note(one.ID, "center", strings.ToLower(one.ID))
		note(one.ID, "path", one.Path)
		for _, host := range one.Hosts {
			note(one.ID, "host", host)
		}
		note(one.ID, "FUNDPASS_APP_ID", s.AppID)
		note(one.ID, "FUNDPASS_WEBSITE_ORIGIN", addressOf(s.WebsiteOrigin))
		note(one.ID, "FUNDPASS_MOBILE_URL", addressOf(s.MobileURL))
		note(one.ID, "FUNDPASS_COLUMN_KEY_FILE", s.ColumnKeyFile)
		note(one.ID, "FUNDPASS_PEPPER_FILE", s.PepperFile)
	}
	return all
}

// addressOf returns the host and path of a URL, without a slash at the end.
func addressOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host + strings.TrimSuffix(u.Path, "/")
}
