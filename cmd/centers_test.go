package cmd

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
)

// deploy/centers.json is accepted beside the files of settings that it names.
func TestDeployedCenters(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../deploy/centers.json")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	env := cmdtest.Values{"FUNDPASS_CENTERS_FILE": filepath.Join(dir, "centers.json"), "FUNDPASS_DATABASE_URL": "host=127.0.0.1 sslmode=disable"}
	cmdtest.NoError(t, os.WriteFile(env["FUNDPASS_CENTERS_FILE"], raw, 0o600))
	var file struct {
		Centers []struct {
			EnvFile string `json:"env_file"`
		}
	}
	cmdtest.NoError(t, json.Unmarshal(raw, &file))
	for i, c := range file.Centers {
		s := cmdtest.NewBareEnv(t)
		path := filepath.Join(dir, c.EnvFile)
		cmdtest.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		lines := []string{"FUNDPASS_APP_ID=202100000000000" + string(rune('1'+i)), "FUNDPASS_ALIPAY_KEY_FILES=alipay_public_key.txt", "FUNDPASS_APP_KEY_FILE=app_private_key.pem",
			"FUNDPASS_COLUMN_KEY_FILE=column.key", "FUNDPASS_PEPPER_FILE=pepper.key"}
		cmdtest.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
		for _, name := range []string{"alipay_public_key.txt", "app_private_key.pem", "column.key", "pepper.key"} {
			cmdtest.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), name), s.Read(name), 0o600))
		}
	}
	c, wrong := settings.ReadCenters(terminal.Stdio{Getenv: cmdtest.GetenvOf(env)})
	if err := errors.Join(wrong...); err != nil || len(c.All) < 2 {
		t.Errorf("%d centres, %v", len(c.All), err)
	}
}
