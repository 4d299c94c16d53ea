package miniapp

import (
	_ "embed"
	"sync"
)

//go:embed consents.json
var builtinConsents []byte

// DefaultConsents are the texts of a centre that has none of its own.
var DefaultConsents = sync.OnceValue(func() []ConsentText {
	texts, err := ParseConsents(builtinConsents)
	if err != nil {
		panic(err) // a test finds it
	}
	return texts
})
