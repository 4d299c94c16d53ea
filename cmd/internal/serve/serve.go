package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/telemetry"
	"fundpass/cmd/internal/terminal"
	"fundpass/store"
)

// How long serve waits at the start for an unavailable database, and how often it tries.
const (
	databaseWait = 30 * time.Second
	databaseStep = time.Second
)

const serveHelp = `Serve serves the mini-program until it gets SIGTERM or SIGINT, and then finishes the
active requests. SIGHUP reloads the keys of the application, of Alipay, of the
transport and of the content; the other files are read at the start only. With
FUNDPASS_CENTERS_FILE it also adds, removes and changes centres. Settings
are environment variables, or lines of the file that --env-file names; the
environment wins:

%s`

func serveCommand(w terminal.Stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the API in production",
		Long:  fmt.Sprintf(serveHelp, settingsHelp(terminal.English)),
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), w) },
	}
	cmd.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		l := w.For(cmd).Language
		cmd.Long = l.T(serveHelp, settingsHelp(l))
		cmd.Root().HelpFunc()(cmd, args)
	})
	return cmd
}

// settingsHelp returns the list of settings in the help of serve.
func settingsHelp(l terminal.Language) string {
	var b strings.Builder
	for _, f := range settings.Fields() {
		state := ""
		if f.Needed {
			state = " (" + l.T("required") + ")"
		}
		if f.Default != "" {
			state = " (" + f.Default + ")"
		}
		fmt.Fprintf(&b, "  %s%s\n      %s\n", f.Name, state, f.Wanted().In(l))
	}
	return b.String()
}

// gcPercent is half of Go's default, because the heap includes the memory of hashing,
// which would double the garbage allowed beside it.
const gcPercent = 50

// serve runs the production server. It reports all wrong settings before it listens, and
// listens before it is ready.
func serve(ctx context.Context, w terminal.Stdio) error {
	s, centers, err := readAll(w)
	if err != nil {
		return fmt.Errorf("invalid settings:\n%w", err)
	}
	if w.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	log := terminal.NewLog(w.Err, s.Environment)
	export, err := telemetry.New(ctx, w.Getenv, log)
	if err != nil {
		return fmt.Errorf("invalid settings:\n%w", err)
	}
	defer export.Close()
	on, err := listen(s)
	if err != nil {
		return err
	}
	defer on.close()
	a, err := start(ctx, log, func() (server, error) {
		if centers != nil {
			return startProcess(ctx, w, centers, log, export)
		}
		return startOne(ctx, s, log, export)
	})
	if ctx.Err() != nil {
		return nil // stopped before it was ready
	}
	if err != nil {
		return err
	}
	stop := onHangup(w.Notify, a.reload)
	err = a.Serve(ctx, on)
	stop()
	return errors.Join(err, a.Close())
}

// readAll reads the settings of the one centre, or those of the process and of its centres.
func readAll(w terminal.Stdio) (settings.Settings, []*settings.Center, error) {
	if !settings.HasCenters(w.Getenv) {
		s, err := settings.Read(w.Getenv, settings.Misspelt(w)...)
		return s, nil, err
	}
	c, wrong := settings.ReadCenters(w)
	return c.Process, c.All, errors.Join(wrong...)
}

// A server serves one centre or several.
type server interface {
	Serve(ctx context.Context, on Listeners) error
	Close() error
	reload()
}

// listen opens all addresses, so that a port in use is reported before anything else starts.
func listen(s settings.Settings) (on Listeners, err error) {
	for _, l := range []struct {
		setting, addr string
		into          *net.Listener
	}{{"FUNDPASS_ADDR", s.Addr, &on.Public}, {"FUNDPASS_OPS_ADDR", s.OpsAddr, &on.Ops}, {"FUNDPASS_WEBSITE_ADDR", s.WebsiteAddr, &on.Website}, {"FUNDPASS_MOBILE_ADDR", s.MobileAddr, &on.Mobile}} {
		if l.addr == "" {
			continue
		}
		if *l.into, err = net.Listen("tcp", l.addr); err != nil {
			*l.into = nil
			on.close()
			return Listeners{}, settings.Problem{Setting: l.setting, Err: err}
		}
	}
	return on, nil
}

// close closes the listeners.
func (on Listeners) close() {
	for _, l := range []net.Listener{on.Public, on.Ops, on.Website, on.Mobile} {
		if l != nil {
			l.Close()
		}
	}
}

// start calls once until it has assembled a server. It waits for an unavailable database, but not
// for a wrong one.
func start(ctx context.Context, log *slog.Logger, once func() (server, error)) (server, error) {
	for end := time.Now().Add(databaseWait); ; {
		a, err := once()
		if err == nil || !errors.Is(err, store.ErrUnavailable) || time.Now().After(end) {
			return a, err
		}
		log.Warn("waiting for the database", "err", err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(databaseStep):
		}
	}
}

// startOne assembles the server of one centre, unless the database is the demo's.
func startOne(ctx context.Context, s settings.Settings, log *slog.Logger, export *telemetry.Export) (server, error) {
	if err := refuseDemo(ctx, s); err != nil {
		return nil, err
	}
	return assembleAlone(ctx, s, log, export)
}

func refuseDemo(ctx context.Context, s settings.Settings) error {
	if err := settings.RefuseDemo(ctx, s.DatabaseURL); err != nil {
		return settings.Problem{Setting: "FUNDPASS_DATABASE_URL", Err: err}
	}
	return nil
}
