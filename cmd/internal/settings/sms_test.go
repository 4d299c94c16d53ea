package settings

import (
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/miniapp-api/sms/smssim"
)

// TestSMSSettings checks that each problem of the gateway is reported under the file that has
// it, and that no report contains the key.
func TestSMSSettings(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	const key = "0123456789-the-key"
	for name, content := range map[string]string{
		"good.json": string(smssim.Description("https://sms.example")), "get.json": strings.Replace(string(smssim.Description("https://sms.example")), "POST", "GET", 1),
		"good.key": key + "\n", "short.key": "0123456789",
	} {
		s.Write(name, content)
	}
	for _, c := range []struct{ gateway, key, setting, want string }{
		{"good.json", "good.key", "", ""},
		{"good.json", "", "FUNDPASS_SMS_KEY_FILE", "needs both"},
		{"", "good.key", "FUNDPASS_SMS_GATEWAY_FILE", "needs both"},
		{"get.json", "good.key", "FUNDPASS_SMS_GATEWAY_FILE", "neither POST nor PUT"},
		{"absent", "good.key", "FUNDPASS_SMS_GATEWAY_FILE", "absent"},
		{"good.json", "absent", "FUNDPASS_SMS_KEY_FILE", "absent"},
		{"good.json", "short.key", "FUNDPASS_SMS_KEY_FILE", "at least 16"},
		{"good.json", "good.json", "FUNDPASS_SMS_KEY_FILE", "same file"},
	} {
		values := cmdtest.Values{}
		for setting, file := range map[string]string{"FUNDPASS_SMS_GATEWAY_FILE": c.gateway, "FUNDPASS_SMS_KEY_FILE": c.key} {
			if file != "" {
				values[setting] = s.Path(file)
			}
		}
		read, problems := Parse(cmdtest.GetenvOf(s.Env(values)))
		files, more := read.Load()
		err := Join(append(problems, more...))
		if c.want == "" {
			cmdtest.NoError(t, err)
			if files.SMS == nil || files.SMS.Host() != "sms.example" {
				t.Errorf("got %+v", files.SMS)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.setting+": ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), key) {
			t.Errorf("%s, %s: %v", c.gateway, c.key, err)
		}
	}
}
