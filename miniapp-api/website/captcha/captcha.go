// Package captcha asks a browser for digits that it shows as an image and reads out in Chinese,
// with github.com/dchest/captcha. It slows down scripts after many failed attempts. It is never
// the only limit, since programs can read such images, too.
//
// The digits travel in a sealed token. So any server can draw them and check the answer, and a
// row is written only when an answer is checked.
package captcha

import (
	"bytes"
	"context"
	"crypto/subtle"
	_ "embed"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/dchest/captcha"

	"fundpass/store"
)

// The errors of Check. A citizen gets a new captcha with each.
var (
	ErrWrong = errors.New("captcha: wrong answer")
	ErrGone  = errors.New("captcha: expired, used before, or of another browser")
)

// Length is the number of digits.
const Length = 5

// Size of the image in pixels.
const (
	Width  = 240
	Height = 80
)

// Fragment defines the templates "captcha", the field, and "captcha-again", the button for
// another captcha. The button comes after the one that submits the form, because the first one
// is what the Enter key presses. The data of both is a Field.
//
//go:embed fragment.html
var Fragment string

// Names of the form's fields.
const (
	FieldToken  = "captcha"
	FieldAnswer = "captcha_answer"
	FieldAgain  = "captcha_again" // sent by the button of "captcha-again"
)

// A Field is the data of Fragment.
type Field struct {
	Token        string
	Image, Sound string // URLs of ServeImage and ServeSound, with the token
	Error        string // Chinese; "" = none
}

// Captchas makes and checks captchas. It is safe for concurrent use.
type Captchas struct {
	db    *store.DB
	path  string
	slots chan struct{} // one for each drawing in progress
}

// New returns Captchas whose image and sound are served at path + "/image" and path + "/sound".
// Half of the processors draw at most, because a sound takes about as long as a password check and
// can be asked for again and again.
func New(db *store.DB, path string) *Captchas {
	return &Captchas{db, path, make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
}

// Field returns a new captcha for the browser that binding identifies.
func (c *Captchas) Field(binding []byte) (Field, error) {
	token, err := c.db.NewOneTime(store.OneTimeCaptcha, binding, captcha.RandomDigits(Length))
	return Field{Token: token, Image: c.path + "/image?t=" + token, Sound: c.path + "/sound?t=" + token}, err
}

// Check compares an answer with the digits of a token. Over all servers a token is compared
// once, whatever the answer. Its errors are ErrWrong, ErrGone and those of the store.
func (c *Captchas) Check(ctx context.Context, binding []byte, token, answer string) error {
	digits, err := c.db.SpendOneTime(ctx, store.OneTimeCaptcha, binding, token)
	switch {
	case errors.Is(err, store.ErrOneTime), errors.Is(err, store.ErrConflict):
		return ErrGone
	case err != nil:
		return err
	case subtle.ConstantTimeCompare(parse(answer), digits) != 1:
		return ErrWrong
	}
	return nil
}

// parse returns the digits of an answer, or nil if there is anything else in it. Spaces are
// ignored, and full-width digits count, as Chinese keyboards write them.
func parse(answer string) []byte {
	if len(answer) > 64 {
		return nil
	}
	var digits []byte
	for _, r := range strings.ReplaceAll(answer, "　", " ") {
		switch {
		case r == ' ':
		case '0' <= r && r <= '9':
			digits = append(digits, byte(r-'0'))
		case '０' <= r && r <= '９':
			digits = append(digits, byte(r-'０'))
		default:
			return nil
		}
	}
	return digits
}

// ServeImage writes the image of the token in the query's t, or 404. It writes 503 if there is no
// slot before the request's context ends.
func (c *Captchas) ServeImage(w http.ResponseWriter, r *http.Request, binding []byte) {
	c.serve(w, r, binding, "image/png", func(b *bytes.Buffer, token string, digits []byte) {
		captcha.NewImage(token, digits, Width, Height).WriteTo(b)
	})
}

// ServeSound is ServeImage with the digits read out in Chinese. It serves ranges, without which some
// browsers play nothing.
func (c *Captchas) ServeSound(w http.ResponseWriter, r *http.Request, binding []byte) {
	c.serve(w, r, binding, "audio/wav", func(b *bytes.Buffer, token string, digits []byte) {
		captcha.NewAudio(token, digits, "zh").WriteTo(b)
	})
}

// serve writes what draw makes of a token's digits. The token seeds the distortion, so a server
// draws a token the same each time, and asking again gives a program nothing.
func (c *Captchas) serve(w http.ResponseWriter, r *http.Request, binding []byte, mediaType string, draw func(*bytes.Buffer, string, []byte)) {
	token := r.URL.Query().Get("t")
	digits, err := c.db.OpenOneTime(store.OneTimeCaptcha, binding, token)
	if err != nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	select {
	case c.slots <- struct{}{}:
	case <-r.Context().Done():
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	var b bytes.Buffer
	func() {
		defer func() { <-c.slots }() // before the body is written, which may take long
		draw(&b, token, digits)
	}()
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "private, max-age=600") // players ask several times
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.Bytes()))
}
