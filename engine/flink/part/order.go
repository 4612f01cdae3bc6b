package part

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/value"
)

// A text of order is ASCII, stands in the order of its value whatever Flink compares texts by, and says where it ends. Null is "0", any
// other value "1" and
//
//	bool                    0 or 1
//	int, timestamp, date    1 and 19 digits; of a negative one 0 and 19 digits of what it is above −2⁶³
//	float                   the same of its bits; of a negative one what they are below 2⁶³ − 1
//	string                  the hexadecimal of its UTF-8, and ! which is less than any digit
//	bytes                   the same, each byte a code point, which keeps their order

// orders tells whether values of the type have such texts.
func orders(t value.Type) bool { return t.Kind < value.KindList }

const end = "!"

// Order is SQL for the text of x.
func Order(x string, t value.Type) string {
	return "CASE WHEN " + x + " IS NULL THEN '0' ELSE CONCAT('1', " + body(x, t) + ") END"
}

func body(x string, t value.Type) string {
	switch t.Kind {
	case value.KindBool:
		return "CASE WHEN " + x + " THEN '1' ELSE '0' END"
	case value.KindFloat:
		b := bits(x)
		return "CASE WHEN " + x + " < 0e0 THEN CONCAT('0', " + digits("9223372036854775807 - "+b) + ") ELSE CONCAT('1', " + digits(b) + ") END"
	case value.KindString:
		return "CONCAT(HEX(" + x + "), '" + end + "')"
	case value.KindBytes:
		return "CONCAT(HEX(" + latin(x) + "), '" + end + "')"
	}
	return "CASE WHEN " + x + " < 0 THEN CONCAT('0', " + digits("9223372036854775807 + "+x+" + 1") + ") ELSE CONCAT('1', " + digits(x) + ") END"
}

func digits(x string) string { return "LPAD(CAST(" + x + " AS STRING), 19, '0')" }

// latin is bytes as a text with a code point for each.
func latin(x string) string { return "DECODE(" + x + ", 'ISO-8859-1')" }

var errOrder = errors.New("no text of order")

// readOrder reads what Order wrote at the beginning of a text.
func readOrder(text string, t value.Type) (v value.Value, rest string, err error) {
	if text == "" {
		return v, "", errOrder
	}
	present, rest := text[0], text[1:]
	switch {
	case present == '0':
		return value.Value{}, rest, nil
	case present != '1':
		return v, "", fmt.Errorf("%w: %.40q", errOrder, text)
	}
	switch t.Kind {
	case value.KindString, value.KindBytes:
		digits, rest, ok := strings.Cut(rest, end)
		b, err := hex.DecodeString(digits)
		if !ok || err != nil || !utf8.Valid(b) {
			return v, "", fmt.Errorf("%w: %.40q", errOrder, text)
		}
		v, err = ofUTF8(b, t)
		return v, rest, err
	case value.KindBool:
		if rest == "" || rest[0] > '1' || rest[0] < '0' {
			return v, "", fmt.Errorf("%w: %.40q", errOrder, text)
		}
		return value.OfBool(rest[0] == '1'), rest[1:], nil
	}
	if len(rest) < 20 || rest[0] > '1' || rest[0] < '0' || rest[1] > '9' || rest[1] < '0' {
		return v, "", fmt.Errorf("%w: %.40q", errOrder, text)
	}
	n, err := strconv.ParseInt(rest[1:20], 10, 64)
	if err != nil {
		return v, "", fmt.Errorf("%w: %.40q", errOrder, text)
	}
	v, err = ofDigits(n, rest[0] == '0', t)
	return v, rest[20:], err
}

// ofUTF8 is the string, or the bytes that latin made a string of.
func ofUTF8(b []byte, t value.Type) (value.Value, error) {
	if t.Kind == value.KindString {
		return value.OfString(string(b)), nil
	}
	out := make([]byte, 0, len(b))
	for _, r := range string(b) {
		if r > 0xff {
			return value.Value{}, fmt.Errorf("%w: a byte of %d", errOrder, r)
		}
		out = append(out, byte(r))
	}
	return value.OfBytes(out), nil
}

func ofDigits(n int64, negative bool, t value.Type) (value.Value, error) {
	switch {
	case t.Kind == value.KindFloat:
		if negative {
			n = math.MaxInt64 - n
		}
		f := math.Float64frombits(uint64(n))
		if negative {
			f = -f
		}
		if math.IsNaN(f) || math.IsInf(f, 0) || f == 0 && negative {
			return value.Value{}, fmt.Errorf("%w: the float of bits %d", errOrder, n)
		}
		return value.OfFloat(f), nil
	case negative:
		n += math.MinInt64
	}
	return ofInt(n, t)
}

// ofInt is a number, or a time that has to be one of ours.
func ofInt(n int64, t value.Type) (value.Value, error) {
	switch t.Kind {
	case value.KindTimestamp:
		if n < value.MinTimestamp || n > value.MaxTimestamp {
			return value.Value{}, fmt.Errorf("a time of %d ms", n)
		}
		return value.OfTimestamp(n), nil
	case value.KindDate:
		if n < value.MinDate || n > value.MaxDate {
			return value.Value{}, fmt.Errorf("a date of %d days", n)
		}
		return value.OfDate(n), nil
	}
	return value.OfInt(n), nil
}
