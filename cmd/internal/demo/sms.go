package demo

import (
	"context"
	"errors"
	"net"
	"os"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/sms"
	"fundpass/miniapp-api/sms/smssim"
)

// startSMS serves the SMS gateway at an address of its own, and describes it to the server.
func (d *demo) startSMS(context.Context) error {
	key, err := settings.ReadSmall(d.dataDir.path(smsKeyFile))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.smsURL = "http://" + l.Addr().String()
	if err := os.WriteFile(d.dataDir.path(smsGatewayFile), smssim.Description(d.smsURL), 0o600); err != nil {
		return errors.Join(err, l.Close())
	}
	d.sms = smssim.New(smssim.Config{Key: key, Receipt: d.url() + sms.ReceiptPath})
	server := httpapi.HTTPServer(d.sms, terminal.NewLog(d.log, "demo"))
	go server.Serve(l) // ends with Close
	d.addCleanup(server.Close)
	return nil
}
