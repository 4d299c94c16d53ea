package app

import (
	"bytes"
	"context"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
)

// A deviceView is a device as its owner sees it.
type deviceView struct {
	ID        uuid.UUID `json:"id"`
	Name      string    `json:"name"`
	Platform  string    `json:"platform"` // "" if the app does not say
	CreatedAt time.Time `json:"created_at"`
	UsedAt    time.Time `json:"used_at"` // last sign-in
	IsThis    bool      `json:"is_this"` // whether the request comes from it
}

type devicesReply struct {
	Devices []deviceView `json:"devices"`
}

// showDevices returns the devices with which the person has signed in, the last used first.
func (h handlers) showDevices(ctx context.Context, r httpapi.Request, _ struct{}) (devicesReply, error) {
	devices, err := h.app.service.Devices(ctx, r.Caller)
	reply := devicesReply{Devices: []deviceView{}}
	for _, d := range devices {
		reply.Devices = append(reply.Devices, deviceView{d.ID, d.Name, d.Platform, d.CreatedAt, d.UsedAt, bytes.Equal(d.Thumbprint, r.Device)})
	}
	return reply, err
}

type endDeviceReply struct {
	SessionsEnded int `json:"sessions_ended"`
}

// endDevice requires no password: whoever finds a stranger's device in the list must be quick.
func (h handlers) endDevice(ctx context.Context, r httpapi.Request, _ struct{}) (endDeviceReply, error) {
	if r.ID == uuid.Nil {
		return endDeviceReply{}, selfservice.ErrDeviceGone
	}
	ended, err := h.app.service.EndDevice(ctx, r.Caller, r.ID)
	return endDeviceReply{ended}, err
}
