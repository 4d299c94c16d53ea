package serve

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"fundpass/cmd/internal/settings"
	"fundpass/keys"
)

// onHangup calls reload at every SIGHUP until the returned function is called, which waits for a
// call that is running.
func onHangup(notify func(chan<- os.Signal, ...os.Signal), reload func()) (stop func()) {
	hangup, done := make(chan os.Signal, 1), make(chan struct{})
	notify(hangup, syscall.SIGHUP)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-hangup:
				reload()
			}
		}
	})
	return func() { signal.Stop(hangup); close(done); running.Wait() }
}

// warnSandbox logs the keys that are trusted only because of FUNDPASS_SANDBOX_ROOT_FILE.
func (a *App) warnSandbox() {
	for _, key := range a.gateway.Keyring().AlipayKeys() {
		if key.Sandbox {
			a.log.Warn("key is trusted under the sandbox's root only", "setting", "FUNDPASS_SANDBOX_ROOT_FILE", "file", key.Source)
		}
	}
}

// reloadable are the keys that a running server replaces.
type reloadable struct {
	keyring   *keys.AlipayKeyring
	transport *keys.Transport
	content   []byte
}

// loadKeys reads the files of the keyring, the transport keys and the content key again.
func (a *App) loadKeys() (k reloadable, problems []settings.Problem) {
	s := a.Settings
	var err error
	k.keyring, problems = s.LoadKeyring()
	problems = append(problems, s.CheckModes()...)
	if k.transport, err = s.LoadTransport(k.keyring); err != nil {
		problems = append(problems, settings.Problem{Setting: "FUNDPASS_TRANSPORT_KEY_FILES", Err: err})
	}
	if k.content, err = settings.LoadContentKey(s.ContentKeyFile); err != nil {
		problems = append(problems, settings.Problem{Setting: "FUNDPASS_CONTENT_KEY_FILE", Err: err})
	}
	return k, problems
}

// useKeys replaces the keys, or none if it returns an error.
func (a *App) useKeys(k reloadable) error {
	if err := a.gateway.Replace(k.keyring); err != nil {
		return err
	}
	a.server.ReplaceTransport(k.transport)
	if a.mobile != nil {
		a.mobile.server.ReplaceTransport(k.transport)
	}
	a.provider.ReplaceContentKey(k.content)
	a.log.Info("keys reloaded", "alipay_keys", len(k.keyring.AlipayKeys()))
	a.warnExpiring(time.Now())
	a.warnSandbox()
	return nil
}

// reload replaces the keys by those of the files. If there is any problem, the old keys remain.
func (a *App) reload() {
	k, problems := a.loadKeys()
	if len(problems) == 0 {
		if err := a.useKeys(k); err != nil {
			problems = []settings.Problem{{Setting: "", Err: err}}
		}
	}
	for _, p := range problems {
		a.log.Error("keys not reloaded, the old ones remain", "setting", p.Setting, "err", p.Err)
	}
}
