package argon2id

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestThreadIsNice(t *testing.T) {
	t.Parallel()
	own, err := unix.Getpriority(unix.PRIO_PROCESS, 0) // the kernel returns 20 - nice
	if err != nil {
		t.Fatal(err)
	}
	s, err := newPool(t, Config{Slots: 1}).Reserve(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	var first, again, prio int
	_ = s.Do(t.Context(), func(*Arena) {
		first = unix.Gettid()
		prio, err = unix.Getpriority(unix.PRIO_PROCESS, first)
	})
	_ = s.Do(t.Context(), func(*Arena) { again = unix.Gettid() })
	if err != nil || first != again {
		t.Errorf("threads %d and %d, %v", first, again, err)
	}
	if want := min(own, 20-niceness); prio != want {
		t.Errorf("priority %d, want %d", prio, want)
	}
	if now, _ := unix.Getpriority(unix.PRIO_PROCESS, 0); now != own {
		t.Errorf("the priority of this thread changed from %d to %d", own, now)
	}
}
