package expr

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// intervalUnits are the units of interval '2 hours', largest first: those of a fixed length.
var intervalUnits = []struct {
	name string
	ms   int64
}{{"week", 7 * value.DayMS}, {"day", value.DayMS}, {"hour", 3_600_000}, {"minute", 60_000}, {"second", 1000}, {"millisecond", 1}}

// maxInterval bounds intervals to the span of all timestamps, so that a sum never leaves 64 bits.
const maxInterval = value.MaxTimestamp - value.MinTimestamp

// parseInterval reads a whole number and a unit, one or many, as ms.
func parseInterval(s string) (ms int64, ok bool) {
	number, unit, ok := strings.Cut(s, " ")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || number[0] == '+' {
		return 0, false
	}
	for _, u := range intervalUnits {
		if strings.EqualFold(unit, u.name) || strings.EqualFold(unit, u.name+"s") {
			return n * u.ms, n <= maxInterval/u.ms && n >= -maxInterval/u.ms
		}
	}
	return 0, false
}

// formatInterval writes ms in the largest unit below the week that divides it.
func formatInterval(ms int64) string {
	for _, u := range intervalUnits[1:] {
		if ms%u.ms == 0 {
			s := strconv.FormatInt(ms/u.ms, 10) + " " + u.name
			if ms/u.ms != 1 {
				s += "s"
			}
			return s
		}
	}
	return ""
}

var timeTable = []*Function{
	{
		Name: "extract", Family: "Time", text: extractText,
		Doc: "extract(unit from x), an int, in UTC and the proleptic Gregorian calendar. Of timestamps and dates: year, quarter, month, week (ISO), day, doy (day of the year), dow (1 is Monday, 7 Sunday), epoch_ms (milliseconds since 1970). " +
			"Of timestamps only: hour, minute, second, millisecond (0 to 999, of the second).",
		Examples: []Example{{"extract(hour from timestamp '2024-01-31T06:30:00Z')", "6"}, {"extract(year from date '0001-01-01')", "1"}, {"extract(millisecond from timestamp '1969-12-31T23:59:59.999Z')", "999"}, {"extract(dow from date '2024-01-29')", "1"}, {"extract(dow from date '1969-12-28')", "7"},
			{"extract(doy from date '2024-12-31')", "366"}, {"extract(week from date '2021-01-03')", "53"}, {"extract(epoch_ms from date '1970-01-02')", "86400000"}, {"extract(quarter from date '2024-05-01')", "2"}},
		overloads: []*overload{
			{sig: "(unit const string, t timestamp) int", bind: bindExtract, sql: sql{text: extractSQL}},
			{sig: "(unit const string, d date) int", bind: bindExtract, sql: sql{text: extractSQL}},
		},
	},
	{
		Name: "date_trunc", makes: only(TimeRange), Family: "Time",
		Doc:      "date_trunc('unit', x) is the start of the unit that x lies in, of x's type, in UTC: second, minute, hour of timestamps; day, week (from Monday), month, quarter, year of timestamps and dates. Goes toward the past before 1970 too.",
		Examples: []Example{{"date_trunc('hour', timestamp '2024-01-31T06:30:00Z')", `"2024-01-31T06:00:00Z"`}, {"date_trunc('week', date '2024-01-31')", `"2024-01-29"`}, {"date_trunc('month', timestamp '1969-12-31T23:59:59.999Z')", `"1969-12-01T00:00:00Z"`}, {"date_trunc('quarter', date '2024-05-31')", `"2024-04-01"`}},
		overloads: []*overload{
			{sig: "(unit const string, t timestamp) timestamp", bind: bindTrunc, sql: sql{text: truncSQL}},
			{sig: "(unit const string, d date) date", bind: bindTrunc, sql: sql{text: truncSQL}},
		},
	},
	{
		Name: "date", Family: "Time",
		Doc:       "The day of a timestamp in UTC; cast(t as date) is the same.",
		Examples:  []Example{{"date(timestamp '2024-01-31T23:59:59Z')", `"2024-01-31"`}, {"date(timestamp '1969-12-31T23:59:59Z')", `"1969-12-31"`}},
		overloads: []*overload{{sig: "(t timestamp) date", kernel: dayOf, sql: sql{text: dayOfSQL}}},
		hint:      func([]value.Type) string { return "text is read with cast(s as date)" },
	},
	{
		Name: "datediff", Family: "Time",
		Doc:      "datediff(later, earlier) is the number of days between, negative where the first is the earlier; of timestamps, between their days in UTC.",
		Examples: []Example{{"datediff(date '2024-03-01', date '2024-02-28')", "2"}, {"datediff(timestamp '2024-01-01T00:00:00Z', timestamp '2023-12-31T23:59:59Z')", "1"}, {"datediff(date '1969-12-31', date '1970-01-01')", "-1"}},
		overloads: []*overload{
			{sig: "(later date, earlier date) int", kernel: fn2(subInt, nil), sql: sql{text: datediffSQL}},
			{sig: "(later timestamp, earlier timestamp) int", kernel: fn2(func(x, y int64) (int64, Reason) {
				return value.FloorDiv(x, value.DayMS) - value.FloorDiv(y, value.DayMS), 0
			}, nil), sql: sql{text: datediffSQL}},
		},
	},
	{
		Name: "to_timestamp", makes: only(TimeRange), Family: "Time",
		Doc:       "to_timestamp(x, 'unit') is the time that many s, ms, us or ns after 1970, floored to the millisecond; null, counted, outside years 0001–9999. The unit is a must (V5).",
		Examples:  []Example{{"to_timestamp(1706680800, 's')", `"2024-01-31T06:00:00Z"`}, {"to_timestamp(-1, 'us')", `"1969-12-31T23:59:59.999Z"`}, {"to_timestamp(9223372036854775807, 's')", "null"}},
		overloads: []*overload{{sig: "(x int, unit const string) timestamp", bind: bindToTimestamp, sql: sql{text: toTimestampSQL}}},
		hint: func(types []value.Type) string {
			if len(types) == 1 && types[0].Kind == value.KindInt {
				return "name the unit: to_timestamp(x, 'ms'), or 's', 'us', 'ns'"
			}
			if len(types) > 0 && types[0].Kind == value.KindString {
				return "text is read with cast(s as timestamp)"
			}
			return ""
		},
	},
	{
		Name: "local", makes: only(TimeRange), Family: "Time",
		Doc: "local(t, 'America/New_York') is the wall clock in a zone at t, as a timestamp: take hours and days from it. The zone is a constant of the IANA database in the version that the binary carries (" + zoneDatabase + "), whatever the machine or engine has. " +
			"Null, counted, from 2100 on: nobody knows the rules then.",
		Examples:  []Example{{"local(timestamp '2024-01-31T06:00:00Z', 'America/New_York')", `"2024-01-31T01:00:00Z"`}, {"extract(hour from local(timestamp '2024-07-01T06:00:00Z', 'Europe/Berlin'))", "8"}, {"local(timestamp '1850-01-01T12:00:00Z', 'Europe/Berlin')", `"1850-01-01T12:53:28Z"`}, {"local(timestamp '2100-01-01T00:00:00Z', 'Asia/Tokyo')", "null"}},
		overloads: []*overload{{sig: "(t timestamp, zone const string) timestamp", bind: bindLocal, sql: sql{text: localSQL}}},
	},
}

