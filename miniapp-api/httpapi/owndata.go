package httpapi

import (
	"context"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// An ownDataReply is the data kept about a citizen (PIPL article 45), masked as everywhere
// else. Citizens get the unmasked data at the counter, where they show their document.
type ownDataReply struct {
	Account  ownAccount   `json:"account"`
	Link     ownLink      `json:"link"`
	Password ownPassword  `json:"password"`
	Sessions []ownSession `json:"sessions"`
	Devices  []ownDevice  `json:"devices"`
	Notices  []ownNotice  `json:"notices"`
	Changes  []ownStep    `json:"changes"`
	Resets   []ownStep    `json:"resets"`
	Events   []eventView  `json:"events"` // newest first
}

// An ownStep is an open or closed change or reset.
type ownStep struct {
	State    string     `json:"state"`
	Channel  string     `json:"channel"`
	OpenedAt time.Time  `json:"opened_at"`
	ClosedAt *time.Time `json:"closed_at"`
}

// An ownAccount is the centre's record. A wrong phone in it explains to its owner why no code
// arrives.
type ownAccount struct {
	Name       string    `json:"name"`
	IDType     string    `json:"id_type"`
	IDNumber   string    `json:"id_number"`
	AccountNo  string    `json:"account_no"`
	Phone      string    `json:"phone"`       // "" if there is none
	EmployerNo string    `json:"employer_no"` // "" if there is none
	Status     string    `json:"status"`      // GRZHZT
	UpdatedAt  time.Time `json:"updated_at"`
}

type ownLink struct {
	Kind         string    `json:"kind"` // open_id or user_id
	Identifier   string    `json:"identifier"`
	LinkedAt     time.Time `json:"linked_at"`
	AuthorisedAt time.Time `json:"authorised_at"` // last sign-in to the mini-program
}

// An ownPassword has a number for the earlier passwords: only fingerprints of them are kept.
type ownPassword struct {
	State     string     `json:"state"`
	ChangedAt *time.Time `json:"changed_at"`
	Earlier   int        `json:"earlier"` // number of earlier passwords that cannot be reused
}

// An ownSession lets citizens recognise a sign-in that was not theirs. Its address is not shown
// because it is not stored.
type ownSession struct {
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at"`
	Phone     string    `json:"phone"` // the verified number; "" if there is none
}

type ownDevice struct {
	Name      string     `json:"name"`
	Platform  string     `json:"platform"` // "" if there is none
	CreatedAt time.Time  `json:"created_at"`
	UsedAt    time.Time  `json:"used_at"` // last sign-in
	EndedAt   *time.Time `json:"ended_at"`
}

// An ownNotice has no content, which is sealed for its receiver and may be a code.
type ownNotice struct {
	Kind      string     `json:"kind"`
	CreatedAt time.Time  `json:"created_at"`
	SentAt    *time.Time `json:"sent_at"`
}

// showOwnData requires no password, since everything in the reply is masked.
func (s *Server) showOwnData(ctx context.Context, r Request, _ none) (ownDataReply, error) {
	d, err := s.service.OwnData(ctx, r.Caller)
	if err != nil {
		return ownDataReply{}, err
	}
	a, l, p := d.Accounts[0], d.Links[0], d.Passwords[0]
	reply := ownDataReply{
		Account: ownAccount{
			Name: document.MaskName(a.Name), IDType: a.IDType, IDNumber: document.MaskNumber(a.IDNumber),
			AccountNo: document.MaskAccount(a.AccountNo), Phone: document.MaskPhone(a.Phone),
			EmployerNo: document.MaskAccount(a.EmployerNo), Status: a.Status, UpdatedAt: a.UpdatedAt,
		},
		Link:     ownLink{l.Kind, document.MaskPhone(l.Identity.Value), l.LinkedAt, l.AuthorisedAt},
		Password: ownPassword{selfservice.PasswordState(p.State, a.Status), p.ChangedAt, len(d.Earlier)},
		Sessions: []ownSession{}, Devices: []ownDevice{}, Notices: []ownNotice{}, Events: []eventView{},
	}
	for _, x := range d.Sessions {
		reply.Sessions = append(reply.Sessions, ownSession{x.CreatedAt, x.SeenAt, document.MaskPhone(x.Phone)})
	}
	for _, x := range d.Devices {
		reply.Devices = append(reply.Devices, ownDevice{x.Name, x.Platform, x.CreatedAt, x.UsedAt, x.EndedAt})
	}
	for _, x := range d.Notices {
		reply.Notices = append(reply.Notices, ownNotice{x.Kind, x.CreatedAt, x.DoneAt})
	}
	reply.Changes, reply.Resets = viewsOfSteps(d.Changes), viewsOfSteps(d.Resets)
	for _, e := range d.Events {
		reply.Events = append(reply.Events, s.viewOfEvent(e))
	}
	return reply, nil
}

// viewsOfSteps returns an empty list instead of nil, because a page iterates over it.
func viewsOfSteps(all []store.ChangeData) []ownStep {
	shown := []ownStep{}
	for _, x := range all {
		shown = append(shown, ownStep{x.State, x.Channel, x.OpenedAt, x.ClosedAt})
	}
	return shown
}
