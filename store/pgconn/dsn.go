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
//   - sslmode must be written, because the driver's default changes between releases;
//   - sslmode disable, allow and prefer are for unix sockets and loopback only;
//   - target_session_attrs=prefer-standby makes the driver loop for ever when all hosts are down;
//   - OpenDirect refuses a transaction pooler.
var ErrUnsafeDSN = errors.New("pgconn: unsafe connection string")

// maxConnectTimeout bounds the set-up of a connection to one host. Several hosts are
// tried in turn.
const maxConnectTimeout = 2 * time.Second

// CheckDSN returns ErrUnsafeDSN for a connection string that Open would refuse. It
// does not connect.
func CheckDSN(dsn string) error {
	_, err := parseDSN(dsn)
	return err
}

// parse returns the settings of DSN, with ConnectTimeout if it is set.
func (c Config) parse() (pq.Config, error) {
	cfg, err := parseDSN(c.DSN)
	cfg.ConnectTimeout = cmp.Or(c.ConnectTimeout, cfg.ConnectTimeout)
	return cfg, err
}

// parseDSN parses a key=value string or URL, checks it, and sets what is not
// left to choice. Errors never contain the password.
func parseDSN(dsn string) (pq.Config, error) {
	cfg, err := pq.NewConfig(dsn)
	if err != nil {
		return pq.Config{}, errors.New("pgconn: connection string cannot be read") // err may quote it
	}
	if err := checkDSN(dsn, cfg); err != nil {
		return pq.Config{}, err
	}
	cfg.BinaryParameters = true // without it a pooler may answer with another statement's rows
	if cfg.ConnectTimeout <= 0 || cfg.ConnectTimeout > maxConnectTimeout {
		cfg.ConnectTimeout = maxConnectTimeout
	}
	if cfg.ApplicationName == "" {
		cfg.ApplicationName = "fundpass"
	}
	return cfg, nil
}

func checkDSN(dsn string, cfg pq.Config) error {
	if !writesSSLMode(dsn) || cfg.SSLMode == "" {
		return fmt.Errorf("%w: sslmode must be written", ErrUnsafeDSN)
	}
	if cfg.TargetSessionAttrs == pq.TargetSessionAttrsPreferStandby {
		return fmt.Errorf("%w: target_session_attrs=prefer-standby", ErrUnsafeDSN)
	}
	switch cfg.SSLMode { // the effective mode: a unix socket first in a list turns TLS off for all
	case pq.SSLModeDisable, pq.SSLModeAllow, pq.SSLModePrefer:
		if !onThisMachine(cfg) {
			return fmt.Errorf("%w: sslmode=%s with a host that is not this machine", ErrUnsafeDSN, cfg.SSLMode)
		}
	}
	return nil
}

// UnverifiedSSLMode returns the sslmode of a connection string with which a server on
// another machine need not prove that it has the name in the string, or "" if the
// server must.
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

// writesSSLMode reports whether the string itself sets sslmode. The driver also reads
// the environment and a service file, which the next machine may not have.
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

// isLocal reports whether the driver dials this machine. It dials the address if one
// is given.
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