func extractText(_ *tree, args []string) string {
	return "extract(" + strings.Trim(args[0], "'") + " from " + args[1] + ")"
}

// clockUnits are parts of a day: the unit's length, and how many of them there are in the next.
var clockUnits = map[string]struct{ ms, of int64 }{"hour": {3_600_000, 24}, "minute": {60_000, 60}, "second": {1000, 60}, "millisecond": {1, 1000}}

// clockParts read them off a time, counted from the year 1, so that nothing is negative. Divisors are written out: then none is divided by.
var clockParts = map[string]func(ms int64) int64{
	"hour":        func(ms int64) int64 { return int64(uint64(ms-value.MinTimestamp) / 3_600_000 % 24) },
	"minute":      func(ms int64) int64 { return int64(uint64(ms-value.MinTimestamp) / 60_000 % 60) },
	"second":      func(ms int64) int64 { return int64(uint64(ms-value.MinTimestamp) / 1000 % 60) },
	"millisecond": func(ms int64) int64 { return int64(uint64(ms-value.MinTimestamp) % 1000) },
}

// calendarUnits are parts of the calendar, of a day counted from 1970-01-01.
var calendarUnits = map[string]func(day int64) int64{
	"year":    func(d int64) int64 { return int64(civil(d).Year()) },
	"quarter": func(d int64) int64 { return (int64(civil(d).Month()) + 2) / 3 },
	"month":   func(d int64) int64 { return int64(civil(d).Month()) },
	"week":    func(d int64) int64 { _, w := civil(d).ISOWeek(); return int64(w) },
	"day":     func(d int64) int64 { return int64(civil(d).Day()) },
	"doy":     func(d int64) int64 { return int64(civil(d).YearDay()) },
	"dow":     dayOfWeek,
}

func civil(day int64) time.Time { return time.Unix(day*86400, 0).UTC() }

// dayOfWeek is 1 for Monday; 1970-01-01 was a Thursday.
func dayOfWeek(day int64) int64 { return day + 3 - value.Floor(day+3, 7) + 1 }

