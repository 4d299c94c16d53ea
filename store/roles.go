package store

// The methods of DB are what citizens do and what their requests need. Those of other users
// belong to types of their own, which are views of the same centre and have no state.

// A Roster takes in the centre's files of depositors, and moves links from user_id to open_id.
type Roster struct{ *DB }

// Roster returns the view for import, sync and migrate-openid.
func (db *DB) Roster() Roster { return Roster{db} }

// Operations are what operators do with their commands, and what a server does by itself at
// night: unlock, erase, export, rehash, retention, restoration.
type Operations struct{ *DB }

// Operations returns the view for operators and for the upkeep of the data.
func (db *DB) Operations() Operations { return Operations{db} }

// A Registry has the channels of the centre, and counts their requests.
type Registry struct{ *DB }

// Registry returns the view for channels.
func (db *DB) Registry() Registry { return Registry{db} }

// An Outbox has the notices and codes that wait to be sent.
type Outbox struct{ *DB }

// Outbox returns the view for senders of notices.
func (db *DB) Outbox() Outbox { return Outbox{db} }

// An Inbox takes in the messages of Alipay.
type Inbox struct{ *DB }

// Inbox returns the view for messages of Alipay.
func (db *DB) Inbox() Inbox { return Inbox{db} }

// IdempotencyRecords have the first answers to requests with an Idempotency-Key.
type IdempotencyRecords struct{ *DB }

// IdempotencyRecords returns the view for requests that may be repeated.
func (db *DB) IdempotencyRecords() IdempotencyRecords { return IdempotencyRecords{db} }
