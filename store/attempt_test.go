package store_test

import (
	"context"

	"fundpass/store"
)

// wrongGuess takes a guess and says at once that it was wrong.
func wrongGuess(ctx context.Context, db *store.DB, g store.Guess) (store.Attempt, error) {
	a, err := db.TakeGuess(ctx, g)
	if err != nil {
		return a, err
	}
	return db.FailAttempt(ctx, g, a, false)
}
