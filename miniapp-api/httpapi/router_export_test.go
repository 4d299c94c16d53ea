package httpapi

import "net/http"

// Serve is serve.
func (a *Active) Serve(h http.Handler, w http.ResponseWriter, r *http.Request) bool {
	return a.serve(h, w, r)
}

// Ended reports whether Drain has begun.
func (a *Active) Ended() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ended
}
