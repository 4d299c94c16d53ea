package pgconn_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/keys/testenv"
	"fundpass/store/pgconn"
	"fundpass/store/storetest"
)

// useTLS makes the server accept TLS on 127.0.0.1 and returns a DSN that verifies its
// certificate.
func useTLS(t *testing.T, c *ownServer) (dsn string) {
	t.Helper()
	cert := writeCertificate(t, c.dir)
	admin := storetest.Probe(t, c.DSN(""))
	for _, q := range []string{
		`ALTER SYSTEM SET ssl_cert_file = '` + cert + `'`,
		`ALTER SYSTEM SET ssl_key_file = '` + cert + `.key'`,
		`ALTER SYSTEM SET ssl = on`,
		`SELECT pg_reload_conf()`,
	} {
		admin.MustExec(q)
	}
	admin.Close()
	testenv.Eventually(t, "the server speaks TLS", func() bool {
		var on string
		fresh := storetest.Probe(t, c.DSN(""))
		defer fresh.Close()
		return fresh.Get(&on, `SHOW ssl`) == nil && on == "on"
	})
	return strings.Replace(c.TCPDSN(""), "sslmode=disable", "sslmode=verify-full sslrootcert="+cert, 1)
}

// writeCertificate makes a self-signed certificate for 127.0.0.1 that the
// server on dir can read.
func writeCertificate(t *testing.T, dir string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := filepath.Join(dir, "server.crt")
	st, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	owner := st.Sys().(*syscall.Stat_t)
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, cert + ".key": {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(name, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return cert
}

func testTLS(t *testing.T, c *ownServer, step string) {
	p, through := newProxy(t, useTLS(t, c)+" search_path="+step+",public")
	db := ledger(t, through, maxConns(1))
	session := func() (pid int, version string) {
		err := db.Read(t.Context(), func(q sqlx.QueryerContext) error {
			return q.QueryRowxContext(t.Context(), `SELECT pid, version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl`).Scan(&pid, &version)
		})
		if err != nil {
			t.Fatal(err)
		}
		return pid, version
	}
	first, version := session()
	if again, _ := session(); again != first || version < "TLSv1.2" {
		t.Errorf("%s, connections %d and %d, want one", version, first, again)
	}
	ctx := newEnding(t)
	go func() { <-p.dropped; ctx.end() }()
	p.drops.Store(true)
	err := enter(ctx, db, "a")
	if !errors.Is(err, pgconn.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("black hole: %v", err)
	}
	p.drops.Store(false)
	if err := enter(t.Context(), db, "b"); err != nil {
		t.Error("after healing:", err)
	}
	forged := through + " sslrootcert=" + writeCertificate(t, t.TempDir()) // the last sslrootcert counts
	pool, err := pgconn.NewDB(forged, true)
	noError(t, err)
	defer pool.Close()
	if err := pool.PingContext(testenv.Context(t)); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("certificate of another authority: %v", err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := pgconn.Connect(soon, pgconn.Config{DSN: forged}); !errors.Is(err, pgconn.ErrUnavailable) {
		t.Errorf("Connect with a certificate of another authority: %v", err)
	}
}
