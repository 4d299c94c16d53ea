package alipay

import (
	"sync"

	"fundpass/keys"
)

// constantAnswers caches the signed answers that do not depend on the request, so that an
// invalid request costs no signature. It holds a few answers and is cleared when the keyring
// changes.
type constantAnswers struct {
	mu      sync.Mutex // held while signing, so that each answer is signed once
	keyring *keys.AlipayKeyring
	made    map[string][]byte
}

// get returns the answer with this key, signed by the keyring's key.
func (a *constantAnswers) get(keyring *keys.AlipayKeyring, name string, sign func() ([]byte, error)) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.keyring != keyring {
		a.keyring, a.made = keyring, make(map[string][]byte)
	}
	if answer := a.made[name]; answer != nil {
		return answer, nil
	}
	answer, err := sign()
	if err == nil {
		a.made[name] = answer
	}
	return answer, err
}
