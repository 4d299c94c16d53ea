package captcha

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"fundpass/store/storetest"
)

// While all slots are taken, a request waits as long as its context and is then turned away, and
// the next one after a slot is free is served.
func TestSlots(t *testing.T) {
	t.Parallel()
	c := New(storetest.New(t), "/captcha")
	f, err := c.Field(nil)
	if err != nil {
		t.Fatal(err)
	}
	get := func(ctx context.Context) int {
		w := httptest.NewRecorder()
		c.ServeSound(w, httptest.NewRequest(http.MethodGet, f.Sound, nil).WithContext(ctx), nil)
		return w.Code
	}
	ended, end := context.WithCancel(t.Context())
	end()
	for range cap(c.slots) {
		c.slots <- struct{}{}
	}
	if code := get(ended); code != http.StatusServiceUnavailable {
		t.Errorf("with all slots taken: %d", code)
	}
	<-c.slots
	for range 3 { // each gives its slot back
		if code := get(t.Context()); code != http.StatusOK {
			t.Errorf("with a free slot: %d", code)
		}
	}
}
