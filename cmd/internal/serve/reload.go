package serve

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"fundpass/cmd/internal/settings"
)

// reloadOnHangup calls reload at every SIGHUP until the returned function is called.
func (a *App) reloadOnHangup(notify func(chan<- os.Signal, ...os.Signal)) (stop func()) {
	hangup, done := make(chan os.Signal, 1), make(chan struct{})
	notify(hangup, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-hangup:
				a.reload()
			}
		}
	}()
	return func() { signal.Stop(hangup); close(done) }
}

// warnSandbox logs the keys that are trusted only because of FUNDPASS_SANDBOX_ROOT_FILE.
func (a *App) warnSandbox() {
	for _, key := range a.gateway.Keyring().AlipayKeys() {
		if key.Sandbox {
			a.log.Warn("key is trusted under the sandbox's root only", "setting", "FUNDPASS_SANDBOX_ROOT_FILE", "file", key.Source)
		}
	}
}

// reload reads the files of the keyring, the transport keys and the content key again. If
// there is any problem, the old keys remain.
func (a *App) reload() {
	s := a.Settings
	keyring, problems := s.LoadKeyring()
	problems = append(problems, s.CheckModes()...)
	transport, err := s.LoadTransport(keyring)
	if err != nil {
		problems = append(problems, settings.Problem{Setting: "FUNDPASS_TRANSPORT_KEY_FILES", Err: err})
	}
	contentKey, err := settings.LoadContentKey(s.ContentKeyFile)
	if err != nil {
		problems = append(problems, settings.Problem{Setting: "FUNDPASS_CONTENT_KEY_FILE", Err: err})
	}
	if len(problems) == 0 {
		if err := a.gateway.Replace(keyring); err != nil {
			problems = append(problems, settings.Problem{Setting: "", Err: err})
		}
	}
	for _, p := range problems {
		a.log.Error("keys not reloaded, the old ones remain", "setting", p.Setting, "err", p.Err)
	}
	if len(problems) == 0 {
		a.server.ReplaceTransport(transport)
		if a.mobile != nil {
			a.mobile.server.ReplaceTransport(transport)
		}
		a.provider.ReplaceContentKey(contentKey)
		a.log.Info("keys reloaded", "alipay_keys", len(keyring.AlipayKeys()))
		a.warnExpiring(time.Now())
		a.warnSandbox()
	}
}
