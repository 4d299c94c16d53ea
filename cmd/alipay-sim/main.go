// Command alipay-sim runs the Alipay simulator on its own, for development without a
// sandbox account. It listens on a loopback address only, because it issues an auth code
// for any of its invented people to every caller.
package main

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"fundpass/keys"
	"fundpass/signing/alipaysim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "alipay-sim:", err)
		os.Exit(1)
	}
}

// options holds the command-line flags.
type options struct{ addr, appID, appKey, alipayKey, people, target string }

func readOptions(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("alipay-sim", flag.ContinueOnError)
	f.StringVar(&o.addr, "addr", "127.0.0.1:8090", "loopback address to listen on")
	f.StringVar(&o.appID, "app-id", "", "application id")
	f.StringVar(&o.appKey, "app-key", "", "file of the application's public key, as fundpass keys new writes it (app_public_key.txt)")
	f.StringVar(&o.alipayKey, "alipay-key", "", "file of the simulator's private key, created if missing; without the flag every run uses a new key")
	f.StringVar(&o.people, "people", "", "JSON file with a list of people, as GET /sim/people returns them")
	f.StringVar(&o.target, "target", "", "base URL that notices are posted to, e.g. http://127.0.0.1:8080")
	err := f.Parse(args)
	return o, err
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := readOptions(args)
	if err != nil {
		return err
	}
	sim, err := o.simulator()
	if err != nil {
		return err
	}
	listener, err := listenLoopback(o.addr)
	if err != nil {
		return err
	}
	key, err := publicKey(sim)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintf(out, "gateway: http://%s/gateway.do\nAlipay's public key, for FUNDPASS_ALIPAY_KEY_FILES:\n%s\n", listener.Addr(), key)
	web := &http.Server{Handler: sim, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { web.Close() })
	if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// simulator builds the simulator from the key files and the people's file.
func (o options) simulator() (*alipaysim.Sim, error) {
	if o.appID == "" || o.appKey == "" {
		return nil, errors.New("-app-id and -app-key are required")
	}
	data, err := os.ReadFile(o.appKey)
	if err != nil {
		return nil, err
	}
	public, err := keys.ParsePublicKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.appKey, err)
	}
	own, err := ownKey(o.alipayKey)
	if err != nil {
		return nil, err
	}
	sim, err := alipaysim.New(alipaysim.Config{AppID: o.appID, AppKey: public, Target: o.target, Key: own})
	if err != nil {
		return nil, err
	}
	return sim, addPeople(sim, o.people)
}

// ownKey reads the key that signs the simulator's replies, or creates it. It returns nil
// for an empty path; the simulator then generates a key.
func ownKey(path string) (*rsa.PrivateKey, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		fresh, err := keys.NewAppKey()
		if err != nil {
			return nil, err
		}
		return fresh.Private(), os.WriteFile(path, fresh.PEM(), 0o600)
	}
	if err != nil {
		return nil, err
	}
	key, err := keys.ParsePrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// addPeople adds the people listed in a file, with identities that Alipay certifies.
func addPeople(sim *alipaysim.Sim, path string) error {
	if path == "" {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var people []alipaysim.Person
	if err := json.Unmarshal(data, &people); err != nil {
		return fmt.Errorf("%s: not a list of people: %w", path, err)
	}
	for _, p := range people {
		p.Certified = true
		sim.Add(p)
	}
	return nil
}

// listenLoopback refuses every address that other machines can reach.
func listenLoopback(addr string) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, err
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("-addr %s is not a loopback address", addr)
	}
	return net.ListenTCP("tcp", resolved)
}

// publicKey returns the simulator's public key as Alipay's console shows it: one line of
// base64.
func publicKey(sim *alipaysim.Sim) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(sim.AlipayKey())
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(der), nil
}
