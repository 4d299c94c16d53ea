package appcmd

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"fundpass/miniapp-api/app/appclient"
)

// A deviceFile is the content of a device's file. On a phone the key is in the system's key
// store, and the token in memory only.
type deviceFile struct {
	Base  string `json:"base"`
	Key   []byte `json:"key"` // PKCS#8
	Token string `json:"token,omitempty"`
}

// load reads the device of the file.
func (p *phone) load() error {
	raw, err := os.ReadFile(p.file)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("--device %s does not exist: run app-client sign-in first", p.file)
	} else if err != nil {
		return err
	}
	var f deviceFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return fmt.Errorf("--device %s is not the file of a device", p.file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(f.Key)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		return fmt.Errorf("--device %s is not the file of a device", p.file)
	}
	if p.device, err = appclient.Resume(f.Base, key, f.Token); err == nil {
		p.device.HTTP = &http.Client{Timeout: callTime}
	}
	return err
}

// loadOrCreate reads the device of the file, or makes a new one.
func (p *phone) loadOrCreate() error {
	if _, err := os.Stat(p.file); err == nil {
		return p.load()
	}
	if u, err := url.Parse(p.base); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("--base %s is not a URL such as http://127.0.0.1:8082", p.base)
	}
	var err error
	if p.device, err = appclient.New(strings.TrimRight(p.base, "/")); err == nil {
		p.device.HTTP = &http.Client{Timeout: callTime}
	}
	return err
}

// save writes the device to its file, complete or not at all.
func (p *phone) save() error {
	key, err := x509.MarshalPKCS8PrivateKey(p.device.Key())
	if err != nil {
		return err
	}
	raw, err := json.Marshal(deviceFile{p.device.Base, key, p.device.Token()})
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(p.file), ".device-*") // of mode 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(raw)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), p.file)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(temporary.Name()))
	}
	return err
}
