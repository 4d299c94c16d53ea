package appcmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/app/appclient"
)

// callTime limits a command that asks for nothing on the way.
const callTime = 30 * time.Second

// A phone is one run of a command on a device.
type phone struct {
	terminal.Stdio
	file, base string
	device     *appclient.Device
}

// Command returns app-client with its subcommands. Each does what a citizen does in the app.
func Command(w terminal.Stdio) *cobra.Command {
	p := &phone{Stdio: w}
	cmd := &cobra.Command{
		Use:   "app-client",
		Short: "Act as the centre's app on a phone, against a running demo or server",
		Long: "App-client is the reference client of the app. A device is a file with its private\n" +
			"key, which every request proves, and the token of its session. Passwords and codes\n" +
			"are read from the input, one a line, and never from arguments.\n\n" +
			"In the demo, the codes are in the inbox of the simulated SMS gateway.",
	}
	cmd.PersistentFlags().StringVar(&p.file, "device", "device.json", "file of the device; sign-in creates it")
	cmd.PersistentFlags().StringVar(&p.base, "base", "http://127.0.0.1:8082", "URL of the app's API, for a device without a file")
	cmd.AddCommand(p.signIn(), p.forgotPassword(), p.state(), p.changePassword(), p.devices(), p.endDevice(), p.record(), p.signOut())
	return cmd
}

// command returns a subcommand that needs a device that exists. Its file is written again
// afterwards, because the token may have changed.
func (p *phone) command(use, short string, args cobra.PositionalArgs, run func(ctx context.Context, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Stdio = p.For(cmd)
			if err := p.load(); err != nil {
				return err
			}
			return errors.Join(run(cmd.Context(), args), p.save())
		},
	}
}

func (p *phone) signIn() *cobra.Command {
	var form appclient.SignIn
	cmd := &cobra.Command{
		Use: "sign-in", Short: "Sign in by document or account; a new device needs a code", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.loadOrCreate(); err != nil {
				return err
			}
			return errors.Join(p.runSignIn(cmd.Context(), form), p.save())
		},
	}
	cmd.Flags().StringVar(&form.Document, "document", "", "number of the document")
	cmd.Flags().StringVar(&form.IDType, "id-type", "", "type of the document (default 01, the ID card)")
	cmd.Flags().StringVar(&form.Account, "account", "", "number of the account, instead or as well")
	cmd.Flags().StringVar(&form.Name, "name", "命令行上的手机", "name of the device in the list")
	form.Platform = runtime.GOOS
	return cmd
}

func (p *phone) runSignIn(ctx context.Context, form appclient.SignIn) (err error) {
	in := p.reader()
	if form.Password, err = in.secret(ctx, "密码: "); err != nil {
		return err
	}
	sent, err := p.device.SignIn(ctx, form)
	if err != nil {
		return err
	}
	if sent != nil {
		fmt.Fprintf(p.Out, "验证码已发送到 %s\n", sent.Phone)
		code, err := in.secret(ctx, "验证码: ")
		if err != nil {
			return err
		}
		if err := p.device.GiveCode(ctx, *sent, strings.TrimSpace(code)); err != nil {
			return err
		}
	}
	fmt.Fprintln(p.Out, "已登录")
	return nil
}

func (p *phone) state() *cobra.Command {
	return p.command("password", "Show the state of the password", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		var reply struct {
			State     string `json:"state"`
			Remaining int    `json:"remaining_attempts"`
		}
		err := p.device.Call(ctx, http.MethodGet, "/v1/password", nil, &reply)
		if err == nil {
			fmt.Fprintf(p.Out, "%s，还可以试%d次\n", reply.State, reply.Remaining)
		}
		return err
	})
}

func (p *phone) changePassword() *cobra.Command {
	var document string
	cmd := p.command("change-password", "Change the password; reads the old one, then the new one", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		in := p.reader()
		old, err := in.secret(ctx, "原密码: ")
		if err != nil {
			return err
		}
		password, err := in.secret(ctx, "新密码: ")
		if err != nil {
			return err
		}
		ended, err := p.device.ChangePassword(ctx, document, old, password)
		if err == nil {
			fmt.Fprintf(p.Out, "密码已修改，其他%d处登录已退出\n", ended)
		}
		return err
	})
	cmd.Flags().StringVar(&document, "document", "", "number of the document")
	return cmd
}

func (p *phone) devices() *cobra.Command {
	return p.command("devices", "List the devices that have signed in", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		devices, err := p.device.Devices(ctx)
		if err != nil {
			return err
		}
		var rows []table.Row
		for _, d := range devices {
			mark := ""
			if d.IsThis {
				mark = "本机"
			}
			rows = append(rows, table.Row{d.ID, d.Name, d.Platform, d.UsedAt.Local().Format("2006-01-02 15:04"), mark})
		}
		terminal.PrintTable(p.Out, p.Language.Row("id", "name", "platform", "last sign-in", ""), rows)
		return nil
	})
}

func (p *phone) endDevice() *cobra.Command {
	return p.command("end-device ID", "End a device and its sessions", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		ended, err := p.device.EndDevice(ctx, args[0])
		if err == nil {
			fmt.Fprintf(p.Out, "设备已移除，%d处登录已退出\n", ended)
		}
		return err
	})
}

func (p *phone) record() *cobra.Command {
	return p.command("record", "Show the record of link and password", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		var reply struct {
			Events []struct {
				At            time.Time
				Text, Channel string
			}
		}
		if err := p.device.Call(ctx, http.MethodGet, "/v1/events", nil, &reply); err != nil {
			return err
		}
		var rows []table.Row
		for _, e := range reply.Events {
			rows = append(rows, table.Row{e.At.Local().Format("2006-01-02 15:04:05"), e.Channel, e.Text})
		}
		terminal.PrintTable(p.Out, p.Language.Row("at", "channel", "what"), rows)
		return nil
	})
}

func (p *phone) signOut() *cobra.Command {
	return p.command("sign-out", "End the session", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		err := p.device.SignOut(ctx)
		if err == nil {
			fmt.Fprintln(p.Out, "已退出")
		}
		return err
	})
}
