package selfservice

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"fundpass/store"
)

// ErrDeviceGone is the error of a device that the person does not have or has ended.
var ErrDeviceGone = &Error{Code: "NO_SUCH_DEVICE"}

// A Device is a device with which a person signs in: the thumbprint of its key, which the
// channel has verified, and what it says of itself.
type Device struct {
	Thumbprint []byte `json:"t"`
	Name       string `json:"n"`
	Platform   string `json:"p,omitempty"`
}

// maxDeviceName is the longest name of a device or platform, in characters.
const maxDeviceName = 40

// check returns what is wrong with the form of the device, which may be nil.
func (d *Device) check() (wrong []FieldError) {
	if d == nil {
		return nil
	}
	for _, f := range []struct{ field, text string }{{"device_name", d.Name}, {"platform", d.Platform}} {
		if utf8.RuneCountInString(f.text) > maxDeviceName {
			wrong = append(wrong, FieldError{Field: f.field, Code: "TOO_LONG"})
		}
	}
	return wrong
}

// signIn returns the device for a sign-in, which may add it only with a code; nil for nil.
func (d *Device) signIn(add bool) *store.SignInDevice {
	if d == nil {
		return nil
	}
	name := cmp.Or(strings.TrimSpace(d.Name), "未命名的设备")
	return &store.SignInDevice{Thumbprint: d.Thumbprint, Label: store.DeviceLabel{Name: name, Platform: strings.TrimSpace(d.Platform)}, Add: add}
}

func (d *Device) thumbprint() []byte {
	if d == nil {
		return nil
	}
	return d.Thumbprint
}

// Devices returns the devices with which the linked person can sign in, the last used first.
func (s *Service) Devices(ctx context.Context, c Caller) ([]store.Device, error) {
	if c.Link == nil {
		return nil, ErrNotLinked
	}
	return s.db.Devices(ctx, c.Session)
}

// EndDevice ends a device of the linked person with its sessions, and returns how many of them
// there were. It may be the device of the caller, who is then signed out. It returns
// ErrDeviceGone.
func (s *Service) EndDevice(ctx context.Context, c Caller, id uuid.UUID) (ended int, err error) {
	if c.Link == nil {
		return 0, ErrNotLinked
	}
	ended, err = s.db.EndDevice(ctx, c.Session, id)
	if errors.Is(err, store.ErrNotFound) {
		err = ErrDeviceGone
	}
	return ended, err
}
