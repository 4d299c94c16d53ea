package httpapi

// Ended reports whether Drain has begun.
func (a *Active) Ended() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ended
}
