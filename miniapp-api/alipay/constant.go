package alipay

import (
	"sync"

	"fundpass/keys"
)

// constantAnswers keeps the signed answers that say the same to everybody, so that a
// stranger's junk costs no signature. There are a handful, made anew for another ring.
type constantAnswers struct {
	mu   sync.Mutex // held while one is signed: the others would sign the same
	ring *keys.Ring
	made map[string][]byte
}

// get returns the answer called name, a name of ours, signed with ring's key.
func (a *constantAnswers) get(ring *keys.Ring, name string, sign func() ([]byte, error)) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ring != ring {
		a.ring, a.made = ring, make(map[string][]byte)
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
