package pgconn

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/lib/pq"
)

// ErrUnsafeDSN reports that a connection string is refused. The error names the
// setting:
//
//   - sslmode must be set, because the driver's default changes between releases;
//   - sslmode disable, allow and prefer are for unix sockets and loopback only;
//   - target_session_attrs of several hosts must be read-write or primary, because any accepts
//     a standby, and prefer-standby makes the driver loop forever if all hosts are down;
//   - ConnectDirect refuses a transaction pooler.
var ErrUnsafeDSN = errors.New("pgconn: unsafe connection string")

// maxConnectTimeout bounds the set-up of a connection to one host. Several hosts are
// tried in turn.
const maxConnectTimeout = 2 * time.Second

// CheckDSN returns ErrUnsafeDSN for a connection string that Connect would refuse. It does not
// connect.
func CheckDSN(dsn string) error {
	_, err := parseDSN(dsn)
	return err
}

// parse returns the settings of DSN, with ConnectTimeout if that is set.
func (c Config) parse() (pq.Config, error) {
	cfg, err := parseDSN(c.DSN)
	cfg.ConnectTimeout = cmp.Or(c.ConnectTimeout, cfg.ConnectTimeout)
	return cfg, err
}

// parseDSN parses and checks a key=value string or URL and sets fixed settings. Errors
// never contain the password.
func parseDSN(dsn string) (pq.Config, error) {
	cfg, err := pq.NewConfig(dsn)
	if err != nil {
		return pq.Config{}, errors.New("pgconn: connection string cannot be read") // err may quote it
	}
	if err := checkDSN(dsn, cfg); err != nil {
		return pq.Config{}, err
	}
	cfg.BinaryParameters = true // otherwise a pooler may return another statement's rows
	if cfg.ConnectTimeout <= 0 || cfg.ConnectTimeout > maxConnectTimeout {
		cfg.ConnectTimeout = maxConnectTimeout
	}
	if cfg.ApplicationName == "" {
		cfg.ApplicationName = "fundpass"
	}
	return cfg, nil
}

// checkDSN checks the rules of ErrUnsafeDSN.
func checkDSN(dsn string, cfg pq.Config) error {
	if !writesSSLMode(dsn) || cfg.SSLMode == "" {
		return fmt.Errorf("%w: sslmode must be set", ErrUnsafeDSN)
	}
	if err := checkTarget(cfg); err != nil {
		return err
	}
	switch cfg.SSLMode { // the effective mode: a leading unix socket disables TLS for all hosts
	case pq.SSLModeDisable, pq.SSLModeAllow, pq.SSLModePrefer:
		if !onThisMachine(cfg) {
			return fmt.Errorf("%w: sslmode=%s with a remote host", ErrUnsafeDSN, cfg.SSLMode)
		}
	}
	return nil
}

// checkTarget refuses settings with which the pool would connect to a standby.
func checkTarget(cfg pq.Config) error {
	switch cfg.TargetSessionAttrs {
	case pq.TargetSessionAttrsReadWrite, pq.TargetSessionAttrsPrimary:
		return nil
	case "", pq.TargetSessionAttrsAny:
		if len(cfg.Multi) == 0 {
			return nil
		}
		return fmt.Errorf("%w: several hosts need target_session_attrs=read-write", ErrUnsafeDSN)
	}
	return fmt.Errorf("%w: target_session_attrs=%s", ErrUnsafeDSN, cfg.TargetSessionAttrs)
}

// UnverifiedSSLMode returns the sslmode of a connection string if that mode does not verify
// the name of a server on another machine, and "" otherwise.
func UnverifiedSSLMode(dsn string) string {
	cfg, err := pq.NewConfig(dsn)
	if err != nil || onThisMachine(cfg) {
		return ""
	}
	if cfg.SSLMode == pq.SSLModeRequire || cfg.SSLMode == pq.SSLModeVerifyCA {
		return string(cfg.SSLMode)
	}
	return ""
}

var (
	quoted  = regexp.MustCompile(`'(?:[^'\\]|\\.)*'|\\.`)
	sslMode = regexp.MustCompile(`(?:^|\s)sslmode\s*=`)
)

// writesSSLMode reports whether the string itself sets sslmode. The driver also reads the
// environment and a service file, which other machines may not have.
func writesSSLMode(dsn string) bool {
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		u, err := url.Parse(dsn)
		return err == nil && u.Query().Get("sslmode") != ""
	}
	return sslMode.MatchString(quoted.ReplaceAllString(dsn, "q"))
}

// onThisMachine reports whether every host is local.
func onThisMachine(cfg pq.Config) bool {
	hosts := append([]pq.ConfigMultihost{{Host: cfg.Host, Hostaddr: cfg.Hostaddr}}, cfg.Multi...)
	for _, h := range hosts {
		if !isLocal(h.Host, h.Hostaddr) {
			return false
		}
	}
	return true
}

// isLocal reports whether the driver dials this machine. The driver dials addr if it is
// valid.
func isLocal(host string, addr netip.Addr) bool {
	if addr.IsValid() {
		return addr.IsLoopback()
	}
	if filepath.IsAbs(host) || strings.HasPrefix(host, "@") || host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
