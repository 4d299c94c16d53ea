package pgconn_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"fundpass/store/pgconn"
)

func TestDSNRules(t *testing.T) {
	tests := []struct{ name, dsn, want string }{ // want is the text of the refusal, "" if accepted
		{"unix socket", "host=/run/postgresql dbname=f sslmode=disable", ""},
		{"abstract socket", "host=@pg dbname=f sslmode=disable", ""},
		{"loopback name", "host=localhost dbname=f sslmode=disable", ""},
		{"loopback address", "host=127.0.0.5 dbname=f sslmode=prefer", ""},
		{"loopback v6", "host=::1 dbname=f sslmode=allow", ""},
		{"loopback url", "postgres://u@127.0.0.1:6432/f?sslmode=disable", ""},
		{"remote tls", "host=db.example.com dbname=f sslmode=require", ""},
		{"remote verified url", "postgresql://u:p@db.example.com/f?sslmode=verify-full", ""},
		{"several hosts", "host=a.example.com,b.example.com sslmode=verify-full target_session_attrs=read-write", ""},
		{"spaces round =", "host=/tmp sslmode = disable", ""},
		{"quoted value", `host=/tmp sslmode='disable'`, ""},

		{"no sslmode", "host=db.example.com dbname=f", "sslmode must be set"},
		{"no sslmode on a socket", "host=/tmp dbname=f", "sslmode must be set"},
		{"no sslmode in url", "postgres://u@db.example.com/f", "sslmode must be set"},
		{"sslmode only in a password", "host=/tmp password='a sslmode=disable'", "sslmode must be set"},
		{"sslmode dropped by password", "host=127.0.0.1 password= sslmode=disable", "sslmode must be set"},
		{"empty string", "", "sslmode must be set"},
		{"remote disable", "host=db.example.com sslmode=disable", "sslmode=disable"},
		{"remote allow", "host=10.0.0.7 sslmode=allow", "sslmode=allow"},
		{"remote prefer url", "postgres://u@10.0.0.7/f?sslmode=prefer", "sslmode=prefer"},
		{"loopback look-alike", "host=localhost.example.com sslmode=disable", "sslmode=disable"},
		{"remote hostaddr behind a local name", "host=localhost hostaddr=10.0.0.7 sslmode=disable", "sslmode=disable"},
		{"second host is remote", "host=127.0.0.1,10.0.0.7 sslmode=disable target_session_attrs=read-write", "sslmode=disable"},
		{"socket first turns tls off for all", "host=/tmp,db.example.com sslmode=verify-full target_session_attrs=primary", "sslmode=disable"},
		{"several hosts, any of them", "host=a.example.com,b.example.com sslmode=verify-full", "several hosts need target_session_attrs=read-write"},
		{"several hosts, any written", "host=/a,/b sslmode=disable target_session_attrs=any", "several hosts need"},
		{"one host, any", "host=/a sslmode=disable target_session_attrs=any", ""},
		{"standby", "host=/tmp sslmode=disable target_session_attrs=standby", "=standby"},
		{"read-only", "host=/tmp sslmode=disable target_session_attrs=read-only", "=read-only"},
		{"prefer-standby", "host=/tmp sslmode=disable target_session_attrs=prefer-standby", "prefer-standby"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := pgconn.ParseDSN(tt.dsn)
			if tt.want == "" && err != nil {
				t.Fatalf("refused: %v", err)
			}
			if tt.want != "" && (!errors.Is(err, pgconn.ErrUnsafeDSN) || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want ErrUnsafeDSN with %q", err, tt.want)
			}
		})
	}
}

func TestDSNIsHardened(t *testing.T) {
	for _, dsn := range []string{
		"host=/tmp sslmode=disable",
		"host=/tmp sslmode=disable binary_parameters=no connect_timeout=60",
		"postgres://u@localhost/f?sslmode=disable&connect_timeout=0",
	} {
		cfg, err := pgconn.ParseDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		if !cfg.BinaryParameters || cfg.ConnectTimeout != 2*time.Second {
			t.Errorf("%s: binary_parameters %v, connect_timeout %v", dsn, cfg.BinaryParameters, cfg.ConnectTimeout)
		}
	}
	cfg, err := pgconn.ParseDSN("host=/tmp sslmode=disable connect_timeout=1")
	if err != nil || cfg.ConnectTimeout != time.Second {
		t.Errorf("connect_timeout of 1 s became %v (%v)", cfg.ConnectTimeout, err)
	}
}

func TestDSNErrorHidesPassword(t *testing.T) {
	for _, dsn := range []string{
		"host=db.example.com password=hunter2",
		"postgres://u:hunter2@db.example.com:port/f?sslmode=require",
		"host=/tmp sslmode=disable password='hunter2",
	} {
		if _, err := pgconn.ParseDSN(dsn); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v", err)
		}
	}
}
