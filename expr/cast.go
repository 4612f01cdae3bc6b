package expr

import (
	"fmt"
	"math"
	"regexp"
	"strconv"

	"github.com/bighead-ml/bighead/value"
)

// The grammars of X6. They are regular expressions because engines guard their own casts with the very same text.
const (
	intGrammar       = `[+-]?[0-9]+`
	floatGrammar     = `[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?`
	dateGrammar      = `[0-9]{4}-[0-9]{2}-[0-9]{2}`
	timestampGrammar = dateGrammar + `T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])`
)

var (
	floatText     = regexp.MustCompile(`^(` + floatGrammar + `)$`)
	timestampText = regexp.MustCompile(`^(` + timestampGrammar + `)$`)
)

// intToFloat is the conversion that happens by itself where an int meets a float (X3).
var intToFloat = &overload{sig: "(x int) float", kernel: fn1(func(x int64) (float64, Reason) { return float64(x), 0 }, floatsOfInts), sql: both("CAST($1 AS DOUBLE)")}

var castTable = []*Function{{
	Name: "cast", makes: badCast, Aliases: []string{"try_cast"}, Family: "Casts", Steps: true, text: castText,
	Doc: "cast(x as type), also written try_cast: null, counted, where the text is not of the type's grammar (X6). No spaces around; an int is [+-]?[0-9]+; a float [+-]?([0-9]+(.[0-9]*)?|.[0-9]+)([eE][+-]?[0-9]+)?; " +
		"a bool true or false; a date YYYY-MM-DD; a timestamp YYYY-MM-DDThh:mm:ss, up to nine digits of a second after a point (floored to the millisecond), then Z or an offset such as +01:00. A float becomes an int by dropping its fraction, null beyond 64 bits. " +
		"A timestamp becomes its date in UTC, a date its midnight. A bool becomes 1 or 0. Not offered: a float as text (engines print differently), an int as a time (to_timestamp names the unit), a number as bool (write x <> 0).",
	Examples: []Example{{"cast('12' as int)", "12"}, {"cast('+007' as int)", "7"}, {"cast(' 12' as int)", "null"}, {"cast('1e3' as int)", "null"}, {"cast('9223372036854775808' as int)", "null"}, {"cast('1e3' as float)", "1000.0"}, {"cast('.5' as float)", "0.5"}, {"cast('NaN' as float)", "null"},
		{"cast('0x1p3' as float)", "null"}, {"cast('1e400' as float)", "null"}, {"cast(-1.9 as int)", "-1"}, {"cast(9223372036854775807.0 as int)", "null"}, {"cast('true' as bool)", "true"}, {"cast('TRUE' as bool)", "null"}, {"cast('2024-02-29' as date)", `"2024-02-29"`}, {"cast('2023-02-29' as date)", "null"},
		{"cast('2024-01-31T06:00:00.5+01:00' as timestamp)", `"2024-01-31T05:00:00.500Z"`}, {"cast('2024-01-31 06:00:00' as timestamp)", "null"}, {"cast(timestamp '1969-12-31T23:59:59Z' as date)", `"1969-12-31"`}, {"cast(date '2024-01-31' as timestamp)", `"2024-01-31T00:00:00Z"`},
		{"cast(12 as string)", `"12"`}, {"cast(date '2024-01-31' as string)", `"2024-01-31"`}, {"cast(timestamp '2024-01-31T06:00:00.5Z' as string)", `"2024-01-31T06:00:00.500Z"`}, {"cast(true as int)", "1"}, {"try_cast('x' as int)", "null"}},
	overloads: []*overload{
		intToFloat,
		{sig: "(x float) int", kernel: fn1(floatToInt, nil), sql: floatToIntSQL},
		{sig: "(x bool) int", kernel: fn1(func(x bool) (int64, Reason) { return ofBool(x), 0 }, nil), sql: both(boolCases("CAST(1 AS BIGINT)", "CAST(0 AS BIGINT)"))},
		{sig: "(x bool) float", kernel: fn1(func(x bool) (float64, Reason) { return float64(ofBool(x)), 0 }, nil), sql: both(boolCases("CAST(1 AS DOUBLE)", "CAST(0 AS DOUBLE)"))},
		{sig: "(s string) int", kernel: fn1(textToInt, nil), sql: guarded(intGrammar, "BIGINT")},
		{sig: "(s string) float", kernel: fn1(textToFloat, nil), sql: guarded(floatGrammar, "DOUBLE")},
		{sig: "(s string) bool", kernel: fn1(textToBool, nil), sql: boolWords},
		{sig: "(s string) timestamp", kernel: fn1(textToTimestamp, nil), sql: sql{text: textToTimestampSQL, wild: true}},
		{sig: "(s string) date", kernel: fn1(textToDate, nil), sql: sql{text: textToDateSQL, wild: true}},
		{sig: "(x bool) string", kernel: fn1(func(x bool) (string, Reason) { return strconv.FormatBool(x), 0 }, nil), sql: both(boolCases("'true'", "'false'"))},
		{sig: "(x int) string", kernel: fn1(func(x int64) (string, Reason) { return strconv.FormatInt(x, 10), 0 }, nil), sql: both("CAST($1 AS STRING)")},
		{sig: "(t timestamp) string", kernel: fn1(func(ms int64) (string, Reason) { return value.FormatTimestamp(ms), 0 }, nil), sql: sql{text: timestampToTextSQL}},
		{sig: "(d date) string", kernel: fn1(func(d int64) (string, Reason) { return value.FormatDate(d), 0 }, nil), sql: sql{text: dateToTextSQL}},
		{sig: "(t timestamp) date", kernel: dayOf, sql: sql{text: dayOfSQL}},
		{sig: "(d date) timestamp", kernel: fn1(func(d int64) (int64, Reason) { return d * value.DayMS, 0 }, nil), sql: both("($1 * 86400000)")},
	},
}}

