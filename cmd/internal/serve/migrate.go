package serve

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"fundpass/cmd/internal/settings"
	"fundpass/cmd/internal/terminal"
	"fundpass/store"
)

func migrateCommand(w terminal.Stdio) *cobra.Command {
	var distributed bool
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Update the database's schema",
		Long: "Migrate applies the migrations that the database of FUNDPASS_DATABASE_URL lacks and\n" +
			"prints their names. It can run at any time and on several machines at once. It must\n" +
			"connect to the server directly, not through a transaction pooler.\n\n" +
			"With --distributed it also distributes the tables of a Citus cluster: connect to the\n" +
			"coordinator, after the extension was created and the workers were added.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return migrate(cmd.Context(), w.For(cmd), distributed) },
	}
	cmd.Flags().BoolVar(&distributed, "distributed", false, "distribute the tables of a Citus cluster by centre")
	return cmd
}

// migrate needs only the connection string, so that it can run before the other settings
// exist.
func migrate(ctx context.Context, w terminal.Stdio, distributed bool) error {
	dsn := strings.TrimSpace(w.Getenv("FUNDPASS_DATABASE_URL"))
	if dsn == "" {
		return settings.Problemf("FUNDPASS_DATABASE_URL", "is not set; wanted: %s", settings.FieldOf("DatabaseURL").Wanted())
	}
	c := store.MigrateConfig{DSN: dsn, ConnectLimit: settings.DatabaseLimit}
	var applied, spread []string
	var err error
	if distributed {
		applied, spread, err = store.Distribute(ctx, c)
	} else {
		applied, err = store.Migrate(ctx, c)
	}
	for _, name := range applied {
		fmt.Fprintln(w.Out, w.Language.T("applied"), name)
	}
	for _, name := range spread {
		fmt.Fprintln(w.Out, w.Language.T("distributed"), name)
	}
	if err != nil {
		return settings.Problem{Setting: "FUNDPASS_DATABASE_URL", Err: err}
	}
	if len(applied)+len(spread) == 0 {
		fmt.Fprintln(w.Out, w.Language.T("The schema is up to date."))
	}
	return nil
}
