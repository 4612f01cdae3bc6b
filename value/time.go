package value

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The bounds of timestamps (ms) and dates (days): years 0001–9999 (V3).
const (
	MinTimestamp = -62135596800000
	MaxTimestamp = 253402300799999
	MinDate      = -719162
	MaxDate      = 2932896
	DayMS        = 86_400_000
)

// Floor is the largest multiple of y that is not above x, toward −∞ (W4); y is positive.
func Floor(x, y int64) int64 {
	m := x % y
	if m < 0 {
		m += y
	}
	return x - m
}

// FloorDiv is x divided by y toward −∞; y is positive.
func FloorDiv(x, y int64) int64 {
	q := x / y
	if x%y < 0 {
		q--
	}
	return q
}

// ParseTimestamp reads RFC 3339 (2024-01-31T06:00:00.5Z, 2024-01-31T06:00:00+01:00) as ms since the epoch, finer digits floored.
// It takes upper-case T and Z only, no spaces, no leap seconds, and times within years 0001–9999.
func ParseTimestamp(s string) (ms int64, ok bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[10] != 'T' || strings.ContainsAny(s, "z,") {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, false
	}
	// time.Parse is laxer than the RFC: it takes hours of one digit, and offsets of 24 hours and 60 minutes.
	if n := len(s); s[13] != ':' || s[16] != ':' || s[n-1] != 'Z' && (s[n-5:n-3] > "23" || s[n-2:] > "59") {
		return 0, false
	}
	ms = t.UnixMilli() // floors: t.Nanosecond is never negative
	return ms, ms >= MinTimestamp && ms <= MaxTimestamp
}

// FormatTimestamp writes ms since the epoch as RFC 3339 in UTC, with milliseconds only where there are any.
func FormatTimestamp(ms int64) string {
	t := time.UnixMilli(ms).UTC()
	if ms%1000 == 0 {
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}

// ParseDate reads YYYY-MM-DD as days since the epoch.
func ParseDate(s string) (days int64, ok bool) {
	if len(s) != len("2006-01-02") {
		return 0, false
	}
	t, err := time.Parse("2006-01-02", s)
	if err != nil || t.Year() < 1 {
		return 0, false
	}
	return FloorDiv(t.Unix(), 86400), true
}

// FormatDate writes days since the epoch as YYYY-MM-DD.
func FormatDate(days int64) string {
	return time.Unix(days*86400, 0).UTC().Format("2006-01-02")
}

var durationUnits = []struct {
	suffix string
	ms     int64
}{{"ms", 1}, {"s", 1000}, {"m", 60_000}, {"h", 3_600_000}, {"d", DayMS}}

// ParseDuration reads a duration of definitions, a whole number and one unit of ms, s, m, h, d ("90s", "15m", "7d"), as ms.
func ParseDuration(s string) (ms int64, err error) {
	for _, u := range durationUnits {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n > math.MaxInt64/u.ms {
			return 0, fmt.Errorf("duration %q is too long", s)
		}
		return n * u.ms, nil
	}
	return 0, fmt.Errorf("%q is not a duration: write a whole number and a unit, such as \"90s\", \"15m\", \"12h\" or \"7d\"", s)
}

// FormatDuration writes ms in the largest unit that divides it: 90s, 15m, 7d.
func FormatDuration(ms int64) string {
	for i := len(durationUnits) - 1; i > 0; i-- {
		if u := durationUnits[i]; ms != 0 && ms%u.ms == 0 {
			return strconv.FormatInt(ms/u.ms, 10) + u.suffix
		}
	}
	if ms == 0 {
		return "0s"
	}
	return strconv.FormatInt(ms, 10) + "ms"
}
