package store

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

// ErrUnsafeDSN refuses a connection string, naming the setting:
//
//   - sslmode must be written, because the driver's default changes between releases;
//   - sslmode disable, allow and prefer are for unix sockets and loopback only;
//   - target_session_attrs=prefer-standby makes the driver loop for ever when all hosts are down;
//   - Migrate takes no transaction pooler.
var ErrUnsafeDSN = errors.New("store: unsafe connection string")

// connectLimit bounds one host's connection set-up; several hosts are tried in turn.
const connectLimit = 2 * time.Second

// parseDSN reads a key=value string or URL, checks it, and sets what is not
// left to choice. Errors never contain the password.
func parseDSN(dsn string) (pq.Config, error) {
	cfg, err := pq.NewConfig(dsn)
	if err != nil {
		return pq.Config{}, errors.New("store: connection string cannot be read") // err may quote it
	}
	if err := checkDSN(dsn, cfg); err != nil {
		return pq.Config{}, err
	}
	cfg.BinaryParameters = true // without it a pooler may answer with another statement's rows
	if cfg.ConnectTimeout <= 0 || cfg.ConnectTimeout > connectLimit {
		cfg.ConnectTimeout = connectLimit
	}
	if cfg.ApplicationName == "" {
		cfg.ApplicationName = "fundpass"
	}
	return cfg, nil
}

// configFrom is parseDSN with a connection limit of one's own; 0 leaves connectLimit.
func configFrom(dsn string, limit time.Duration) (pq.Config, error) {
	cfg, err := parseDSN(dsn)
	cfg.ConnectTimeout = cmp.Or(limit, cfg.ConnectTimeout)
	return cfg, err
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

// UnprovenServer returns the sslmode of a connection string with which a server on
// another machine need not prove that it is the one named, or "" if there is none.
func UnprovenServer(dsn string) string {
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

// writesSSLMode looks at the string itself, because the driver also takes the
// environment and a service file, which the next machine may not have.
func writesSSLMode(dsn string) bool {
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		u, err := url.Parse(dsn)
		return err == nil && u.Query().Get("sslmode") != ""
	}
	return sslMode.MatchString(quoted.ReplaceAllString(dsn, "q"))
}

func onThisMachine(cfg pq.Config) bool {
	hosts := append([]pq.ConfigMultihost{{Host: cfg.Host, Hostaddr: cfg.Hostaddr}}, cfg.Multi...)
	for _, h := range hosts {
		if !isLocal(h.Host, h.Hostaddr) {
			return false
		}
	}
	return true
}

// isLocal judges what the driver dials: the address where one is given.
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
