package serve

import "time"

// LateFor sets for a test how long after its time an answer of a server's store may come, before anything is asked of the server.
func (s *Server) LateFor(d time.Duration) { s.late = d }
