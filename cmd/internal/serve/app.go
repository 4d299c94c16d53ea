package serve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/trace"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/telemetry"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/miniapp-api/website"
	"fundpass/miniapp-api/website/oidc"
	"fundpass/signing"
	"fundpass/store"
)

// An App is an assembled server. Package demo runs one, too.
type App struct {
	log     *slog.Logger
	DB      *store.DB
	gateway *signing.Gateway
	Policy  *passwd.Policy
	Hasher  *passwd.Hasher
	mailer  *mailer    // nil if notices are not sent
	sms     *smsMailer // nil: no SMS is sent

	provider *alipay.Provider
	service  *selfservice.Service
	server   *httpapi.Server
	website  *website.Site // nil: the centre has no pages
	mobile   *mobile       // nil: the centre has no app

	transport *keys.Transport // loaded at the start; reload replaces the server's
	documents *document.List
	tracer    trace.Tracer // nil: nothing is traced
	label     string       // of the metrics; "" in a process of one centre

	// Handler serves the public address. The demo wraps it.
	Handler  http.Handler
	Settings settings.Settings
	pause    func(time.Duration) // waits before a stopping server refuses connections
}

// Assemble reads the files, opens the database and builds the server. The settings must
// be complete. It returns the problems of the files or an error of store.Open, of which
// only store.ErrUnavailable is temporary.
func Assemble(ctx context.Context, s settings.Settings, log *slog.Logger) (*App, error) {
	return assemble(ctx, s, log, commons{})
}

// commons are what the centres of a process share. The zero value is of a process with one
// centre, which shares nothing.
type commons struct {
	database *store.Server // nil: the centre opens the database for itself
	pool     *passwd.Pool  // of hashing places; nil: the centre has its own
	tracer   trace.Tracer  // nil: nothing is traced
}

// assembleAlone is Assemble with an export of traces and metrics, or nil.
func assembleAlone(ctx context.Context, s settings.Settings, log *slog.Logger, export *telemetry.Export) (*App, error) {
	a, err := assemble(ctx, s, log, commons{tracer: export.Tracer()})
	if err != nil {
		return nil, err
	}
	if err := export.Metrics(ctx, a.server.Metrics()); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// assemble is Assemble with what the process shares.
func assemble(ctx context.Context, s settings.Settings, log *slog.Logger, common commons) (*App, error) {
	f, problems := s.Load()
	if len(problems) > 0 {
		return nil, settings.Join(problems)
	}
	if f.Keyring == nil || f.Cipher == nil || f.Pepper == nil {
		return nil, errors.New("fundpass: settings are not complete")
	}
	gateway, err := signing.NewGateway(f.Keyring, s.GatewayURL, signing.Options{})
	if err != nil {
		return nil, settings.Problem{Setting: "FUNDPASS_GATEWAY_URL", Err: err}
	}
	db, err := openCenter(ctx, s, f, log, common.database)
	if err != nil {
		return nil, err
	}
	a := &App{log: log, DB: db, gateway: gateway, Policy: f.Policy, Settings: s, Hasher: newHasher(s, f, common.pool), transport: f.Transport, documents: f.Documents, tracer: common.tracer, pause: time.Sleep}
	if common.database != nil {
		a.label = s.Center
	}
	if err := a.addServer(f); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.updateRefusalFloor(ctx)
	for _, p := range s.Unsafe() {
		log.Warn("setting is allowed but unsafe", "setting", p.Setting, "err", p.Err)
	}
	a.warnSandbox()
	a.warnKeypads(ctx)
	return a, nil
}

// openCenter opens the centre on the database of the process, or a database of its own.
func openCenter(ctx context.Context, s settings.Settings, f settings.Files, log *slog.Logger, shared *store.Server) (*store.DB, error) {
	if shared == nil {
		return s.OpenStore(ctx, store.Config{ColumnCipher: f.Cipher, Pepper: f.Pepper, Log: log})
	}
	return s.OpenCenter(ctx, shared, store.CenterConfig{ColumnCipher: f.Cipher, Pepper: f.Pepper, Log: log, TagTokens: true})
}

func newHasher(s settings.Settings, f settings.Files, shared *passwd.Pool) *passwd.Hasher {
	if shared == nil {
		return settings.NewHasher(f)
	}
	return s.NewTenant(f, shared)
}

// addServer connects the rules, the Alipay channel and the HTTP server.
func (a *App) addServer(f settings.Files) error {
	s := a.Settings
	a.provider = alipay.NewProvider(a.gateway, f.Content)
	var err error
	a.service, err = selfservice.New(selfservice.Config{
		DB: a.DB, Policy: a.Policy, Hasher: a.Hasher, Provider: a.provider, Log: a.log,
		Proof: selfservice.Proof(s.Proof), InitialProof: selfservice.Proof(s.InitialProof),
		Reset: selfservice.ResetProof(s.Reset), Transfer: selfservice.TransferPolicy(s.LinkTransfer),
		Consent: selfservice.ConsentMode(s.Consent), ConsentTexts: f.Consents,
		MessageTemplate: s.MessageTemplate, SMS: f.SMS != nil, Documents: a.documents,
	})
	if err != nil {
		return err
	}
	program := alipay.NewMiniProgram(a.DB, a.service, a.provider, a.log)
	if s.LogRefusedMessage == "sealed" {
		program.LogRefusedMessage(f.Cipher.SealMessage)
	}
	server, err := httpapi.New(httpapi.Config{
		DB: a.DB, Service: a.service, Hasher: a.Hasher, Log: a.log, Center: a.label, Proxies: []*net.IPNet(s.TrustedProxies),
		Channel: selfservice.ChannelAlipay, Words: alipay.Words, Routes: program.Routes, Collectors: program.Collectors(), Tracer: a.tracer,
		PerAddress: httpapi.Rate(s.PerAddress), PerUser: httpapi.Rate(s.PerUser),
		Transport: a.transport, SealedOnly: s.PlainPasswords == "no",
	})
	if err != nil {
		return err
	}
	build := terminal.ReadBuild()
	if a.label == "" {
		server.ReportBuild(build.Version, build.Revision, build.Go)
	}
	server.ReportCertificates(a.certificateEnds)
	if a.mailer = newMailer(a); a.mailer != nil {
		server.ReportNotices(a.mailer.report)
	}
	a.server, a.Handler = server, server.Handler()
	a.addSMS(f.SMS)
	return errors.Join(a.addWebsite(f.Issuer), a.addMobile())
}

// addWebsite adds the pages in a browser if they have an origin, with the sign-in at an issuer
// unless it is nil.
func (a *App) addWebsite(issuer *oidc.Settings) error {
	s := a.Settings
	if s.WebsiteOrigin == "" {
		return nil
	}
	server, err := httpapi.New(httpapi.Config{
		DB: a.DB, Service: a.service, Hasher: a.Hasher, Log: a.log, Center: a.label, Proxies: []*net.IPNet(s.TrustedProxies),
		Channel: selfservice.ChannelWebsite, Words: website.Words, Tracer: a.tracer, Businesses: website.Businesses, Beside: a.server,
		PerAddress: httpapi.Rate(s.PerAddress), PerUser: httpapi.Rate(s.PerUser),
	})
	if err != nil {
		return err
	}
	a.website, err = website.New(website.Config{DB: a.DB, Service: a.service, Server: server, Origin: s.WebsiteOrigin, Issuer: issuer, Documents: a.documents})
	return err
}

// Close closes the hasher and the database. Call it after Serve has returned.
func (a *App) Close() error {
	a.Hasher.Close()
	return a.DB.Close()
}
