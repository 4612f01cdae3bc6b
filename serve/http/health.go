package http

import (
	"encoding/json"
	"net/http"
)

// healthz answers that the process makes progress: it asks nothing else, so that a shared store that is down kills no server.
func (h *Handler) healthz(w http.ResponseWriter, _ *http.Request) error {
	health := map[string]string{"status": "ok"}
	if h.o.Role != nil {
		health["role"] = h.o.Role()
	}
	writeJSON(w, http.StatusOK, health)
	return nil
}

// readiness is the body of /readyz.
type readiness struct {
	Ready bool `json:"ready"`
	// Role is active or standby, where it is said.
	Role string `json:"role,omitempty"`
	// Waiting is what stands in the way.
	Waiting []string `json:"waiting"`
	// Degraded is what goes worse than it should while requests are answered.
	Degraded []string `json:"degraded"`
}

// readyz answers 200 once definitions are loaded and planned and the first catch-up is over, and until the server drains; never less
// because a store is down or the stream lags, which it tells as degraded.
func (h *Handler) readyz(w http.ResponseWriter, _ *http.Request) error {
	r := readiness{Waiting: []string{}, Degraded: []string{}}
	if h.o.CaughtUp != nil && !h.o.CaughtUp() {
		r.Waiting = append(r.Waiting, "the first catch-up of the stream")
	}
	if h.draining.Load() {
		r.Waiting = append(r.Waiting, "the server is about to stop")
	}
	r.Degraded = append(r.Degraded, h.o.Server.Degraded()...)
	if h.o.Degraded != nil {
		r.Degraded = append(r.Degraded, h.o.Degraded()...)
	}
	if h.o.Role != nil {
		r.Role = h.o.Role()
	}
	r.Ready = len(r.Waiting) == 0
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, status, r)
	return nil
}

// writeJSON answers with what is small and asked for seldom.
func writeJSON(w http.ResponseWriter, status int, x any) {
	b, err := json.Marshal(x)
	if err != nil {
		panic(err) // what we write always encodes
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a caller that is gone hears nothing
}
