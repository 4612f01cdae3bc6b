package audit

import "time"

// TurnHour does what a log does when an hour is over; the log must have been closed.
func (l *Log) TurnHour(now time.Time) { l.turnHour(now) }
