package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"fundpass/store"
)

func migrateCommand(w world) *cobra.Command {
	var distributed bool
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date",
		Long: "Migrate applies what FUNDPASS_DATABASE_URL's database lacks and says what it was.\n" +
			"It may be run at any time and by several machines at once. The connection must\n" +
			"reach the server itself, not a transaction pooler.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return migrate(cmd.Context(), w, distributed) },
	}
	cmd.Flags().BoolVar(&distributed, "distributed", false, "leave foreign keys out, for an engine that distributes tables by centre")
	return cmd
}

func migrate(ctx context.Context, w world, distributed bool) error {
	dsn := strings.TrimSpace(w.getenv("FUNDPASS_DATABASE_URL"))
	if dsn == "" {
		return problemf("FUNDPASS_DATABASE_URL", "is not set; wanted: %s", fieldOf("DatabaseURL").about)
	}
	applied, err := store.Migrate(ctx, store.MigrateConfig{DSN: dsn, Distributed: distributed})
	if err != nil {
		return problem{"FUNDPASS_DATABASE_URL", err}
	}
	if len(applied) == 0 {
		fmt.Fprintln(w.out, "The schema is up to date.")
		return nil
	}
	for _, name := range applied {
		fmt.Fprintln(w.out, "applied", name)
	}
	return nil
}
