package appcmd

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"fundpass/miniapp-api/app/appclient"
)

func (p *phone) forgotPassword() *cobra.Command {
	var form appclient.Forgotten
	cmd := &cobra.Command{
		Use: "forgot-password", Short: "Set a new password with a code to the phone on file", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.loadOrCreate(); err != nil {
				return err
			}
			return errors.Join(p.runForgotPassword(cmd.Context(), form), p.save())
		},
	}
	cmd.Flags().StringVar(&form.Person, "person", "", "name of the person")
	cmd.Flags().StringVar(&form.Document, "document", "", "number of the document")
	cmd.Flags().StringVar(&form.IDType, "id-type", "", "type of the document (default 01, the ID card)")
	cmd.Flags().StringVar(&form.Account, "account", "", "number of the account, for a person who has several")
	cmd.Flags().StringVar(&form.Name, "name", "命令行上的手机", "name of the device in the list")
	form.Platform = runtime.GOOS
	return cmd
}

func (p *phone) runForgotPassword(ctx context.Context, form appclient.Forgotten) error {
	in := p.reader()
	sent, err := p.device.Forgot(ctx, form)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.Out, "如果姓名和证件号码与公积金中心登记的一致，验证码已发送到预留的手机")
	code, err := in.secret(ctx, "验证码: ")
	if err != nil {
		return err
	}
	reset, err := p.device.ProveForgotten(ctx, sent, strings.TrimSpace(code))
	if err != nil {
		return err
	}
	password, err := in.secret(ctx, "新密码: ")
	if err != nil {
		return err
	}
	ended, err := p.device.SetPassword(ctx, reset, password)
	if err == nil {
		fmt.Fprintf(p.Out, "新密码已生效，您已登录，其他%d处登录已退出\n", ended)
	}
	return err
}
