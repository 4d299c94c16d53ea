package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// MaxDevices is how many devices a person may have at once. One more ends the device that was
// not used for the longest time: it is gone more likely than not, and whoever adds a device has
// given the password and a code.
const MaxDevices = 5

// deviceLife is how long a device is known after its last sign-in. After that it is a new one.
const deviceLife = 180 * 24 * time.Hour

// Events of devices.
const (
	EventDeviceAdded = "device_added"
	EventDeviceEnded = "device_ended"
)

// A Device is what a person signs in with: a key that only this device has.
type Device struct {
	ID         uuid.UUID `db:"device_id"`
	Thumbprint []byte    `db:"jkt"` // of its public key, RFC 7638
	CreatedAt  time.Time `db:"created_at"`
	UsedAt     time.Time `db:"used_at"` // last sign-in
	DeviceLabel
	Sealed []byte `db:"sealed" json:"-"`
}

// A DeviceLabel is what a device says of itself, by which its owner recognises it.
type DeviceLabel struct {
	Name     string `json:"n"`
	Platform string `json:"p,omitempty"`
}

// Devices returns the devices of the session's person, the last used first.
func (db *DB) Devices(ctx context.Context, s Session) ([]Device, error) {
	devices := []Device{}
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		devices = devices[:0]
		return sqlx.SelectContext(ctx, q, &devices, `
			SELECT device_id, jkt, created_at, used_at, sealed FROM devices
			WHERE center_id = $1 AND person_digest = $2 AND ended_at IS NULL AND used_at > $3
			ORDER BY used_at DESC, device_id`,
			db.center, s.Link.PersonDigest, db.clock().Add(-deviceLife))
	})
	for i := range devices {
		if err == nil {
			err = db.unseal(devices[i].Sealed, "devices", devices[i].ID[:], &devices[i].DeviceLabel)
		}
	}
	return devices, err
}

// KnowsDevice reports whether a person has signed in with a device before and not ended it.
func (db *DB) KnowsDevice(ctx context.Context, personDigest, thumbprint []byte) (known bool, err error) {
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &known, `
			SELECT EXISTS (SELECT 1 FROM devices
				WHERE center_id = $1 AND person_digest = $2 AND jkt = $3 AND ended_at IS NULL AND used_at > $4)`,
			db.center, personDigest, thumbprint, db.clock().Add(-deviceLife))
	})
	return known, err
}

// A SignInDevice is the device with which a person signs in.
type SignInDevice struct {
	Thumbprint []byte
	Label      DeviceLabel
	Add        bool // it may be new, because the person has given a code
}

// ErrDevice reports that a person does not know the device with which they sign in.
var ErrDevice = errors.New("store: unknown device")

// useDevice records a sign-in with a device and adds the device if it is new and may be. It
// returns the thumbprint, or nil without a device, and ErrDevice for an unknown device that may
// not be added.
func (db *DB) useDevice(ctx context.Context, tx *sqlx.Tx, in SignIn, now time.Time) ([]byte, error) {
	d := in.Device
	if d == nil {
		return nil, nil
	}
	res, err := tx.ExecContext(ctx, `
		UPDATE devices SET used_at = $4
		WHERE center_id = $1 AND person_digest = $2 AND jkt = $3 AND ended_at IS NULL AND used_at > $5`,
		db.center, in.Account.PersonDigest, d.Thumbprint, now, now.Add(-deviceLife))
	if err = changedOne(res, err, ErrDevice); errors.Is(err, ErrDevice) && d.Add {
		err = db.addDevice(ctx, tx, in.Account, *d, in.Channel, now)
	}
	return d.Thumbprint, err
}

