package argon2id_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fundpass/miniapp-api/passwd/argon2id"
)

func ExampleArena() {
	var arena argon2id.Arena // keeps its memory for the next key
	key := make([]byte, 16)
	arena.Key(key, []byte("password"), []byte("somesalt"), argon2id.Params{Memory: 256, Time: 2, Threads: 1})
	fmt.Printf("%x\n", key)
	// Output:
	// e24df64b97742be45329300aeae1ca35
}

// A request reserves a place before it charges an attempt, so that a refused caller loses
// nothing.
func ExamplePool() {
	pool := argon2id.NewPool(argon2id.Config{Slots: 1, Wait: time.Millisecond})
	defer pool.Close()
	ctx := context.Background()

	slot, err := pool.Reserve(ctx, argon2id.Caller{Identity: "a session's user"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer slot.Release()
	key := make([]byte, 32)
	err = slot.Do(ctx, func(a *argon2id.Arena) {
		a.Key(key, []byte("password"), []byte("somesalt"), argon2id.Params{Memory: 64, Time: 1, Threads: 1})
	})
	fmt.Println("computed:", err == nil)

	_, err = pool.Reserve(ctx, argon2id.Caller{Identity: "another user"})
	var busy *argon2id.BusyError
	if errors.As(err, &busy) {
		fmt.Println("retry after", busy.After)
	}
	// Output:
	// computed: true
	// retry after 1s
}
