package selfservice

import (
	"context"
	"fmt"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// A PasswordChannel is what citizens are told of their password on another channel.
type PasswordChannel struct {
	ChannelName
	Text    string // Chinese
	Charset string // the characters that can be typed there, in the syntax of a policy; "": any
}

// PasswordChannels returns the channels other than own that take this password, and those that
// take a PIN of their own. Only channels that are on are named, whatever their service hours.
func (s *Service) PasswordChannels(ctx context.Context, own Channel) (shared, separate []PasswordChannel, err error) {
	all, err := s.registry.entries(ctx)
	if err != nil {
		return nil, nil, err
	}
	now := s.db.Now()
	for _, e := range all {
		c := PasswordChannel{ChannelName: ChannelName{Channel(e.Channel), e.Title}, Charset: e.Keypad}
		switch {
		case e.Channel == string(own) || !e.Switched(now):
		case e.Credential == store.CredentialPhonePIN:
			c.Text = fmt.Sprintf("%s使用单独的电话密码，不使用这个密码", e.Title)
			separate = append(separate, c)
		case e.SharesPassword:
			c.Text = sharedText(e)
			shared = append(shared, c)
		}
	}
	return shared, separate, nil
}

// sharedText says where the same password is used, and what cannot be typed there.
func sharedText(e store.ChannelEntry) string {
	switch e.Keypad {
	case "":
		return fmt.Sprintf("%s也使用这个密码", e.Title)
	case "0-9":
		return fmt.Sprintf("%s只能按数字键，含有字母或符号的密码不能在%[1]s使用", e.Title)
	}
	return fmt.Sprintf("%s只能输入部分字符，含有其他字符的密码不能在%[1]s使用", e.Title)
}

// CheckKeypad returns an error if the channel is on, takes the password and cannot type
// everything the policy allows. Citizens would choose passwords that are refused there.
func CheckKeypad(policy *passwd.Policy, e store.ChannelEntry) error {
	if !e.IsOn || !e.SharesPassword || e.Keypad == "" || policy.TypedOn(e.Keypad) {
		return nil
	}
	return fmt.Errorf("%s types only %s and shares the password, but the policy %s allows more: "+
		"add a rule with charset %[2]s to the policy, or give the channel a PIN of its own: fundpass channel set %[1]s --credential phone_pin",
		e.Channel, e.Keypad, policy.Name)
}
