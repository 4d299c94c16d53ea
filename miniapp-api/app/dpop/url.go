package dpop

import (
	"cmp"
	"errors"
	"net/url"
	"strings"
)

var errURL = errors.New("dpop: not an absolute http URL")

// defaultPorts are those that a URL need not name, by its scheme in small letters.
var defaultPorts = map[string]string{"http": ":80", "https": ":443"}

// normalize returns a URL without query and fragment, as RFC 9449, section 4.3, compares it:
// normalized by syntax and by scheme (RFC 3986, sections 6.2.2 and 6.2.3).
func normalize(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil || defaultPorts[u.Scheme] == "" {
		return "", errURL
	}
	host := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(u.Host), defaultPorts[u.Scheme]), ":")
	origin := u.Scheme + "://" + host
	u, err = new(url.URL).Parse(origin + normalizeEscapes(u.EscapedPath())) // removes dot segments
	if err != nil {
		return "", errURL
	}
	return origin + cmp.Or(u.EscapedPath(), "/"), nil
}

// normalizeEscapes decodes the escapes of unreserved characters and writes the others in upper
// case. It does not decode an escaped slash, which is another path.
func normalizeEscapes(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+3 > len(path) {
			b.WriteByte(path[i])
			continue
		}
		escape := strings.ToUpper(path[i : i+3])
		if plain, err := url.PathUnescape(escape); err == nil && isUnreserved(plain) {
			escape = plain
		}
		b.WriteString(escape)
		i += 2
	}
	return b.String()
}

func isUnreserved(s string) bool {
	return len(s) == 1 && strings.Contains("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", s)
}
