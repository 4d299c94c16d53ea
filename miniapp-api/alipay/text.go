package alipay

import (
	_ "embed"
	"sync"

	"fundpass/miniapp-api/selfservice"
)

//go:embed consents.json
var builtinConsents []byte

// DefaultConsents returns the consent texts of a centre without its own.
var DefaultConsents = sync.OnceValue(func() []selfservice.ConsentText {
	texts, err := selfservice.ParseConsents(builtinConsents)
	if err != nil {
		panic(err) // the embedded file is invalid
	}
	return texts
})
