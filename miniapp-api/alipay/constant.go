package alipay

import (
	"sync"

	"fundpass/keys"
)

// constantAnswers keeps the signed answers that say the same to everybody, so that a
// stranger's junk costs no signature. There are a handful, made anew for another keyring.
type constantAnswers struct {
	mu      sync.Mutex // held while one is signed: the others would sign the same
	keyring *keys.AlipayKeyring
	made    map[string][]byte
}

// get returns the answer called name, a name of ours, signed with keyring's key.
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
