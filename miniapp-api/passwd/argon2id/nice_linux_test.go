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

// TestSpareThreadIsLessNice checks that a caller in the spare place computes before the others.
func TestSpareThreadIsLessNice(t *testing.T) {
	t.Parallel()
	own, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := newPool(t, Config{Slots: 1})
	first, second := p.Tenant("first"), p.Tenant("second")
	var got [2]int
	for i, tenant := range []*Tenant{first, second} {
		s, err := tenant.Reserve(t.Context(), Caller{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Release()
		if err := s.Do(t.Context(), func(*Arena) { got[i], _ = unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid()) }); err != nil {
			t.Fatal(err)
		}
	}
	if want := [2]int{min(own, 20-niceness), min(own, 20-spareNiceness)}; got != want {
		t.Errorf("priorities %v, want %v", got, want)
	}
}
