package cell

import (
	"errors"
	"slices"
	"strconv"
	"unsafe"

	"github.com/bighead-ml/bighead/value"
)

// ParseBool takes true and false in any case, as Python, R and SQL write them.
func ParseBool(text []byte) (v, ok bool) {
	switch string(text) {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// State is what a text is that should be a number.
type State int

// Of a Number the value is its own.
const (
	Number State = iota
	NotNumber
	TooLarge // digits all right, but beyond 64 bits or not finite
)

// ParseInt reads [+-]?[0-9]+.
func ParseInt(text []byte) (int64, State) {
	digits, negative := text, false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		digits, negative = text[1:], text[0] == '-'
	}
	if len(digits) == 0 {
		return 0, NotNumber
	}
	if len(digits) > 18 {
		return parseLong(text, digits)
	}
	i := int64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, NotNumber
		}
		i = i*10 + int64(c-'0')
	}
	if negative {
		return -i, Number
	}
	return i, Number
}

func parseLong(text, digits []byte) (int64, State) {
	if slices.ContainsFunc(digits, func(c byte) bool { return c < '0' || c > '9' }) {
		return 0, NotNumber
	}
	i, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, TooLarge
	}
	return i, Number
}

// ParseFloat reads decimal numbers with an optional exponent, and the words for what is not finite.
func ParseFloat(text []byte) (float64, State) {
	for _, c := range text {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			switch string(text) {
			case "NaN", "nan", "NAN", "Infinity", "-Infinity", "inf", "-inf", "Inf", "-Inf", "+Inf":
				return 0, TooLarge
			}
			return 0, NotNumber
		}
	}
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(text), len(text)), 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, TooLarge
	}
	if err != nil {
		return 0, NotNumber
	}
	return f + 0, Number // −0.0 becomes 0.0
}

// ParseDay reads YYYY-MM-DD; a day of year 0000 is read, for the range to refuse.
func ParseDay(text []byte) (days int64, ok bool) {
	if len(text) != 10 || text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	y, ok1 := digits(text[:4])
	m, ok2 := digits(text[5:7])
	d, ok3 := digits(text[8:])
	if !ok1 || !ok2 || !ok3 || m < 1 || m > 12 || d < 1 || d > monthDays(y, m) {
		return 0, false
	}
	return daysSinceEpoch(y, m, d), true
}

func digits(text []byte) (n int64, ok bool) {
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(text) > 0
}

func monthDays(y, m int64) int64 {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSinceEpoch is Howard Hinnant's days_from_civil for years from 0 on.
func daysSinceEpoch(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := value.FloorDiv(y, 400)
	year := y - era*400
	month := (m + 9) % 12
	day := (153*month+2)/5 + d - 1
	return era*146097 + year*365 + year/4 - year/100 + day - 719468
}

// ParseRFC3339 reads a time as RFC 3339 writes it: date, T, hours, minutes, seconds with an optional fraction (floored to ms), and Z or
// ±hh:mm.
func ParseRFC3339(text []byte) (ms int64, ok bool) {
	n := len(text)
	if n < len("2006-01-02T15:04:05Z") || text[10] != 'T' || text[16] != ':' || text[n-1] != 'Z' && text[n-6] != '+' && text[n-6] != '-' {
		return 0, false
	}
	return ParseStamp(text)
}

// ParseStamp reads a date, T or a space, hours, minutes, optional seconds with an optional fraction (floored to ms), and an optional
// zone: Z or ±hh:mm. Without a zone it is UTC. A date alone is its midnight.
func ParseStamp(text []byte) (ms int64, ok bool) {
	if len(text) < 10 {
		return 0, false
	}
	days, ok := ParseDay(text[:10])
	ms = days * value.DayMS
	if !ok || len(text) == 10 {
		return ms, ok
	}
	t := text[10:]
	if t[0] != 'T' && t[0] != ' ' || len(t) < 6 || t[3] != ':' {
		return 0, false
	}
	h, ok1 := digits(t[1:3])
	m, ok2 := digits(t[4:6])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false
	}
	ms += (h*60 + m) * 60_000
	t = t[6:]
	if len(t) >= 3 && t[0] == ':' {
		s, ok := digits(t[1:3])
		if !ok || s > 59 {
			return 0, false
		}
		ms += s * 1000
		if t = t[3:]; len(t) > 0 && t[0] == '.' {
			end := 1
			for end < len(t) && t[end] >= '0' && t[end] <= '9' {
				end++
			}
			if end == 1 {
				return 0, false
			}
			ms += milliseconds(t[1:end])
			t = t[end:]
		}
	}
	offset, ok := zone(t)
	return ms - offset, ok
}

// milliseconds are the first three digits of a fraction.
func milliseconds(fraction []byte) (ms int64) {
	for i := range 3 {
		ms *= 10
		if i < len(fraction) {
			ms += int64(fraction[i] - '0')
		}
	}
	return ms
}

// zone is the offset of Z, ±hh:mm or nothing in ms.
func zone(t []byte) (ms int64, ok bool) {
	if len(t) == 0 || len(t) == 1 && t[0] == 'Z' {
		return 0, true
	}
	if len(t) != 6 || t[0] != '+' && t[0] != '-' || t[3] != ':' {
		return 0, false
	}
	h, ok1 := digits(t[1:3])
	m, ok2 := digits(t[4:6])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false
	}
	ms = (h*60 + m) * 60_000
	if t[0] == '-' {
		ms = -ms
	}
	return ms, true
}
