package alipay

import (
	_ "embed"
	"sync"

	"fundpass/miniapp-api/selfservice"
)

//go:embed consents.json
var builtinConsents []byte

// DefaultConsents are the texts of a centre that has none of its own.
var DefaultConsents = sync.OnceValue(func() []selfservice.ConsentText {
	texts, err := selfservice.ParseConsents(builtinConsents)
	if err != nil {
		panic(err) // a test finds it
	}
	return texts
})
