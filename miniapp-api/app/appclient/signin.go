package appclient

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// A SignIn is the form of a sign-in: the document or the account, and the password.
type SignIn struct {
	Document string `json:"document,omitempty"`
	IDType   string `json:"id_type,omitempty"`
	Account  string `json:"account_no,omitempty"`
	Password string `json:"password"`
	Name     string `json:"device_name,omitempty"`
	Platform string `json:"platform,omitempty"`
}

// A Code is a code that was sent to the phone on file.
type Code struct {
	Ticket    string    `json:"ticket"`
	Phone     string    `json:"phone"` // masked
	ExpiresAt time.Time `json:"expires_at"`
}

type session struct {
	Token string `json:"token"`
	Code  *Code  `json:"sms_code"`
}

// SignIn signs in. It returns the code to ask for if one was sent, and nil if the device is
// signed in.
func (d *Device) SignIn(ctx context.Context, form SignIn) (*Code, error) {
	d.keep("")
	var s session
	if err := d.Call(ctx, http.MethodPost, "/v1/sessions", form, &s); err != nil || s.Code != nil {
		return s.Code, err
	}
	d.keep(s.Token)
	return nil, nil
}

// GiveCode completes a sign-in with the code that the citizen has read.
func (d *Device) GiveCode(ctx context.Context, sent Code, code string) error {
	var s session
	err := d.Call(ctx, http.MethodPost, "/v1/sessions/code", map[string]string{"ticket": sent.Ticket, "code": code}, &s)
	if err == nil {
		d.keep(s.Token)
	}
	return err
}

// A Forgotten names a person who has forgotten the password.
type Forgotten struct {
	Person   string `json:"name"`
	Document string `json:"document"`
	IDType   string `json:"id_type,omitempty"`
	Account  string `json:"account_no,omitempty"`
	Name     string `json:"device_name,omitempty"`
	Platform string `json:"platform,omitempty"`
}

// Forgot requests a code to the phone on file. The reply does not say whether one was sent.
func (d *Device) Forgot(ctx context.Context, form Forgotten) (Code, error) {
	d.keep("")
	var sent Code
	err := d.Call(ctx, http.MethodPost, "/v1/sessions/forgotten", form, &sent)
	return sent, err
}

// ProveForgotten signs in with the code that the citizen has read, and returns the id of the
// reset for SetPassword.
func (d *Device) ProveForgotten(ctx context.Context, sent Code, code string) (reset string, err error) {
	var s struct {
		session
		Reset struct{ ID string }
	}
	err = d.Call(ctx, http.MethodPost, "/v1/sessions/forgotten/code", map[string]string{"ticket": sent.Ticket, "code": code}, &s)
	if err == nil {
		d.keep(s.Token)
	}
	return s.Reset.ID, err
}

// SetPassword completes a reset and returns how many other sessions that ended.
func (d *Device) SetPassword(ctx context.Context, reset, password string) (int, error) {
	return d.confirm(ctx, "/v1/password/resets/"+url.PathEscape(reset), password)
}

func (d *Device) confirm(ctx context.Context, path, password string) (int, error) {
	var done struct {
		Ended int `json:"sessions_ended"`
	}
	err := d.Call(ctx, http.MethodPost, path+"/confirm", map[string]string{"new_password": password, "new_password_again": password}, &done)
	return done.Ended, err
}

// SignOut ends the session.
func (d *Device) SignOut(ctx context.Context) error {
	err := d.Call(ctx, http.MethodPost, "/v1/sessions/end", struct{}{}, nil)
	if err == nil {
		d.keep("")
	}
	return err
}

func (d *Device) keep(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.token = token
}

// A Listed is a device with which the person has signed in.
type Listed struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Platform string    `json:"platform"`
	UsedAt   time.Time `json:"used_at"`
	IsThis   bool      `json:"is_this"`
}

// Devices lists the person's devices.
func (d *Device) Devices(ctx context.Context) ([]Listed, error) {
	var reply struct{ Devices []Listed }
	err := d.Call(ctx, http.MethodGet, "/v1/devices", nil, &reply)
	return reply.Devices, err
}

// EndDevice ends a device, perhaps this one, and returns how many sessions that ended.
func (d *Device) EndDevice(ctx context.Context, id string) (int, error) {
	var reply struct {
		Ended int `json:"sessions_ended"`
	}
	err := d.Call(ctx, http.MethodPost, "/v1/devices/"+url.PathEscape(id)+"/end", struct{}{}, &reply)
	return reply.Ended, err
}

// ChangePassword changes the password and returns how many other sessions that ended.
func (d *Device) ChangePassword(ctx context.Context, document, old, password string) (int, error) {
	var change struct{ ID string }
	err := d.Call(ctx, http.MethodPost, "/v1/password/changes", map[string]string{"id_number": document, "old_password": old}, &change)
	if err != nil {
		return 0, err
	}
	return d.confirm(ctx, "/v1/password/changes/"+change.ID, password)
}
