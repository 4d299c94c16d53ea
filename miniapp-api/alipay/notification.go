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

// maxNotification is the largest accepted message of Alipay, in bytes.
const maxNotification = 64 << 10

// usualNotification exceeds nearly all messages, which have 1 to 4 KiB.
const usualNotification = 8 << 10

// errNotification and errSPI appear in the log and the metrics only. The sender gets "fail" or
// a signed refusal.
var (
	errNotification = &selfservice.Error{Code: "NOTIFICATION_REFUSED"}
	errSPI          = &selfservice.Error{Code: "SPI_REFUSED"}
)

// handleNotification handles a message that Alipay posts to the application's gateway address.
// It answers "success" once the work is committed and "fail" otherwise, without a reason;
// Alipay then repeats the message for 25 hours.
func (m *MiniProgram) handleNotification(c echo.Context) error {
	body, err := readMessage(c.Request())
	if errors.Is(err, errBodyLong) {
		return refuse(httpapi.CloseConnection(c), errBodyLong)
	} else if err != nil {
		return refuse(c, httpapi.ErrBodyCut)
	}
	n, err := signing.VerifyNotification(m.keyring(), body, c.Request().Header.Get(echo.HeaderContentType))
	if err != nil {
		m.logRefused(c.Request(), body)
	}
	if err != nil || n.Method == signing.MethodGatewayCheck { // a refused check is answered as a check, too
		if charset, check := signing.IsGatewayCheck(body); check {
			return m.answerCheck(c, charset, err)
		}
	}
	if err == nil && !n.At.IsZero() {
		err = n.Fresh(m.db.Now())
	}
	if err == nil {
		err = m.record(c.Request().Context(), n)
	}
	if err != nil {
		return refuse(c, err)
	}
	return c.Blob(http.StatusOK, echo.MIMETextPlainCharsetUTF8, acknowledged)
}

var acknowledged = []byte("success")

var errBodyLong = errors.New("alipay: Content-Length exceeds the message limit")

// readMessage returns the body, at most one byte more than maxNotification. It preallocates
// only for a small Content-Length, because a larger one may be false.
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
	httpapi.RecordError(c, errNotification.WithCause(err))
	return c.String(http.StatusOK, "fail")
}

// record stores a notification of any kind and, for a withdrawn authorisation, removes the
// link. An unknown kind is acknowledged, too, because Alipay would repeat it for 25 hours.
func (m *MiniProgram) record(ctx context.Context, n signing.Notification) error {
	record := store.Notification{NotifyID: n.NotifyID, Family: string(n.Family), Method: n.Method, Content: n.BizContent, At: n.At}
	if n.Family == signing.FamilyFromAnt && n.Method == signing.MethodCancelled {
		cancelled, err := n.Cancellation()
		if err != nil {
			return err
		}
		record.Cancelled = &store.Cancellation{Channel: store.ChannelAlipay, Identity: Identity(cancelled.Identity), At: cancelled.At}
	}
	if n.NotifyID == "" {
		return errors.New("alipay: message without notify_id")
	}
	first, err := m.db.Inbox().RecordNotification(ctx, record)
	if err == nil {
		m.log.InfoContext(ctx, "notification", "method", n.Method, "family", string(n.Family), "first", first, "key", n.KeySource)
	}
	if err == nil && first {
		m.noteAppAuth(ctx, n)
	}
	return err
}

// answerCheck answers Alipay's check that this address belongs to the application
// (alipay.service.check).
func (m *MiniProgram) answerCheck(c echo.Context, charset string, refused error) error {
	keyring, ok := m.keyring(), refused == nil
	answer, err := m.constant.get(keyring, fmt.Sprintf("check %t %s", ok, charset), func() ([]byte, error) {
		return signing.SignGatewayCheckAnswer(keyring, ok, charset)
	})
	if err != nil {
		return err
	}
	if refused != nil {
		httpapi.RecordError(c, errNotification.WithCause(refused))
	}
	return c.Blob(http.StatusOK, "text/xml;charset="+charset, answer)
}

// spiUnknown answers every genuine SPI call, in Alipay's format: this product supports no SPI
// method yet.
const spiUnknown = `{"code":"40004","msg":"Business Failed","sub_code":"ISV-METHOD-NOT-SUPPORTED","sub_msg":"不支持的接口"}`

// handleSPI verifies a synchronous call from Alipay (SPI) and signs the answer.
func (m *MiniProgram) handleSPI(c echo.Context) error {
	keyring, body := m.keyring(), m.peekSPI(c.Request())
	call, err := signing.VerifySPI(keyring, c.Request(), m.db.Now())
	answer := spiUnknown
	if err != nil {
		answer = signing.SPIRefused
		httpapi.RecordError(c, errSPI.WithCause(err))
		m.logRefused(c.Request(), body)
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
