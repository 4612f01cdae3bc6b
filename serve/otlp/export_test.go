package otlp

import (
	"testing"
	"time"
)

// Patient lets spans take for a test as long as they need to be sent at the end.
func Patient(t *testing.T) {
	before := closeTimeout
	closeTimeout = time.Hour
	t.Cleanup(func() { closeTimeout = before })
}
