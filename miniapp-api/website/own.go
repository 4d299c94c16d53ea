package website

import (
	"context"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

func (s *Site) showFreeze(context.Context, *request) (reply, error) { return show("freeze", nil) }

// freeze ends the caller's session, too: whoever made the freeze necessary may share it.
func (s *Site) freeze(ctx context.Context, r *request) (reply, error) {
	return reply{to: pathSignIn + "?why=" + whyFrozen, endsSession: true}, s.service.Freeze(ctx, r.Caller)
}

// An eventView is an entry of 办理记录.
type eventView struct {
	At            time.Time
	Text, Channel string
}

func (s *Site) viewsOfEvents(events []store.Event) []eventView {
	var views []eventView
	for _, e := range events {
		views = append(views, eventView{e.At, s.server.EventText(e), channelName(e.Channel)})
	}
	return views
}

func (s *Site) showRecord(ctx context.Context, r *request) (reply, error) {
	events, err := s.service.Events(ctx, r.Caller)
	if err != nil {
		return reply{}, err
	}
	return show("record", s.viewsOfEvents(events))
}

// A dataView is the data kept about a citizen (PIPL article 45), masked as everywhere else.
type dataView struct {
	Name, Document, DocumentNo, AccountNo, EmployerNo, Phone, Status string
	UpdatedAt                                                        time.Time
	State                                                            string
	ChangedAt                                                        *time.Time
	Earlier                                                          int
	LinkedAt, AuthorisedAt                                           time.Time
	Sessions                                                         []store.SessionData
	Devices                                                          []store.DeviceData
	Steps                                                            []stepData
	Events                                                           []eventView
}

// A stepData is a change or reset.
type stepData struct {
	What, Channel, State string
	OpenedAt             time.Time
}

// shownEvents is how many events the page of one's data shows.
const shownEvents = 100

func (s *Site) showData(ctx context.Context, r *request) (reply, error) {
	d, err := s.service.OwnData(ctx, r.Caller)
	if err != nil {
		return reply{}, err
	}
	a, l, p := d.Accounts[0], d.Links[0], d.Passwords[0]
	kind, _ := s.documents.Type(a.IDType)
	v := dataView{
		Name: document.MaskName(a.Name), Document: kind.Name, DocumentNo: document.MaskNumber(a.IDNumber),
		AccountNo: document.MaskAccount(a.AccountNo), EmployerNo: document.MaskAccount(a.EmployerNo), Phone: document.MaskPhone(a.Phone),
		Status: statusNames[a.Status], UpdatedAt: a.UpdatedAt,
		State: stateNames[selfservice.PasswordState(p.State, a.Status)], ChangedAt: p.ChangedAt, Earlier: len(d.Earlier),
		LinkedAt: l.LinkedAt, AuthorisedAt: l.AuthorisedAt, Sessions: d.Sessions, Devices: d.Devices,
		Events: s.viewsOfEvents(d.Events[:min(len(d.Events), shownEvents)]),
	}
	for _, x := range d.Changes {
		v.Steps = append(v.Steps, stepData{"修改密码", channelName(x.Channel), stepNames[x.State], x.OpenedAt})
	}
	for _, x := range d.Resets {
		v.Steps = append(v.Steps, stepData{"重设密码", channelName(x.Channel), stepNames[x.State], x.OpenedAt})
	}
	return show("data", v)
}

// endDevice ends a device of the app, such as a lost phone, with its sessions.
func (s *Site) endDevice(ctx context.Context, r *request) (reply, error) {
	_, err := s.service.EndDevice(ctx, r.Caller, r.id)
	return reply{to: pathData}, err
}

// An accountView is one of the person's accounts.
type accountView struct {
	ID                           uuid.UUID
	AccountNo, EmployerNo, State string
	Chosen                       bool
}

func (s *Site) showAccounts(ctx context.Context, r *request) (reply, error) {
	all, err := s.service.Accounts(ctx, r.Caller)
	if err != nil {
		return reply{}, err
	}
	var views []accountView
	for _, a := range all {
		views = append(views, accountView{a.ID, document.MaskAccount(a.Person.AccountNo), document.MaskAccount(a.Person.EmployerNo), statusNames[a.Status], a.ID == r.Link.AccountID})
	}
	return show("accounts", views)
}

// chooseAccount refuses an unreadable id like that of another person's account, so that the
// answer does not tell which accounts exist.
func (s *Site) chooseAccount(ctx context.Context, r *request) (reply, error) {
	id, err := uuid.Parse(r.form["account"])
	if err != nil {
		return reply{}, selfservice.ErrNoSuchAccount
	}
	_, err = s.service.ChooseAccount(ctx, r.Caller, id)
	return reply{to: pathHome}, err
}
