// Package keys loads, checks and uses the keys of the program: the application's signing
// key and Alipay's public keys (AlipayKeyring), the key that encrypts database columns and
// computes their blind indexes (ColumnCipher), the pepper of password hashes (Pepper), and
// the keys with which front ends encrypt passwords (Transport). It does not use the network.
package keys

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Errors of an AlipayKeyring.
var (
	ErrUnknownSN  = errors.New("keys: no Alipay certificate with this serial number")
	ErrIncomplete = errors.New("keys: setting is missing")
	ErrUnproven   = errors.New("keys: private key cannot verify its own signature")
	ErrDuplicate  = errors.New("keys: key is given twice")
	ErrOwnKey     = errors.New("keys: this is the application's own public key, not Alipay's; " +
		"after the application public key (应用公钥) is uploaded the console shows another one, the Alipay public key (支付宝公钥): copy that")
)

// An AlipayKey is a public key of Alipay's, for its responses and notifications. Public
// must not be modified.
type AlipayKey struct {
	SN       string         // serial number as in alipay_cert_sn; "" in public-key mode
	Public   *rsa.PublicKey // at least 2048 bits
	NotAfter time.Time      // end of the certificate's validity; zero in public-key mode
	Source   string         // path of its file, for messages
	Sandbox  bool           // issued under the pinned root of Alipay's sandbox
}

// An AlipayKeyring holds an application's signing key and Alipay's public keys. It is
// immutable and safe for concurrent use; a rotation replaces it.
type AlipayKeyring struct {
	appID      string
	signer     crypto.Signer
	appCertSN  string
	rootCertSN string
	appCertEnd time.Time
	alipay     []AlipayKey

	signingAppID string // the third-party application's; "" if the mini-program signs
	appAuth      AppAuth
}

// NewAlipayKeyring returns an AlipayKeyring in public-key mode, or with certificates that
// the caller has checked. signer may be a file, a KMS or an HSM; NewAlipayKeyring makes and
// verifies a test signature with it. The error joins all problems.
//
// Errors: ErrIncomplete, ErrWrongKind, ErrWeak, ErrUnproven, ErrOwnKey,
// ErrDuplicate.
func NewAlipayKeyring(appID string, signer crypto.Signer, alipay []AlipayKey) (*AlipayKeyring, error) {
	r := &AlipayKeyring{appID: appID, signer: signer, alipay: slices.Clone(alipay)}
	problems := append(r.checkApp(), r.checkAlipay()...)
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return r, nil
}

// AppID returns the id of the mini-program that the keys serve, which citizens and messages belong
// to. A third-party application may sign for it; see SigningAppID.
func (r *AlipayKeyring) AppID() string { return r.appID }

// Signer returns the application's signing key: RSA, at least 2048 bits.
func (r *AlipayKeyring) Signer() crypto.Signer { return r.signer }

// AppCertSN returns the value of app_cert_sn, or "" in public-key mode.
func (r *AlipayKeyring) AppCertSN() string { return r.appCertSN }

// RootCertSN returns the value of alipay_root_cert_sn, or "" in public-key mode.
func (r *AlipayKeyring) RootCertSN() string { return r.rootCertSN }

// AppCertNotAfter returns the end of the validity of the application's certificate, or the
// zero time in public-key mode.
func (r *AlipayKeyring) AppCertNotAfter() time.Time { return r.appCertEnd }

// AlipayKeys returns Alipay's keys in the order configured. In public-key mode a message
// does not name its key, so a verifier tries all of them.
func (r *AlipayKeyring) AlipayKeys() []AlipayKey { return slices.Clone(r.alipay) }

// AlipayKey returns the key with serial number sn, or ErrUnknownSN. In public-key mode sn
// is "" and the first key is returned. It does not download certificates, because the
// sender of a message chooses the serial number.
func (r *AlipayKeyring) AlipayKey(sn string) (AlipayKey, error) {
	i := slices.IndexFunc(r.alipay, func(k AlipayKey) bool { return k.SN == sn })
	if i < 0 {
		return AlipayKey{}, ErrUnknownSN
	}
	return r.alipay[i], nil
}

// checkApp checks application id and signer.
func (r *AlipayKeyring) checkApp() []error {
	var problems []error
	if err := checkAppID(r.appID); err != nil {
		problems = append(problems, err)
	}
	if r.signer == nil {
		return append(problems, fmt.Errorf("%w: the application's private key", ErrIncomplete))
	}
	pub, ok := r.signer.Public().(*rsa.PublicKey)
	if !ok {
		return append(problems, fmt.Errorf("%w: the application's key is not RSA", ErrWrongKind))
	}
	if err := checkPublic(pub); err != nil {
		return append(problems, err)
	}
	if err := prove(r.signer); err != nil {
		problems = append(problems, err)
	}
	return problems
}

// checkAlipay checks Alipay's keys. The signer may be nil.
func (r *AlipayKeyring) checkAlipay() []error {
	if len(r.alipay) == 0 {
		return []error{fmt.Errorf("%w: at least one Alipay public key or certificate", ErrIncomplete)}
	}
	var problems []error
	for i, key := range r.alipay {
		if err := r.checkTrusted(key, r.alipay[:i]); err != nil {
			problems = append(problems, withSource(key.Source, err))
		}
	}
	return problems
}

// checkTrusted checks a key of Alipay's against the signer and the keys before it.
func (r *AlipayKeyring) checkTrusted(key AlipayKey, before []AlipayKey) error {
	if key.Public == nil {
		return fmt.Errorf("%w: an Alipay key is nil", ErrIncomplete)
	}
	if err := checkPublic(key.Public); err != nil {
		return err
	}
	if r.signer != nil && key.Public.Equal(r.signer.Public()) {
		return ErrOwnKey
	}
	for i, other := range before {
		// A renewed certificate may keep its key; its serial number is new.
		if other.SN == key.SN && (key.SN != "" || key.Public.Equal(other.Public)) {
			return fmt.Errorf("%w: it is also number %d of the list; remove one", ErrDuplicate, i+1)
		}
	}
	return nil
}

// checkAppID returns an error if id is empty or contains blanks or non-ASCII characters.
func checkAppID(id string) error {
	if id == "" {
		return fmt.Errorf("%w: the application id", ErrIncomplete)
	}
	if strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%w: the application id contains blanks or non-ASCII characters", ErrFormat)
	}
	return nil
}

// prove makes and verifies a signature over a fixed text. It returns ErrUnproven if the
// key is damaged or the signer uses another key.
func prove(signer crypto.Signer) error {
	digest := sha256.Sum256([]byte("fundpass proves this key"))
	sig, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return fmt.Errorf("%w: signing failed: %w", ErrUnproven, err)
	}
	pub, ok := signer.Public().(*rsa.PublicKey)
	if !ok || rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], sig) != nil {
		return fmt.Errorf("%w: the key is damaged, or the signer uses another key", ErrUnproven)
	}
	return nil
}

// withSource prefixes err with the path source, if there is one.
func withSource(source string, err error) error {
	if source == "" {
		return err
	}
	return fmt.Errorf("%s: %w", source, err)
}
