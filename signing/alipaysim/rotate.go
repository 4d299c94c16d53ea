package alipaysim

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"sync"
)

// ErrNoOldKey means that RotateKey has not been called yet.
var ErrNoOldKey = errors.New("alipaysim: no old key")

// ownKeys are Alipay's keys of the application.
type ownKeys struct {
	mu                 sync.RWMutex
	old, current, next *alipayKey // old and next may be nil
}

// An alipayKey is a key of Alipay's with its serial number.
type alipayKey struct {
	key *rsa.PrivateKey
	sn  string // alipay_cert_sn; "" in public-key mode
}

// publicBase64 returns the public key in the form of Alipay's console, base64 of PKIX, or
// "" if k is nil.
func (k *alipayKey) publicBase64() string {
	if k == nil {
		return ""
	}
	der, err := x509.MarshalPKIXPublicKey(&k.key.PublicKey)
	if err != nil {
		panic(err) // cannot fail for an RSA key
	}
	return base64.StdEncoding.EncodeToString(der)
}

// AlipayKey returns the public key of the current signing key.
func (s *Sim) AlipayKey() *rsa.PublicKey { return &s.signer().key.PublicKey }

func (s *Sim) signer() *alipayKey {
	s.own.mu.RLock()
	defer s.own.mu.RUnlock()
	return s.own.current
}

// oldSigner returns the key before RotateKey, or ErrNoOldKey.
func (s *Sim) oldSigner() (*alipayKey, error) {
	s.own.mu.RLock()
	defer s.own.mu.RUnlock()
	if s.own.old == nil {
		return nil, ErrNoOldKey
	}
	return s.own.old, nil
}

// NextKey returns the key that RotateKey will make current, so that an application can
// trust it before. It returns the same key until RotateKey is called. It does not block
// other calls while it generates the key.
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
	if s.own.next == nil { // no other call was faster
		s.own.next = &alipayKey{key: key}
		if s.cfg.Certificates != nil {
			s.own.next.sn = s.cfg.Certificates.AlipayNext
		}
	}
	return s.own.next, nil
}

// RotateKey makes NextKey the signing key. Responses in progress keep the key with which
// they began. The previous key remains available for notices with Key "old".
func (s *Sim) RotateKey() error {
	next, err := s.nextKey()
	if err != nil {
		return err
	}
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	if s.own.next != next {
		return nil // another call has rotated to it
	}
	s.own.old, s.own.current, s.own.next = s.own.current, next, nil
	return nil
}
