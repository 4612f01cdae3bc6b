package expr

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// What follows prints what templates cannot say. Whatever is here has been held against the engines; docs/functions.md says where
// each function runs.

// order is x as the engine must see it to order values as we do. Flink orders text by UTF-16, which HEX turns into the order of code
// points, and does not order bytes (read as Latin-1, each is one character of the same rank) nor bools.
func (d Dialect) order(t value.Type, x string) string {
	if d == SparkSQL {
		return x
	}
	switch t.Kind {
	case value.KindString:
		return "HEX(" + x + ")"
	case value.KindBytes:
		return d.equal(t, x)
	case value.KindBool:
		return "CASE WHEN " + x + " THEN 1 WHEN NOT " + x + " THEN 0 END"
	}
	return x
}

// equal is x as the engine must see it to tell values apart as we do.
func (d Dialect) equal(t value.Type, x string) string {
	if d == FlinkSQL && t.Kind == value.KindBytes {
		return "DECODE(" + x + ", 'ISO-8859-1')"
	}
	return x
}

func compareSQL(op string) sql {
	return sql{text: func(d Dialect, t *tree, args []string) string {
		see := d.order
		if op == "=" || op == "<>" || op == "IS DISTINCT FROM" {
			see = d.equal
		}
		typ := t.args[0].typ
		return "(" + see(typ, args[0]) + " " + op + " " + see(typ, args[1]) + ")"
	}}
}

func joined(op string) sql {
	return sql{text: func(_ Dialect, _ *tree, args []string) string { return "(" + strings.Join(args, " "+op+" ") + ")" }}
}

// checked makes the printings of + - * of ints: Spark has try_ functions; in Flink, which wraps, a decimal that holds every result decides.
func checked(try, op string, digits int) sql {
	wide := fmt.Sprintf("CAST($1 AS DECIMAL(%d, 0)) %s CAST($2 AS DECIMAL(%d, 0))", digits, op, digits)
	return sql{
		spark: try + "($1, $2)",
		flink: "CASE WHEN " + wide + " BETWEEN -9223372036854775808 AND 9223372036854775807 THEN $1 " + op + " $2 END",
		long:  "TRY_CAST(CAST(" + wide + " AS STRING) AS BIGINT)",
	}
}

// floating makes the printings of + - * of floats, whose arguments need no guard of their own: from infinity and NaN they never come back.
func floating(op string) sql {
	s := both("($1 " + op + " $2)")
	s.wild, s.raw = true, 0b11
	return s
}

// wildly is a template whose result can leave its type.
func wildly(template string) sql {
	s := both(template)
	s.wild = true
	return s
}

// quotient prints div and %, shorter where the divisor is a constant other than 0 and −1.
func quotient(remainder bool) sql {
	return sql{text: func(d Dialect, t *tree, args []string) string {
		x, y := args[0], args[1]
		safe := false
		if t.args[1].fixed {
			v := t.args[1].compile(nil)(nil, nil)
			safe = !v.IsNull() && v.Int() != 0 && v.Int() != -1
		}
		if !safe {
			y = "NULLIF(" + y + ", " + d.int(0) + ")"
		}
		switch {
		case remainder && d == FlinkSQL:
			return "MOD(" + x + ", " + y + ")"
		case remainder:
			return "(" + x + " % " + y + ")"
		}
		text := d.divide(x, y)
		if !safe {
			text = "CASE WHEN " + x + " = " + d.int(-1<<63) + " AND " + args[1] + " = " + d.int(-1) + " THEN " + d.literal(value.Int, value.Value{}) + " ELSE " + text + " END"
		}
		return text
	}}
}

// divide truncates toward zero; the divisor is neither 0 nor, with the least int, −1.
func (d Dialect) divide(x, y string) string {
	if d == SparkSQL {
		return "(" + x + " div " + y + ")"
	}
	return "(" + x + " / " + y + ")"
}

func (d Dialect) modulo(x string, n int64) string {
	if d == SparkSQL {
		return "(" + x + " % " + d.int(n) + ")"
	}
	return "MOD(" + x + ", CAST(" + d.int(n) + " AS BIGINT))" // MOD has the type of its divisor
}