// dayOf is the UTC day of a timestamp.
var dayOf = fn1(func(ms int64) (int64, Reason) { return value.FloorDiv(ms, value.DayMS), 0 }, nil)

func castHint(from, to value.Type) string {
	switch {
	case from.Kind == value.KindFloat && to.Kind == value.KindString:
		return "engines print floats differently; keep the number"
	case from.Numeric() && to.Kind == value.KindBool:
		return "write x <> 0"
	case from.Numeric() && (to.Kind == value.KindTimestamp || to.Kind == value.KindDate):
		return "a number needs its unit: to_timestamp(x, 'ms')"
	case (from.Kind == value.KindTimestamp || from.Kind == value.KindDate) && to.Numeric():
		return "name the unit: extract(epoch_ms from x)"
	}
	return "casts go between text and bool, int, timestamp, date; from text to float; between numbers; between timestamp and date"
}

func floatsOfInts(out []float64, a []int64) bool {
	for i, x := range a {
		out[i] = float64(x)
	}
	return true
}

func floatToInt(x float64) (int64, Reason) {
	if !(x >= math.MinInt64 && x < -math.MinInt64) {
		return 0, BadCast
	}
	return int64(x), 0
}

func textToInt(s string) (int64, Reason) {
	digits := s
	if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
		digits = s[1:]
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, BadCast
		}
	}
	i, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, BadCast
	}
	return i, 0
}

func textToFloat(s string) (float64, Reason) {
	if !floatText.MatchString(s) {
		return 0, BadCast
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, BadCast
	}
	return f, 0
}

func textToBool(s string) (bool, Reason) {
	if s != "true" && s != "false" {
		return false, BadCast
	}
	return s == "true", 0
}

func textToTimestamp(s string) (int64, Reason) {
	if !timestampText.MatchString(s) {
		return 0, BadCast
	}
	ms, ok := value.ParseTimestamp(s)
	if !ok {
		return 0, BadCast
	}
	return ms, 0
}

func textToDate(s string) (int64, Reason) {
	d, ok := value.ParseDate(s)
	if !ok {
		return 0, BadCast
	}
	return d, 0
}

func castText(t *tree, args []string) string {
	return fmt.Sprintf("cast(%s as %s)", args[0], t.typ)
}
