package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/serve"
	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/apidocs"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/miniprogram"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/miniapp-api/sms/smssim"
	"fundpass/signing/alipaysim"
	"fundpass/store"
	"fundpass/store/localpg"
)

// demoAppID is an application id that Alipay does not assign.
const demoAppID = "2021990100000000"

// policyFile is the policy in the data directory.
const policyFile = "policy.json"

// Rate limits of the demo, in which one machine acts for all citizens.
var (
	demoPerAddress = settings.Rate{PerSecond: 2000, Burst: 20000}
	demoPerUser    = settings.Rate{PerSecond: 500, Burst: 5000}
)

// Command returns the demo command. It runs a private PostgreSQL, a simulated Alipay and
// the server of package serve with invented depositors on one machine.
func Command(w terminal.Stdio) *cobra.Command {
	d := &demo{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run everything on this machine, with invented people to try",
		Long: "Demo starts a private PostgreSQL, a simulated Alipay and the API, loads invented\n" +
			"depositors and lists them. Ctrl-C stops all of it. Without --data everything is\n" +
			"in a temporary directory that is removed at the end.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.Screen = terminal.NewScreen(w.For(cmd))
			return d.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&d.addr, "addr", "127.0.0.1:8080", "loopback address of the API; port 0 chooses a free port")
	f.StringVar(&d.data, "data", "", "directory in which keys, database and log are kept")
	f.BoolVar(&d.fresh, "fresh", false, "empty the --data directory first")
	f.StringVar(&d.logFile, "log", "", "log file (default fundpass.log in the data directory)")
	f.StringVar(&d.policy, "policy", "default", "the built-in password policy, such as harbin; fundpass policy list lists them")
	f.StringVar(&d.proof, "proof", string(selfservice.ProofCertdoc), "proofs that a link requires beside the password, as FUNDPASS_PROOF, e.g. face,phone")
	f.StringVar(&d.initialProof, "initial-proof", "", "the same for initial passwords, as FUNDPASS_INITIAL_PROOF")
	f.StringVar(&d.consent, "consent", string(selfservice.ConsentRecorded), "how citizens give consent, as FUNDPASS_CONSENT: recorded or required")
	f.StringVar(&d.transferAfter, "link-transfer", "1m", "how long the holder of a link can reject its transfer to another Alipay account, as FUNDPASS_LINK_TRANSFER")
	return cmd
}

// A demo holds the parts that run, in the order in which they start.
type demo struct {
	terminal.Screen
	addr, data, logFile string
	fresh               bool

	policy, proof, initialProof, consent, transferAfter string
	linkTransfer                                        settings.LinkTransfer
	people                                              []story

	public   net.Listener
	website  net.Listener
	mobile   net.Listener
	dataDir  *dataDir
	log      *os.File
	postgres *localpg.Server
	sim      *alipaysim.Sim
	simURL   string
	sms      *smssim.Sim
	smsURL   string
	app      *serve.App

	issuerURL string // of the sign-on of a province

	cleanups []func() error // stop the parts; in the order in which these were started
}

// run serves until ctx ends and then stops every part.
func (d *demo) run(ctx context.Context) error {
	fmt.Fprintln(d.Out, "Starting PostgreSQL, a simulated Alipay and the API ...")
	err := d.start(ctx)
	switch {
	case err == nil:
		d.show()
		err = d.app.Serve(ctx, serve.Listeners{Public: d.public, Website: d.website, Mobile: d.mobile})
	case ctx.Err() != nil:
		err = nil // the interruption made the start fail
	}
	if ctx.Err() != nil {
		d.Say("\nStopping ...")
	}
	if err = errors.Join(err, d.stop()); err == nil {
		d.Say(d.exitMessage())
	}
	return err
}

