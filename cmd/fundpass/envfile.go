package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
)

// An envFile is the file that --env-file names, on every command that reads settings.
type envFile struct {
	settings.EnvFile
	path string
}

// addFlag adds --env-file to the commands that read settings. The others refuse the flag,
// because the file would have no effect.
func (f *envFile) addFlag(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		f.addFlag(c)
	}
	if cmd.Runnable() && !isAmong(withoutSettings, cmd) {
		cmd.Flags().StringVar(&f.path, "env-file", "", "file of settings, one NAME=value per line; the environment overrides it")
	}
}

// read reads the file, if one is named, and logs which of its settings the environment
// overrides.
func (f *envFile) read(w terminal.Stdio) error {
	if f.path == "" {
		return nil
	}
	if err := f.Read(f.path); err != nil {
		return fmt.Errorf("invalid --env-file:\n%w", err)
	}
	for _, p := range f.Overridden(w.Getenv) {
		terminal.NewLog(w.Err, "").Warn("setting is overridden", "setting", p.Setting, "err", p.Err)
	}
	return nil
}
