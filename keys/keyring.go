// Package keys holds what this service must keep secret and whom it trusts:
// the application's signing key and Alipay's keys (AlipayKeyring), the key that encrypts
// database columns and makes their blind indexes (ColumnCipher), and the keyed step
// after password hashing (Pepper). It knows nothing of HTTP, SQL or Alipay's
// messages, and never goes to the network.
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

// What can be wrong with an AlipayKeyring or with a look-up in it.
var (
	ErrUnknownSN  = errors.New("keys: no Alipay certificate with this serial number")
	ErrIncomplete = errors.New("keys: setting is missing")
	ErrUnproven   = errors.New("keys: private key cannot verify its own signature")
	ErrDuplicate  = errors.New("keys: the same Alipay key is given twice")
	ErrOwnKey     = errors.New("keys: this is the application's own public key, not Alipay's; " +
		"after the application public key (应用公钥) is uploaded the console shows another one, the Alipay public key (支付宝公钥): copy that")
)

// An AlipayKey is one key that Alipay signs its answers and notices with.
// Treat Public as read-only.
type AlipayKey struct {
	SN       string         // certificate serial as in alipay_cert_sn; "" in public-key mode
	Public   *rsa.PublicKey // at least 2048 bits
	NotAfter time.Time      // end of the certificate; zero for a bare key
	Source   string         // the file it came from, for people
	Sandbox  bool           // trusted under the pinned root of Alipay's sandbox only
}

// An AlipayKeyring holds an application's signing key and Alipay's public keys. It is immutable and safe
// for concurrent use; a rotation replaces it.
type AlipayKeyring struct {
	appID      string
	signer     crypto.Signer
	appCertSN  string
	rootCertSN string
	appCertEnd time.Time
	alipay     []AlipayKey
}

// NewAlipayKeyring returns an AlipayKeyring in public-key mode, or with certificates checked
// elsewhere. The signer, which may live in a file, a KMS or an HSM, signs and
// verifies once here. Every problem is reported at once.
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

// AppID returns the application id the keys belong to.
func (r *AlipayKeyring) AppID() string { return r.appID }

// Signer returns the application's signing key: RSA, at least 2048 bits.
func (r *AlipayKeyring) Signer() crypto.Signer { return r.signer }

// AppCertSN returns the value of app_cert_sn, or "" in public-key mode.
func (r *AlipayKeyring) AppCertSN() string { return r.appCertSN }

// RootCertSN returns the value of alipay_root_cert_sn, or "" in public-key mode.
func (r *AlipayKeyring) RootCertSN() string { return r.rootCertSN }

// AppCertNotAfter returns the end of the application's certificate, zero in
// public-key mode, so that an operator can be warned in time.
func (r *AlipayKeyring) AppCertNotAfter() time.Time { return r.appCertEnd }

// AlipayKeys returns Alipay's keys in the order configured. In public-key mode
// nothing in a message says which one signed it, so a verifier tries them all.
func (r *AlipayKeyring) AlipayKeys() []AlipayKey { return slices.Clone(r.alipay) }

// AlipayKey returns the key with this certificate serial, or ErrUnknownSN. In
// public-key mode sn is "" and the first key is returned. It never downloads
// anything: whoever forges a message chooses the serial.
func (r *AlipayKeyring) AlipayKey(sn string) (AlipayKey, error) {
	i := slices.IndexFunc(r.alipay, func(k AlipayKey) bool { return k.SN == sn })
	if i < 0 {
		return AlipayKey{}, ErrUnknownSN
	}
	return r.alipay[i], nil
}

// checkApp looks at the application's half of the AlipayKeyring.
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

// checkAlipay looks at Alipay's half; the signer may be missing.
func (r *AlipayKeyring) checkAlipay() []error {
	if len(r.alipay) == 0 {
		return []error{fmt.Errorf("%w: at least one Alipay public key or certificate", ErrIncomplete)}
	}
	var problems []error
	for i, key := range r.alipay {
		if err := r.checkTrusted(key, r.alipay[:i]); err != nil {
			problems = append(problems, inFile(key.Source, err))
		}
	}
	return problems
}

// checkTrusted looks at one of Alipay's keys and at those configured before it.
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
		// A renewed certificate may keep its key; only its serial is new.
		if other.SN == key.SN && (key.SN != "" || key.Public.Equal(other.Public)) {
			return fmt.Errorf("%w: it is number %d of the list too; remove one", ErrDuplicate, i+1)
		}
	}
	return nil
}

// checkAppID refuses what cannot be an application id; its digits are Alipay's.
func checkAppID(id string) error {
	if id == "" {
		return fmt.Errorf("%w: the application id", ErrIncomplete)
	}
	if strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%w: the application id has blanks or other than ASCII characters in it", ErrFormat)
	}
	return nil
}

// prove signs a fixed text and verifies it, so that a damaged key, or a signer
// that answers for another key, is found at start and not by a citizen.
func prove(signer crypto.Signer) error {
	digest := sha256.Sum256([]byte("fundpass proves this key"))
	sig, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return fmt.Errorf("%w: signing failed: %w", ErrUnproven, err)
	}
	pub, ok := signer.Public().(*rsa.PublicKey)
	if !ok || rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], sig) != nil {
		return fmt.Errorf("%w: the key is damaged or the signer holds another one", ErrUnproven)
	}
	return nil
}

// inFile puts the file's name before what is wrong in it.
func inFile(source string, err error) error {
	if source == "" {
		return err
	}
	return fmt.Errorf("%s: %w", source, err)
}
