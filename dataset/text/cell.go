package text

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// errCell says that a cell is not of its column's type.
var errCell = errors.New("bad cell")

// builder makes one column of a batch, cell by cell. Strings are gathered in one stretch of memory.
type builder struct {
	name string
	typ  value.Type
	unit dataset.Unit // of integers that are times; 0: none declared
	col  *value.Column
	n    int
	text []byte
	ends []int
	lost map[dataset.Reason]int64
}

func newBuilder(f value.Field, o dataset.Options) *builder {
	return &builder{name: f.Name, typ: f.Type, unit: dataset.UnitOf(o.TimeUnits[f.Name]), lost: map[dataset.Reason]int64{}}
}

// begin starts a batch of at most rows.
func (b *builder) begin(rows int) {
	b.col, b.n, b.text, b.ends = value.NewColumn(b.typ, rows), 0, nil, b.ends[:0]
}

// finish gives the column of the cells so far, and what was lost to counts.
func (b *builder) finish(counts *dataset.Counts) *value.Column {
	c := b.col
	c.N = b.n
	switch {
	case c.Bools != nil:
		c.Bools = c.Bools[:b.n]
	case c.Ints != nil:
		c.Ints = c.Ints[:b.n]
	case c.Floats != nil:
		c.Floats = c.Floats[:b.n]
	case c.Values != nil:
		c.Values = c.Values[:b.n]
	case c.Strs != nil:
		c.Strs = c.Strs[:b.n]
		all := unsafe.String(unsafe.SliceData(b.text), len(b.text))
		from := 0
		for i, end := range b.ends {
			c.Strs[i] = all[from:end]
			from = end
		}
	}
	if c.Nulls != nil {
		c.Nulls = c.Nulls[:(b.n+63)/64]
	}
	for why, n := range b.lost {
		counts.Null(b.name, why, n)
		delete(b.lost, why)
	}
	return c
}

func (b *builder) null() {
	b.col.SetNull(b.n)
	b.next()
}

func (b *builder) next() {
	if b.col.Strs != nil {
		b.ends = append(b.ends, len(b.text))
	}
	b.n++
}

// lose makes the cell null and counts it.
func (b *builder) lose(why dataset.Reason) error {
	b.lost[why]++
	b.null()
	return nil
}

// csvCell adds the cell of a CSV file.
func (b *builder) csvCell(text []byte, quoted bool) error {
	if len(text) == 0 && (!quoted || b.col.Strs == nil) {
		b.null()
		return nil
	}
	switch b.typ.Kind {
	case value.KindString:
		return b.str(text)
	case value.KindBool:
		v, ok := parseBool(text)
		if !ok {
			return errCell
		}
		b.col.Bools[b.n] = v
	case value.KindInt:
		return b.integer(text)
	case value.KindFloat:
		return b.float(text)
	case value.KindTimestamp:
		if b.unit != 0 {
			return b.time(text)
		}
		return b.stamp(text)
	case value.KindDate:
		return b.date(text)
	case value.KindBytes:
		raw, err := base64.StdEncoding.DecodeString(string(text))
		return b.parsed(value.OfBytes(raw), err)
	default:
		return b.parsed(value.Parse(b.typ, string(text)))
	}
	b.next()
	return nil
}

// parsed adds a value that another parser made.
func (b *builder) parsed(v value.Value, err error) error {
	switch {
	case err != nil:
		return errCell
	case v.IsNull():
		b.null()
	case b.col.Strs != nil:
		b.text = append(b.text, v.Str()...)
		b.next()
	default:
		b.col.Set(b.n, v)
		b.next()
	}
	return nil
}

func (b *builder) str(text []byte) error {
	if !utf8.Valid(text) {
		return b.lose(dataset.InvalidUTF8)
	}
	b.text = append(b.text, text...)
	b.next()
	return nil
}

func (b *builder) integer(text []byte) error {
	i, state := parseInt(text)
	switch state {
	case notNumber:
		return errCell
	case tooLarge:
		return b.lose(dataset.Overflow)
	}
	b.col.Ints[b.n] = i
	b.next()
	return nil
}

func (b *builder) float(text []byte) error {
	f, state := parseFloat(text)
	switch state {
	case notNumber:
		return errCell
	case tooLarge:
		return b.lose(dataset.NonFinite)
	}
	b.col.Floats[b.n] = f
	b.next()
	return nil
}

// time reads an integer of the declared unit.
func (b *builder) time(text []byte) error {
	i, state := parseInt(text)
	if state == notNumber {
		return errCell
	}
	if state == tooLarge {
		return b.lose(dataset.Overflow)
	}
	return b.ms(b.unit.Millis(i))
}

func (b *builder) ms(ms int64) error {
	if ms < value.MinTimestamp || ms > value.MaxTimestamp {
		return b.lose(dataset.OutOfRange)
	}
	b.col.Ints[b.n] = ms
	b.next()
	return nil
}

func (b *builder) stamp(text []byte) error {
	ms, ok := parseStamp(text)
	if !ok {
		return errCell
	}
	return b.ms(ms)
}

func (b *builder) date(text []byte) error {
	days, ok := parseDay(text)
	if !ok {
		return errCell
	}
	if days < value.MinDate || days > value.MaxDate {
		return b.lose(dataset.OutOfRange)
	}
	b.col.Ints[b.n] = days
	b.next()
	return nil
}

// parseBool takes true and false in any case, as Python, R and SQL write them.
func parseBool(text []byte) (v, ok bool) {
	switch string(text) {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

type numberState int

const (
	number numberState = iota
	notNumber
	tooLarge // digits all right, but beyond 64 bits or not finite
)

// parseInt reads [+-]?[0-9]+.
func parseInt(text []byte) (int64, numberState) {
	digits, negative := text, false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		digits, negative = text[1:], text[0] == '-'
	}
	if len(digits) == 0 {
		return 0, notNumber
	}
	if len(digits) > 18 {
		return parseLong(text, digits)
	}
	i := int64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, notNumber
		}
		i = i*10 + int64(c-'0')
	}
	if negative {
		return -i, number
	}
	return i, number
}

func parseLong(text, digits []byte) (int64, numberState) {
	if slices.ContainsFunc(digits, func(c byte) bool { return c < '0' || c > '9' }) {
		return 0, notNumber
	}
	i, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, tooLarge
	}
	return i, number
}

// parseFloat reads decimal numbers with an optional exponent, and the words for what is not finite.
func parseFloat(text []byte) (float64, numberState) {
	for _, c := range text {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			switch string(text) {
			case "NaN", "nan", "NAN", "Infinity", "-Infinity", "inf", "-inf", "Inf", "-Inf", "+Inf":
				return 0, tooLarge
			}
			return 0, notNumber
		}
	}
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(text), len(text)), 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, tooLarge
	}
	if err != nil {
		return 0, notNumber
	}
	return f + 0, number // −0.0 becomes 0.0
}

// parseDay reads YYYY-MM-DD; a day of year 0000 is read, for the range to refuse.
func parseDay(text []byte) (days int64, ok bool) {
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

// parseStamp reads a date, T or a space, hours, minutes, optional seconds with an optional fraction (floored to ms), and an optional
// zone: Z or ±hh:mm. Without a zone it is UTC. A date alone is its midnight.
func parseStamp(text []byte) (ms int64, ok bool) {
	if len(text) < 10 {
		return 0, false
	}
	days, ok := parseDay(text[:10])
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