func unitNames[T any](maps ...map[string]T) string {
	var names []string
	for _, m := range maps {
		for name := range m {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func bindExtract(b *binding) kernel {
	unit, isDate := b.text(0), b.args[1].typ.Kind == value.KindDate
	var f func(int64) int64
	day := calendarUnits[unit]
	clock, isClock := clockParts[unit]
	switch {
	case unit == "epoch_ms" && isDate:
		f = func(d int64) int64 { return d * value.DayMS }
	case unit == "epoch_ms":
		f = func(ms int64) int64 { return ms }
	case isClock && isDate:
		return b.refuse(0, "a date has no "+unit, "take it from the timestamp")
	case isClock:
		f = clock
	case day == nil:
		near := Nearest(unit, append(strings.Split(unitNames(calendarUnits), ", "), "hour", "minute", "second", "millisecond", "epoch_ms"))
		return b.refuse(0, fmt.Sprintf("unknown unit %q", clip(unit)), strings.TrimSpace(didYouMean(near)+"  units: "+unitNames(calendarUnits)+", hour, minute, second, millisecond, epoch_ms"))
	case isDate:
		f = day
	default:
		f = func(ms int64) int64 { return day(value.FloorDiv(ms, value.DayMS)) }
	}
	return secondOf(fn1(func(x int64) (int64, Reason) { return f(x), 0 }, nil))
}

// secondOf makes a kernel of one argument look at the second; the first is a constant that bind has used.
func secondOf(k kernel) kernel {
	k.first = 1
	return k
}

// truncUnits are starts of parts of the calendar.
var truncUnits = map[string]func(day int64) int64{
	"day":   func(d int64) int64 { return d },
	"week":  func(d int64) int64 { return value.Floor(d+firstOfWeek(), 7) - firstOfWeek() },
	"month": func(d int64) int64 { return d - int64(civil(d).Day()) + 1 },
	"quarter": func(d int64) int64 {
		t := civil(d)
		return value.FloorDiv(time.Date(t.Year(), (t.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC).Unix(), 86400)
	},
	"year": func(d int64) int64 { return d - int64(civil(d).YearDay()) + 1 },
}

// firstOfWeek is how many days the epoch, a Thursday, is after the first day of its week.
func firstOfWeek() int64 {
	if fault.Planted("expr: weeks begin on Sundays") {
		return 4
	}
	return 3
}

func bindTrunc(b *binding) kernel {
	unit, isDate := strings.ToLower(b.text(0)), b.args[1].typ.Kind == value.KindDate
	clock, isClock := clockUnits[unit]
	day := truncUnits[unit]
	switch {
	case isClock && isDate:
		return b.refuse(0, "a date has no "+unit, "")
	case isClock && unit != "millisecond":
		return secondOf(fn1(func(ms int64) (int64, Reason) { return value.Floor(ms, clock.ms), 0 }, nil))
	case day == nil:
		return b.refuse(0, fmt.Sprintf("unknown unit %q", clip(unit)), "units: second, minute, hour, day, week, month, quarter, year")
	case isDate:
		return secondOf(fn1(func(d int64) (int64, Reason) { return day(d), 0 }, nil))
	}
	return secondOf(fn1(func(ms int64) (int64, Reason) {
		if fault.Planted("expr: date_trunc goes toward zero") {
			return day(ms/value.DayMS) * value.DayMS, 0
		}
		return day(value.FloorDiv(ms, value.DayMS)) * value.DayMS, 0
	}, nil))
}

func bindToTimestamp(b *binding) kernel {
	var f func(int64) (int64, Reason)
	switch b.text(1) {
	case "s":
		f = func(x int64) (int64, Reason) {
			if x < value.MinTimestamp/1000 || x > value.MaxTimestamp/1000 {
				return 0, TimeRange
			}
			return x * 1000, 0
		}
	case "ms":
		f = func(x int64) (int64, Reason) { return x, 0 }
	case "us":
		f = func(x int64) (int64, Reason) { return value.FloorDiv(x, 1000), 0 }
	case "ns":
		f = func(x int64) (int64, Reason) { return value.FloorDiv(x, 1_000_000), 0 }
	default:
		return b.refuse(1, fmt.Sprintf("unknown unit %q", clip(b.text(1))), "units: s, ms, us, ns")
	}
	return fn1(f, nil)
}

func bindLocal(b *binding) kernel {
	z, err := loadZone(b.text(1))
	if err != nil {
		return b.refuse(1, fmt.Sprintf("unknown time zone %q", clip(b.text(1))), didYouMean(Nearest(b.text(1), zoneNames())))
	}
	return fn1(func(ms int64) (int64, Reason) {
		if ms >= zoneEnd {
			return 0, TimeRange
		}
		return ms + z.offset(ms), 0
	}, nil)
}
