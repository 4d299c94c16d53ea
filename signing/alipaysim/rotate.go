package alipaysim

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"sync"
)

// ErrNoOldKey says that RotateKey has not been called yet.
var ErrNoOldKey = errors.New("alipaysim: there is no old key")

// ownKeys are Alipay's keys for the application.
type ownKeys struct {
	mu                 sync.RWMutex
	old, current, next *alipayKey // old and next may be nil
}

// An alipayKey is one of them.
type alipayKey struct {
	key *rsa.PrivateKey
	sn  string // alipay_cert_sn, in certificate mode
}

// console returns the public key as Alipay's console shows it, "" for none.
func (k *alipayKey) console() string {
	if k == nil {
		return ""
	}
	der, err := x509.MarshalPKIXPublicKey(&k.key.PublicKey)
	if err != nil {
		panic(err) // an RSA key of our own
	}
	return base64.StdEncoding.EncodeToString(der)
}

// AlipayKey returns the key that answers and notices are signed with now.
func (s *Sim) AlipayKey() *rsa.PublicKey { return &s.signer().key.PublicKey }

func (s *Sim) signer() *alipayKey {
	s.own.mu.RLock()
	defer s.own.mu.RUnlock()
	return s.own.current
}

// oldSigner fails with ErrNoOldKey.
func (s *Sim) oldSigner() (*alipayKey, error) {
	s.own.mu.RLock()
	defer s.own.mu.RUnlock()
	if s.own.old == nil {
		return nil, ErrNoOldKey
	}
	return s.own.old, nil
}

// NextKey returns the key that RotateKey will change to, so that an application can
// trust it in time. Asking again returns the same one. Making it takes a moment, in
// which the simulator goes on answering.
func (s *Sim) NextKey() (*rsa.PublicKey, error) {
	next, err := s.nextKey()
	if err != nil {
		return nil, err
	}
	return &next.key.PublicKey, nil
}

func (s *Sim) nextKey() (*alipayKey, error) {
	s.own.mu.RLock()
	next := s.own.next
	s.own.mu.RUnlock()
	if next != nil {
		return next, nil
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	if s.own.next == nil { // nobody was faster
		s.own.next = &alipayKey{key: key}
		if s.cfg.Certificates != nil {
			s.own.next.sn = s.cfg.Certificates.AlipayNext
		}
	}
	return s.own.next, nil
}

// RotateKey makes Alipay sign with NextKey from now on. Answers under way are signed
// with the key they began with. The key until now stays for notices that are to be
// signed with the old one.
func (s *Sim) RotateKey() error {
	next, err := s.nextKey()
	if err != nil {
		return err
	}
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	if s.own.next != next {
		return nil // somebody rotated to it meanwhile
	}
	s.own.old, s.own.current, s.own.next = s.own.current, next, nil
	return nil
}
