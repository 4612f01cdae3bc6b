package secure

// Failure is of a connection that did not come about for what we show of ourselves, or trust.
type Failure struct {
	What string // that was connected to, as messages call it
	Err  error
	Cure string
}

func (e *Failure) Error() string { return e.What + ": " + e.Err.Error() + "; " + e.Cure }

func (e *Failure) Unwrap() error { return e.Err }
