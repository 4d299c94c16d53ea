package alipay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/signing"
	"fundpass/store"
)

// maxNotification is the largest body Alipay's messages have.
const maxNotification = 64 << 10

// usualNotification is beyond what nearly all of them have: 1 to 4 KiB.
const usualNotification = 8 << 10

// errNotification and errSPI are for the log and the metrics: the sender is told
// nothing but "fail", and a signed refusal.
var (
	errNotification = &selfservice.Error{Code: "NOTIFICATION_REFUSED"}
	errSPI          = &selfservice.Error{Code: "SPI_REFUSED"}
)

// handleNotification takes what Alipay posts to the application's gateway address. It
// answers "success" once the work is committed, and "fail" to everything else:
// Alipay then comes again, for 25 hours, and a stranger learns nothing.
func (m *MiniProgram) handleNotification(c echo.Context) error {
	body, err := readMessage(c.Request())
	if errors.Is(err, errBodyLong) {
		return refuse(httpapi.HangUp(c), errBodyLong)
	} else if err != nil {
		return refuse(c, httpapi.ErrBodyCut)
	}
	n, err := signing.VerifyNotification(m.keyring(), body, c.Request().Header.Get(echo.HeaderContentType))
	if err != nil || n.Method == signing.MethodGatewayCheck { // a refused check, too, is answered as one
		if charset, check := signing.IsGatewayCheck(body); check {
			return m.answerCheck(c, charset, err)
		}
	}
	if err == nil && !n.At.IsZero() {
		err = n.Fresh(m.db.Now())
	}
	if err == nil {
		err = m.take(c.Request().Context(), n)
	}
	if err != nil {
		return refuse(c, err)
	}
	return c.Blob(http.StatusOK, echo.MIMETextPlainCharsetUTF8, acknowledged)
}

var acknowledged = []byte("success")

var errBodyLong = errors.New("alipay: body announced to be longer than any message")

// readMessage returns the body, or one byte more of it than any message has. A length
// announced and believable gets its place at once; an announced great one gets none
// before the bytes are there.
func readMessage(r *http.Request) ([]byte, error) {
	if r.ContentLength > maxNotification {
		return nil, errBodyLong
	}
	if r.ContentLength > 0 && r.ContentLength <= usualNotification {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	return io.ReadAll(io.LimitReader(r.Body, maxNotification+1))
}

func refuse(c echo.Context, err error) error {
	httpapi.NoteError(c, errNotification.Because(err))
	return c.String(http.StatusOK, "fail")
}

// take records a notification, of whatever kind, and does what it calls for.
func (m *MiniProgram) take(ctx context.Context, n signing.Notification) error {
	record := store.Notification{NotifyID: n.NotifyID, Family: string(n.Family), Method: n.Method, Content: n.BizContent, At: n.At}
	if n.Family == signing.FamilyFromAnt && n.Method == signing.MethodCancelled {
		cancelled, err := n.Cancellation()
		if err != nil {
			return err
		}
		record.Cancelled = &store.Cancellation{Channel: store.ChannelAlipay, Identity: Identity(cancelled.Identity), At: cancelled.At}
	}
	if n.NotifyID == "" {
		return errors.New("alipay: a message without notify_id cannot be told from its repetitions")
	}
	first, err := m.db.RecordNotification(ctx, record)
	if err == nil {
		m.log.InfoContext(ctx, "notification", "method", n.Method, "family", string(n.Family), "first", first, "key", n.KeySource)
	}
	return err
}

// answerCheck answers the console's question whether this address is the
// application's (alipay.service.check).
func (m *MiniProgram) answerCheck(c echo.Context, charset string, refused error) error {
	keyring, ok := m.keyring(), refused == nil
	answer, err := m.constant.get(keyring, fmt.Sprintf("check %t %s", ok, charset), func() ([]byte, error) {
		return signing.SignGatewayCheckAnswer(keyring, ok, charset)
	})
	if err != nil {
		return err
	}
	if refused != nil {
		httpapi.NoteError(c, errNotification.Because(refused))
	}
	return c.Blob(http.StatusOK, "text/xml;charset="+charset, answer)
}

// Answers to an SPI call in Alipay's words. No SPI method is contracted for
// this product yet, so a genuine call is told that, signed.
const spiUnknown = `{"code":"40004","msg":"Business Failed","sub_code":"ISV-METHOD-NOT-SUPPORTED","sub_msg":"不支持的接口"}`

// handleSPI takes a call that Alipay makes of us (SPI) and signs the answer.
func (m *MiniProgram) handleSPI(c echo.Context) error {
	keyring := m.keyring()
	call, err := signing.VerifySPI(keyring, c.Request(), m.db.Now())
	answer := spiUnknown
	if err != nil {
		answer = signing.SPIRefused
		httpapi.NoteError(c, errSPI.Because(err))
	} else {
		m.log.InfoContext(c.Request().Context(), "spi call", "method", call.Method, "key", call.KeySource)
	}
	signed, err := m.constant.get(keyring, answer, func() ([]byte, error) {
		return signing.SignSPIAnswer(keyring, json.RawMessage(answer))
	})
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "application/json;charset=UTF-8", signed)
}
