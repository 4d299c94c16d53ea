package sms

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// lookup returns the string, number or boolean at a JSON pointer (RFC 6901) as text.
func lookup(body []byte, pointer string) (string, bool) {
	in := json.NewDecoder(bytes.NewReader(body))
	in.UseNumber()
	var at any
	if err := in.Decode(&at); err != nil {
		return "", false
	}
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		switch v := at.(type) {
		case map[string]any:
			at = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				return "", false
			}
			at = v[i]
		default:
			return "", false
		}
	}
	switch v := at.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
