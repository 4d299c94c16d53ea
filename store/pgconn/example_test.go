package pgconn_test

import (
	"context"
	"errors"
	"fmt"

	"fundpass/store/pgconn"
)

// A key makes the transaction safe to repeat after ErrUnknownOutcome.
func ExamplePool_InTx() {
	ctx := context.Background()
	pool, err := pgconn.Connect(ctx, pgconn.Config{DSN: "host=/run/postgresql dbname=fundpass sslmode=disable"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	enter := func(key string) error {
		return pool.InTx(ctx, func(tx *pgconn.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO entry (id) VALUES ($1) ON CONFLICT (id) DO NOTHING`, key)
			return err
		})
	}
	err = enter("key")
	if errors.Is(err, pgconn.ErrUnknownOutcome) {
		err = enter("key")
	}
	fmt.Println(err)
}