// start starts the parts in order, because each needs the previous ones. It stops at the
// first error; stop then ends those that were started.
func (d *demo) start(ctx context.Context) error {
	for _, part := range []func(context.Context) error{
		d.checkFlags, d.listen, d.openDataDir, d.choosePolicy, d.startPostgres, d.startSimulator, d.startSMS, d.startIssuer, d.assemble, d.switchOn, d.load,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// addCleanup adds a function that runs when the demo ends, in reverse order.
func (d *demo) addCleanup(stop func() error) { d.cleanups = append(d.cleanups, stop) }

// stop runs the cleanups in reverse order and joins their errors.
func (d *demo) stop() error {
	var all []error
	for _, stop := range slices.Backward(d.cleanups) {
		all = append(all, stop())
	}
	d.cleanups = nil
	return errors.Join(all...)
}

// checkFlags validates the flags as serve does, before anything starts.
func (d *demo) checkFlags(context.Context) error {
	if !slices.Contains(passwd.Builtins(), d.policy) {
		return fmt.Errorf("--policy %s is not built in; these are: %s", d.policy, strings.Join(passwd.Builtins(), ", "))
	}
	if err := d.linkTransfer.UnmarshalText([]byte(d.transferAfter)); err != nil {
		return errors.New("--link-transfer: is neither off nor a duration from 0s to 720h, such as 1m")
	}
	s := settings.Settings{Proof: d.proof, InitialProof: d.initialProof, Consent: d.consent, ContentKeyFile: contentKeyFile, SMSGatewayFile: smsGatewayFile}
	if problems := s.ValidateProofs(); len(problems) > 0 {
		return settings.Join(problems)
	}
	return nil
}

// listen runs early, because a port in use is the most common failure.
func (d *demo) listen(context.Context) error {
	switch {
	case d.fresh && d.data == "":
		return errors.New("--fresh needs --data: without it every demo is fresh")
	case !settings.IsAddress(d.addr):
		return fmt.Errorf("--addr %s is not host:port", d.addr)
	case !settings.IsLoopback(d.addr):
		return fmt.Errorf("--addr %s is not a loopback address: the demo shows its passwords to everybody; use 127.0.0.1", d.addr)
	}
	l, err := net.Listen("tcp", d.addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("--addr %s is in use, perhaps by another demo; choose another port, or --addr 127.0.0.1:0 for a free one", d.addr)
	}
	if err != nil {
		return fmt.Errorf("--addr %s: %w", d.addr, err)
	}
	d.public = l
	d.addCleanup(func() error { return ignoreClosed(l.Close()) })
	return errors.Join(d.listenBeside(1, &d.website), d.listenBeside(2, &d.mobile))
}

// ignoreClosed returns nil for the error of closing a listener that its server has
// closed.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// openDataDir opens the data directory and the log, and creates missing keys.
func (d *demo) openDataDir(context.Context) (err error) {
	if d.dataDir, err = openDataDir(d.data, d.fresh); err != nil {
		return err
	}
	d.addCleanup(d.dataDir.close)
	if d.logFile == "" {
		d.logFile = d.dataDir.path("fundpass.log")
	}
	if d.log, err = os.OpenFile(d.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return fmt.Errorf("--log: %w", err)
	}
	d.addCleanup(d.log.Close)
	return d.dataDir.makeKeys()
}

// choosePolicy stores the policy in the data directory. A directory keeps its first one, because
// the initial passwords in its database follow from it.
func (d *demo) choosePolicy(context.Context) error {
	file, err := passwd.BuiltinFile(d.policy)
	if err != nil {
		return err
	}
	path := d.dataDir.path(policyFile)
	kept, err := os.ReadFile(path)
	switch {
	case err == nil && !bytes.Equal(kept, file):
		return fmt.Errorf("%s has another policy; add --fresh, or take another directory", d.dataDir.dir)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return err
	}
	policy, err := passwd.Builtin(d.policy)
	if err != nil {
		return err
	}
	d.people = storiesUnder(policy)
	return os.WriteFile(path, file, 0o600)
}

// startPostgres starts a private PostgreSQL in the data directory and migrates its
// database.
func (d *demo) startPostgres(ctx context.Context) (err error) {
	d.postgres, err = localpg.Start(ctx, localpg.Options{
		Dir: d.dataDir.path("postgres"), Own: true, Throwaway: d.dataDir.temporary, Log: d.log,
	})
	if err != nil {
		return err
	}
	d.addCleanup(func() error {
		err := d.postgres.Close()
		if d.dataDir.temporary { // the directory is not used again
			err = errors.Join(err, os.RemoveAll(d.postgres.Sockets()))
		}
		return err
	})
	_, err = store.Migrate(ctx, store.MigrateConfig{DSN: d.postgres.DSN("")})
	return err
}

// startSimulator serves Alipay at an address of its own, as in production.
func (d *demo) startSimulator(context.Context) error {
	app, err := d.dataDir.privateKey(appKeyFile)
	if err != nil {
		return err
	}
	alipay, err := d.dataDir.privateKey(alipayKeyFile)
	if err != nil {
		return err
	}
	content, err := settings.LoadContentKey(d.dataDir.path(contentKeyFile))
	if err != nil {
		return err
	}
	d.sim, err = alipaysim.New(alipaysim.Config{
		AppID: demoAppID, AppKey: &app.PublicKey, Key: alipay, ContentKey: content, Target: d.url(), SpareMessages: true,
	})
	if err != nil {
		return err
	}
	for _, s := range d.people {
		d.sim.Add(s.person())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.simURL = "http://" + l.Addr().String() + "/gateway.do"
	server := httpapi.HTTPServer(d.sim, terminal.NewLog(d.log, "demo"))
	go server.Serve(l) // ends with Close
	d.addCleanup(server.Close)
	return nil
}

// url returns the base URL of the API.
func (d *demo) url() string { return "http://" + d.public.Addr().String() }

// assemble builds the server as serve does, and adds the simulator's /sim/ paths, the
// API's documentation and the phone page.
func (d *demo) assemble(ctx context.Context) (err error) {
	s := settings.Settings{
		Addr: d.public.Addr().String(), Environment: "demo", Center: settings.DemoCenter, DatabaseURL: d.postgres.DSN(""),
		AppID: demoAppID, AppKeyFile: d.dataDir.path(appKeyFile), AlipayKeyFiles: settings.FileList{d.dataDir.path(alipayPublicFile)},
		GatewayURL: d.simURL, Proof: d.proof, InitialProof: d.initialProof, Consent: d.consent,
		LinkTransfer:  d.linkTransfer,
		ColumnKeyFile: d.dataDir.path(columnKeyFile), PepperFile: d.dataDir.path(pepperFile), ContentKeyFile: d.dataDir.path(contentKeyFile),
		TransportKeyFiles: settings.FileList{d.dataDir.path(transportKeyFile)}, PlainPasswords: "yes",
		SMSGatewayFile: d.dataDir.path(smsGatewayFile), SMSKeyFile: d.dataDir.path(smsKeyFile),
		MessageTemplate: "demo-notice", MessagePage: settings.FieldOf("MessagePage").Default,
		PerAddress: demoPerAddress, PerUser: demoPerUser,
		AuditYears: 1, WebsiteAddr: d.website.Addr().String(), WebsiteOrigin: d.websiteURL(), OIDCFile: d.dataDir.path(issuerFile),
		MobileAddr: d.mobile.Addr().String(), MobileURL: d.mobileURL(), PolicyFile: d.dataDir.path(policyFile),
	}
	if d.app, err = serve.Assemble(ctx, s, terminal.NewLog(d.log, s.Environment)); err != nil {
		return err
	}
	d.addCleanup(d.app.Close)
	api := d.app.Handler
	d.app.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, smssim.InboxPath) {
			d.sms.ServeHTTP(w, r)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/sim/") {
			d.sim.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
	if d.app.Handler, err = apidocs.Handler(d.app.Handler); err != nil {
		return err
	}
	return d.addPage()
}

// addPage adds the page with the phone, and what it asks of the demo.
func (d *demo) addPage() error {
	known, err := openPasswords(d.dataDir, d.people)
	if err != nil {
		return err
	}
	c := &counter{app: d.app, sim: d.sim, people: d.people, passwords: known}
	d.app.Handler = miniprogram.Phone(c.handler(known.watch(d.app.Handler)))
	return nil
}

func (d *demo) load(ctx context.Context) error { return loadPeople(ctx, d.app, d.people) }