func caseSQL(_ Dialect, _ *tree, args []string) string {
	var b strings.Builder
	b.WriteString("CASE")
	for i := 0; i+1 < len(args); i += 2 {
		b.WriteString(" WHEN " + args[i] + " THEN " + args[i+1])
	}
	if len(args)%2 == 1 {
		b.WriteString(" ELSE " + args[len(args)-1])
	}
	return b.String() + " END"
}

func nullifSQL(d Dialect, t *tree, args []string) string {
	typ := t.args[0].typ
	if a, b := d.equal(typ, args[0]), d.equal(typ, args[1]); a != args[0] {
		return "CASE WHEN " + a + " = " + b + " THEN " + d.literal(typ, value.Value{}) + " ELSE " + args[0] + " END"
	}
	return "NULLIF(" + args[0] + ", " + args[1] + ")"
}

// maxIn is the length up to which Flink keeps a list as it is; of longer ones it makes a join.
const maxIn = 15

func inSQL(d Dialect, t *tree, args []string) string {
	seen := make([]string, len(args))
	for i, a := range args {
		seen[i] = d.equal(t.args[0].typ, a)
	}
	x, list := seen[0], seen[1:]
	if d == SparkSQL {
		return "(" + x + " IN (" + strings.Join(list, ", ") + "))"
	}
	var parts []string
	if t.args[0].typ.Kind == value.KindFloat {
		for _, v := range list {
			parts = append(parts, x+" = "+v)
		}
	} else {
		for len(list) > 0 {
			n := min(maxIn, len(list))
			parts = append(parts, x+" IN ("+strings.Join(list[:n], ", ")+")")
			list = list[n:]
		}
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

func betweenSQL(d Dialect, t *tree, args []string) string {
	typ := t.args[0].typ
	return "(" + d.order(typ, args[0]) + " BETWEEN " + d.order(typ, args[1]) + " AND " + d.order(typ, args[2]) + ")"
}

// extremeSQL: Spark's functions skip nulls; Flink's do not, so each argument is held against those after it.
func extremeSQL(spark, op string) sql {
	return sql{text: func(d Dialect, t *tree, args []string) string {
		if d == SparkSQL {
			return spark + "(" + strings.Join(args, ", ") + ")"
		}
		typ := t.typ
		var b strings.Builder
		b.WriteString("CASE")
		for i, x := range args[:len(args)-1] {
			b.WriteString(" WHEN " + x + " IS NOT NULL")
			for _, y := range args[i+1:] {
				b.WriteString(" AND (" + y + " IS NULL OR " + d.order(typ, x) + " " + op + " " + d.order(typ, y) + ")")
			}
			b.WriteString(" THEN " + x)
		}
		return b.String() + " ELSE " + args[len(args)-1] + " END"
	}}
}

// matches tests a text against a whole grammar. \z is the very end; Java's $ also stands before a last newline.
func (d Dialect) matches(x, grammar string) string {
	pattern := d.quote("^(" + grammar + `)\z`)
	if d == SparkSQL {
		return x + " rlike " + pattern
	}
	return "REGEXP(" + x + ", " + pattern + ")"
}

// guarded casts a text that is of the grammar, and makes null of others.
func guarded(grammar, typ string) sql {
	s := sql{text: func(d Dialect, t *tree, args []string) string {
		return "CASE WHEN " + d.matches(args[0], grammar) + " THEN TRY_CAST(" + args[0] + " AS " + typ + ") END"
	}}
	s.wild = typ == "DOUBLE"
	return s
}

var boolWords = both("CASE WHEN $1 = 'true' THEN TRUE WHEN $1 = 'false' THEN FALSE END")

func boolCases(yes, no string) string {
	return "CASE WHEN $1 THEN " + yes + " WHEN NOT $1 THEN " + no + " END"
}

// floatToIntSQL tests the range first: casts go to the nearest int (Flink) or err by one at 2⁶³ (Spark).
var floatToIntSQL = sql{
	spark: "if($1 >= -9.223372036854775808E18d and $1 < 9.223372036854775808E18d, try_cast($1 as bigint), null)",
	flink: "CASE WHEN $1 >= -9.223372036854775808e18 AND $1 < 9.223372036854775808e18 THEN CAST($1 AS BIGINT) END",
}

// validDate is the grammar of dates that exist, for engines that take 30 February; the year 0000 is left to the guard of the range.
const validDate = `[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29`

// dayOfText is the day of a text that begins with a date that exists. Spark's own cast is right; for Flink the calendar is counted
// out: years begin in March, so that the leap day comes last.
func (d Dialect) dayOfText(s string) string {
	if d == SparkSQL {
		return "cast(unix_date(try_cast(substr(" + s + ", 1, 10) as date)) as bigint)"
	}
	year := "(TRY_CAST(SUBSTR(" + s + ", 1, 4) AS BIGINT) - CASE WHEN SUBSTR(" + s + ", 6, 2) IN ('01', '02') THEN 1 ELSE 0 END)"
	month := "CASE SUBSTR(" + s + ", 6, 2) WHEN '03' THEN 0 WHEN '04' THEN 31 WHEN '05' THEN 61 WHEN '06' THEN 92 WHEN '07' THEN 122 WHEN '08' THEN 153 WHEN '09' THEN 184 WHEN '10' THEN 214 WHEN '11' THEN 245 WHEN '12' THEN 275 WHEN '01' THEN 306 ELSE 337 END"
	return "(365 * " + year + " + " + year + " / 4 - " + year + " / 100 + " + year + " / 400 + " + month + " + TRY_CAST(SUBSTR(" + s + ", 9, 2) AS BIGINT) - 719469)"
}

func textToDateSQL(d Dialect, _ *tree, args []string) string {
	return "CASE WHEN " + d.matches(args[0], validDate) + " THEN " + d.dayOfText(args[0]) + " END"
}

// textToTimestampSQL counts out of a text of the grammar: engines know fewer offsets, more formats and finer fractions.
func textToTimestampSQL(d Dialect, _ *tree, args []string) string {
	s := args[0]
	twoDigits := func(from string) string {
		return fmt.Sprintf("TRY_CAST(SUBSTR(%s, %s, 2) AS BIGINT)", s, from)
	}
	length := "CHAR_LENGTH(" + s + ")"
	sign := "CASE SUBSTR(" + s + ", " + length + " - 5, 1) WHEN '-' THEN " + d.int(-60_000) + " ELSE " + d.int(60_000) + " END"
	offset := "CASE WHEN SUBSTR(" + s + ", " + length + ", 1) = 'Z' THEN " + d.int(0) + " ELSE " + sign + " * (" + twoDigits(length+" - 4") + " * 60 + " + twoDigits(length+" - 1") + ") END"
	ms := "TRY_CAST(RPAD(COALESCE(REGEXP_EXTRACT(" + s + ", '[.]([0-9]{1,3})', 1), ''), 3, '0') AS BIGINT)"
	valid := "(" + validDate + ")" + strings.TrimPrefix(timestampGrammar, dateGrammar)
	return "CASE WHEN " + d.matches(s, valid) + " THEN " + d.dayOfText(s) + " * 86400000 + " + twoDigits("12") + " * 3600000 + " + twoDigits("15") + " * 60000 + " + twoDigits("18") + " * 1000 + " + ms + " - " + offset + " END"
}

// Integer arithmetic on times starts at 0001-01-01T00:00:00Z, a Monday: from there on nothing is negative, so that truncation is floor.
const (
	sinceMonday = -value.MinTimestamp
	daysSince   = -value.MinDate
)

// part is how many whole units of n ms of the cycle have passed.
func (d Dialect) part(ms string, n, cycle int64) string {
	x := "(" + ms + " + " + d.int(sinceMonday) + ")"
	if cycle > 1 {
		x = d.modulo(x, n*cycle)
	}
	if n == 1 {
		return x
	}
	return d.divide(x, d.int(n))
}

// day is the day of a time in ms.
func (d Dialect) day(ms string) string {
	return "(" + d.part(ms, value.DayMS, 1) + " - " + d.int(daysSince) + ")"
}

// calendar asks the engine's calendar about a day; on whole days both are right, also before 1970.
func (d Dialect) calendar(unit, day string) string {
	if d == FlinkSQL {
		return "EXTRACT(" + strings.ToUpper(unit) + " FROM CAST(TO_TIMESTAMP_LTZ(" + day + " * 86400000, 3) AS TIMESTAMP(3)))"
	}
	name := map[string]string{"doy": "dayofyear", "week": "weekofyear"}[unit]
	if name == "" {
		name = unit
	}
	return "cast(" + name + "(date_from_unix_date(cast(" + day + " as int))) as bigint)"
}

func (d Dialect) weekday(day string) string { return d.modulo("("+day+" + "+d.int(daysSince)+")", 7) }

func dateToTextSQL(d Dialect, _ *tree, args []string) string { return d.dateText(args[0]) }

func (d Dialect) dateText(day string) string {
	if d == FlinkSQL {
		return "DATE_FORMAT(CAST(TO_TIMESTAMP_LTZ(" + day + " * 86400000, 3) AS TIMESTAMP(3)), 'uuuu-MM-dd')"
	}
	return "date_format(date_from_unix_date(cast(" + day + " as int)), 'yyyy-MM-dd')"
}

func timestampToTextSQL(d Dialect, _ *tree, args []string) string {
	x := args[0]
	two := func(n, of int64) string { return "LPAD(CAST(" + d.part(x, n, of) + " AS STRING), 2, '0')" }
	ms := d.part(x, 1, 1000)
	return "CONCAT(" + d.dateText(d.day(x)) + ", 'T', " + two(3_600_000, 24) + ", ':', " + two(60_000, 60) + ", ':', " + two(1000, 60) +
		", CASE WHEN " + ms + " = 0 THEN '' ELSE CONCAT('.', LPAD(CAST(" + ms + " AS STRING), 3, '0')) END, 'Z')"
}

func dayOfSQL(d Dialect, _ *tree, args []string) string { return d.day(args[0]) }

func datediffSQL(d Dialect, t *tree, args []string) string {
	if t.args[0].typ.Kind == value.KindDate {
		return "(" + args[0] + " - " + args[1] + ")"
	}
	return "(" + d.part(args[0], value.DayMS, 1) + " - " + d.part(args[1], value.DayMS, 1) + ")"
}

func extractSQL(d Dialect, t *tree, args []string) string {
	unit, x, isDate := t.args[0].val.Str(), args[1], t.args[1].typ.Kind == value.KindDate
	day := x
	if !isDate {
		day = d.day(x)
	}
	if clock, ok := clockUnits[unit]; ok {
		return d.part(x, clock.ms, clock.of)
	}
	switch {
	case unit == "epoch_ms" && isDate:
		return "(" + x + " * " + d.int(value.DayMS) + ")"
	case unit == "epoch_ms":
		return x
	case unit == "dow":
		return "(" + d.weekday(day) + " + " + d.int(1) + ")"
	case unit == "week" && d == FlinkSQL: // the ISO week is that of its Thursday
		thursday := "(" + day + " - " + d.weekday(day) + " + 3)"
		return "((" + d.calendar("doy", thursday) + " + 6) / 7)"
	}
	return d.calendar(unit, day)
}

func truncSQL(d Dialect, t *tree, args []string) string {
	unit, x, isDate := strings.ToLower(t.args[0].val.Str()), args[1], t.args[1].typ.Kind == value.KindDate
	if clock, ok := clockUnits[unit]; ok {
		return "(" + d.part(x, clock.ms, 1) + " * " + d.int(clock.ms) + " - " + d.int(sinceMonday) + ")"
	}
	day := x
	if !isDate {
		day = d.day(x)
	}
	switch unit {
	case "day":
	case "week":
		day = "(" + d.divide("("+day+" + "+d.int(daysSince)+")", d.int(7)) + " * 7 - " + d.int(daysSince) + ")"
	case "month":
		day = "(" + day + " - " + d.calendar("day", day) + " + " + d.int(1) + ")"
	default:
		day = d.startOf(unit, day)
	}
	if isDate {
		return day
	}
	return "(" + day + " * " + d.int(value.DayMS) + ")"
}

// startOf is the first day of the year or quarter.
func (d Dialect) startOf(unit, day string) string {
	if d == SparkSQL {
		return "cast(unix_date(trunc(date_from_unix_date(cast(" + day + " as int)), '" + strings.ToUpper(unit) + "')) as bigint)"
	}
	year := "(" + day + " - " + d.calendar("doy", day) + " + 1)"
	if unit == "year" {
		return year
	}
	number := d.calendar("year", day)
	leap := "CASE WHEN MOD(" + number + ", 4) = 0 AND (MOD(" + number + ", 100) <> 0 OR MOD(" + number + ", 400) = 0) THEN 1 ELSE 0 END"
	return "(" + year + " + CASE " + d.calendar("quarter", day) + " WHEN 1 THEN 0 WHEN 2 THEN 90 + " + leap + " WHEN 3 THEN 181 + " + leap + " ELSE 273 + " + leap + " END)"
}

func toTimestampSQL(d Dialect, t *tree, args []string) string {
	x := args[0]
	between := func(low, high int64, then string) string {
		return "CASE WHEN " + x + " BETWEEN " + d.int(low) + " AND " + d.int(high) + " THEN " + then + " END"
	}
	switch t.args[1].val.Str() {
	case "s":
		return between(value.MinTimestamp/1000, value.MaxTimestamp/1000, x+" * "+d.int(1000))
	case "us":
		return between(value.MinTimestamp*1000, value.MaxTimestamp*1000+999, d.divide("("+x+" + "+d.int(sinceMonday*1000)+")", d.int(1000))+" - "+d.int(sinceMonday))
	case "ns": // every int of nanoseconds is a time between 1677 and 2262
		return "(" + d.divide(x, d.int(1_000_000)) + " - CASE WHEN " + d.modulo(x, 1_000_000) + " < 0 THEN " + d.int(1) + " ELSE " + d.int(0) + " END)"
	}
	return between(value.MinTimestamp, value.MaxTimestamp, x)
}

// localSQL adds the offset that the zone's table has at the time. The table goes to the engine as texts of fixed-width numbers, in
// which the number of the span of time says where to read: a search tree of some hundred comparisons is right too, but Flink's
// planner takes half a minute over one and does not come back from a list of them.
func localSQL(d Dialect, t *tree, args []string) string {
	z, err := loadZone(t.args[1].val.Str())
	if err != nil {
		panic(err) // check has loaded it
	}
	x := args[0]
	plus := func(ms int64) string { return x + " + " + d.int(ms) }
	within := func(from, to int64, then, otherwise string) string {
		return "CASE WHEN " + x + " >= " + d.int(from) + " AND " + x + " < " + d.int(to) + " THEN " + then + otherwise + " END"
	}
	first := int64(value.MinTimestamp) - min(0, z.offsets[0])
	if len(z.starts) == 1 {
		return within(first, zoneEnd, plus(z.offsets[0]), "")
	}
	s, base := z.spans(), z.starts[1]
	since := "(" + x + " - " + d.int(base) + ")"
	span := "CAST(" + d.divide(since, d.int(s.length)) + " AS INT)"
	number := func(column []int64) string {
		var text strings.Builder
		for _, n := range column {
			fmt.Fprintf(&text, "%+09d", n)
		}
		return "TRY_CAST(SUBSTR(" + d.quote(text.String()) + ", " + span + " * 9 + 1, 9) AS BIGINT)"
	}
	offset := number(s.offsets[0])
	if len(s.changes) > 0 {
		offset = "CASE"
		for i, change := range s.changes {
			offset += " WHEN " + d.modulo(since, s.length) + " < " + number(change) + " * 1000 THEN " + number(s.offsets[i])
		}
		offset += " ELSE " + number(s.offsets[len(s.changes)]) + " END"
	}
	return within(base, zoneEnd, x+" + "+offset+" * 1000", " WHEN "+x+" >= "+d.int(first)+" AND "+x+" < "+d.int(base)+" THEN "+plus(z.offsets[0]))
}

// clamped prints a position or length as a 32-bit int. No text is longer than the bound.
func (d Dialect) clamped(t *tree, x string) string {
	const bound = 1_000_000_000
	if t.fixed {
		return strconv.FormatInt(min(bound, t.compile(nil)(nil, nil).Int()), 10)
	}
	return "CAST(CASE WHEN " + x + " < " + d.int(bound) + " THEN " + x + " ELSE " + d.int(bound) + " END AS INT)"
}

func substrSQL(d Dialect, t *tree, args []string) string {
	condition, call := args[1]+" >= "+d.int(1), "SUBSTR("+args[0]+", "+d.clamped(t.args[1], args[1])
	if len(args) == 3 {
		condition += " AND " + args[2] + " >= " + d.int(0)
		call += ", " + d.clamped(t.args[2], args[2])
	}
	return "CASE WHEN " + condition + " THEN " + call + ") END"
}

// likeSQL writes the pattern anew with ! for an escape, since engines differ in the one that they take unasked.
func likeSQL(d Dialect, t *tree, args []string) string {
	parts, _ := likeParts(t.args)
	if d == FlinkSQL && slices.ContainsFunc(parts, func(p likePart) bool { return p.one }) {
		return likeRegexp(d, parts, args[0])
	}
	var b strings.Builder
	for _, p := range parts {
		switch {
		case p.many:
			b.WriteByte('%')
		case p.one:
			b.WriteByte('_')
		default:
			b.WriteString(strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(p.text))
		}
	}
	return "(" + args[0] + " LIKE " + d.quote(b.String()) + " ESCAPE '!')"
}

// likeRegexp writes a pattern as a regular expression: Flink's LIKE does not take a newline for _.
func likeRegexp(d Dialect, parts []likePart, x string) string {
	var b strings.Builder
	for _, p := range parts {
		switch {
		case p.many:
			b.WriteString(".*")
		case p.one:
			b.WriteByte('.')
		default:
			b.WriteString(quoteRegexp(p.text))
		}
	}
	return d.matches(x, "(?s)"+b.String())
}

func splitSQL(d Dialect, t *tree, args []string) string {
	separator := t.args[1].val.Str()
	index := "CAST(" + args[2] + " - " + d.int(1) + " AS INT)"
	valid := args[2] + " BETWEEN " + d.int(1) + " AND " + d.int(1_000_000_000)
	if d == SparkSQL {
		return "CASE WHEN " + valid + " THEN get(split(" + args[0] + ", " + d.quote(quoteRegexp(separator)) + ", -1), " + index + ") END"
	}
	return "CASE WHEN " + args[0] + " = '' AND " + args[2] + " = 1 THEN '' WHEN " + valid + " THEN SPLIT_INDEX(" + args[0] + ", " + d.quote(separator) + ", " + index + ") END"
}

// quoteRegexp is a pattern of Java's that matches the text itself.
func quoteRegexp(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 0x80 || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, `\x%02x`, r)
	}
	return b.String()
}

func elementSQL(d Dialect, t *tree, args []string) string {
	valid := "CASE WHEN " + args[1] + " BETWEEN " + d.int(1) + " AND 2147483647 THEN "
	if d == SparkSQL {
		return "get(" + args[0] + ", CAST(" + valid + args[1] + " - 1L END AS INT))"
	}
	return args[0] + "[CAST(" + valid + args[1] + " END AS INT)]"
}

func fieldSQL(_ Dialect, t *tree, args []string) string {
	x := args[0]
	if t.args[0].column == "" {
		x = "(" + x + ")"
	}
	return x + "." + quoteBack(t.args[1].val.Str())
}

var sizeSQL = sql{spark: "if($1 is null, null, cast(cardinality($1) as bigint))", flink: "CAST(CARDINALITY($1) AS BIGINT)"}

// dateShiftSQL moves by a constant interval, in days.
func dateShiftSQL(op string) sql {
	return sql{wild: true, text: func(d Dialect, t *tree, args []string) string {
		return "(" + args[0] + " " + op + " " + d.int(t.args[1].val.Int()/value.DayMS) + ")"
	}}
}
