package selfservice

import (
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
	Thumbprint     []byte
	Name, Platform string
}

// maxDeviceName is the longest name of a device or platform, in characters.
const maxDeviceName = 40

// label returns what is kept of the device, or ErrBadRequest.
func (d Device) label() (store.DeviceLabel, error) {
	l := store.DeviceLabel{Name: strings.TrimSpace(d.Name), Platform: strings.TrimSpace(d.Platform)}
	var wrong []FieldError
	for field, text := range map[string]string{"device_name": l.Name, "platform": l.Platform} {
		if utf8.RuneCountInString(text) > maxDeviceName {
			wrong = append(wrong, FieldError{Field: field, Code: "TOO_LONG"})
		}
	}
	if l.Name == "" {
		l.Name = "未命名的设备"
	}
	if len(wrong) > 0 {
		return l, ErrBadRequest.WithFields(wrong...)
	}
	return l, nil
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
