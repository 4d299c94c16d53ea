package main

import (
	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
)

// withoutCenter lists the commands that read settings of the process, or of all centres.
var withoutCenter = []string{"serve", "check", "migrate"}

// A centerFlag is the centre for which a command works, if the process has several.
type centerFlag struct {
	id     string
	getenv func(string) string // nil: not chosen
}

// addFlag adds --center to the commands that work for one centre.
func (f *centerFlag) addFlag(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		f.addFlag(c)
	}
	if cmd.Runnable() && needsCenter(cmd) {
		cmd.Flags().StringVar(&f.id, "center", "", "id of the centre; required with FUNDPASS_CENTERS_FILE, and only then")
	}
}

func needsCenter(cmd *cobra.Command) bool {
	return !isAmong(withoutSettings, cmd) && !isAmong(withoutCenter, cmd)
}

// beneath returns w with the settings of the chosen centre, which may be chosen later.
func (f *centerFlag) beneath(w terminal.Stdio) terminal.Stdio {
	outside := w.Getenv
	w.Getenv = func(name string) string {
		if f.getenv != nil {
			return f.getenv(name)
		}
		return outside(name)
	}
	return w
}

// choose chooses the centre of --center.
func (f *centerFlag) choose(w terminal.Stdio, cmd *cobra.Command) (err error) {
	if !needsCenter(cmd) {
		return nil
	}
	f.getenv, err = settings.OneCenter(w, f.id)
	return err
}