// addDevice adds a device in place of the person's surplus ones and tells the owner, who may have
// been talked out of the code. Another sign-in may have added it meanwhile.
func (db *DB) addDevice(ctx context.Context, tx *sqlx.Tx, a Account, d SignInDevice, channel string, now time.Time) error {
	id := uuid.New()
	sealed, err := db.seal(d.Label, "devices", id[:])
	if err != nil {
		return err
	}
	if err := db.endSurplusDevices(ctx, tx, a, d.Thumbprint, channel, now); err != nil {
		return err
	}
	var fresh bool
	err = tx.GetContext(ctx, &fresh, `
		INSERT INTO devices AS d (center_id, device_id, person_digest, jkt, sealed, created_at, used_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6)
		ON CONFLICT (center_id, person_digest, jkt) WHERE ended_at IS NULL DO UPDATE SET used_at = excluded.used_at
		RETURNING device_id = $2`,
		db.center, id, a.PersonDigest, d.Thumbprint, sealed, now)
	if err != nil || !fresh {
		return err
	}
	if err := db.addEvent(ctx, tx, a.ID, EventDeviceAdded, channel, now); err != nil {
		return err
	}
	return db.queueNotice(ctx, tx, notice{id, NoticeDeviceAdded, a.ID, centreIdentity(a.PersonDigest), a.PersonDigest}, now)
}

// endSurplusDevices ends what stands in the way of one more device: the person's devices beyond
// the last used, and the expired row of the same key.
func (db *DB) endSurplusDevices(ctx context.Context, tx *sqlx.Tx, a Account, thumbprint []byte, channel string, now time.Time) error {
	var surplus []uuid.UUID
	err := tx.SelectContext(ctx, &surplus, `
		SELECT device_id FROM (
			SELECT device_id, jkt, used_at, row_number() OVER (ORDER BY used_at DESC, device_id) AS place FROM devices
			WHERE center_id = $1 AND person_digest = $2 AND ended_at IS NULL) d
		WHERE place >= $3 OR jkt = $4 AND used_at <= $5
		ORDER BY device_id`,
		db.center, a.PersonDigest, MaxDevices, thumbprint, now.Add(-deviceLife))
	if err != nil {
		return err
	}
	for _, id := range surplus {
		if _, err := db.endDevice(ctx, tx, a.PersonDigest, id, now); err != nil {
			return err
		}
		if err := db.addEvent(ctx, tx, a.ID, EventDeviceEnded, channel, now); err != nil {
			return err
		}
	}
	return nil
}

// EndDevice ends a device of the session's person and the sessions on it, perhaps this one, and
// returns how many of them were alive. It returns ErrNotFound if the person has no such device
// or has ended it already.
func (db *DB) EndDevice(ctx context.Context, s Session, id uuid.UUID) (ended int, err error) {
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		if ended, err = db.endDevice(ctx, tx, s.Link.PersonDigest, id, now); err != nil {
			return err
		}
		return db.addEvent(ctx, tx, s.Link.AccountID, EventDeviceEnded, s.Channel, now)
	})
	return ended, err
}

// endDevice ends a device and the person's sessions that are bound to it. Sessions of another
// person on the same device stay. A new session cannot be bound to it meanwhile, because
// useDevice waits for the row.
func (db *DB) endDevice(ctx context.Context, tx *sqlx.Tx, personDigest []byte, id uuid.UUID, now time.Time) (ended int, err error) {
	var thumbprint []byte
	err = tx.GetContext(ctx, &thumbprint, `
		UPDATE devices SET ended_at = $4
		WHERE center_id = $1 AND person_digest = $2 AND device_id = $3 AND ended_at IS NULL
		RETURNING jkt`,
		db.center, personDigest, id, now)
	if err != nil {
		return 0, mapNoRows(err, ErrNotFound)
	}
	var alive []bool
	err = tx.SelectContext(ctx, &alive, `
		DELETE FROM sessions
		WHERE center_id = $1 AND identity_digest = $2 AND device_jkt = $3
		RETURNING seen_at > $4 AND created_at > $5`,
		db.center, db.digest(centreIdentity(personDigest)), thumbprint, now.Add(-SessionIdle), now.Add(-SessionLife))
	return countTrue(alive), err
}

func countTrue(all []bool) (n int) {
	for _, b := range all {
		if b {
			n++
		}
	}
	return n
}
