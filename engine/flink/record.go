package flink

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// A record is a row where our own reader (dataset/jsonrows) finds one, and no other: what it puts aside as a dead letter is not in the log, so
// that Flink must not count it. Flink's own reading of JSON can't tell: it takes 1.5 for the integer 1 and "true" for true, gives null for
// what it can't read, and the last of two that stand under one key. So a record is read as its text. Flink's JSON_QUERY, which is strict, picks the
// columns' fields and writes them anew, in one spelling and with all digits, and one regular expression says whether each is of its type.

// Columns of the views that make rows of records.
const (
	recordColumn = "#record" // the text
	hiddenColumn = "#hidden" // whether words are hidden in it
	jsonColumn   = "#json"   // the same as JSON_QUERY can read it
	fieldsColumn = "#fields" // an object of the fields that are columns
	textPrefix   = "#text "  // of times and dates, as they are written
	valuePrefix  = "#value " // before the rules of values
)

// lost stands in a string for what is no UTF-8: no text has this code point, which is no character.
const lost = `\x{FFFF}`

// (What is repeated in these expressions is never given back, *+: Java would else go one call deeper for each character.)

// Expressions over a record.
const (
	prefixed  = `^\x{0}[\s\S]{4}` // a registry's number, of which the reader knows nothing
	before    = `(?<![A-Za-z0-9+.-])`
	after     = `(?![A-Za-z0-9+.-])`
	infinite  = before + `(?:NaN|-?Infinity)` + after
	unquoted  = `^(?:[^"]|"(?:[^"\\NI]|\\.|N(?!aN)|I(?!nfinity))*+")*+\z`                                                                                        // no string has such a word
	outside   = `(?=(?:[^"\\]|\\.|"(?:[^"\\]|\\.)*+")*+\z)`                                                                                                      // after it: from here to the end quotes come in pairs
	surrogate = `(?<=(?<!\\)(?:\\\\){0,99})(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})` // half a pair
	odd       = `^\x{0}|NaN|Infinity|\\u[dD][89a-fA-F]|\x{FFFD}`
)

// Words that are hidden stand as numbers of another spelling than JSON_QUERY writes: bare ones are infinite, as they are to be, and those in strings come out of it as
// they went in, to be words again. Else it must be told of each word whether it stands in a string, which takes the rest of the record, each time.
const (
	hiddenNumber   = "1e00099"
	hiddenNaN      = hiddenNumber + "7"
	hiddenInfinity = hiddenNumber + "8"
)

// hides says whether a record's words are to be hidden: one stands in a string. None may look like one that is, and no field's name may have one.
func hides(record string, fields []string) string {
	for _, f := range fields {
		if strings.Contains(f, "NaN") || strings.Contains(f, "Infinity") {
			return "FALSE"
		}
	}
	return "COALESCE((POSITION('NaN' IN " + record + ") > 0 OR POSITION('Infinity' IN " + record + ") > 0) AND NOT REGEXP(" + record + ", " + quote(unquoted) + ") AND POSITION(" + quote(hiddenNumber) + " IN " + record + ") = 0, FALSE)"
}

// unworded is a text with its words hidden.
func unworded(x string) string {
	for _, w := range [][2]string{{"NaN", hiddenNaN}, {"-Infinity", "-" + hiddenInfinity}, {"Infinity", hiddenInfinity}} {
		x = "REGEXP_REPLACE(" + x + ", " + quote(before+w[0]+after) + ", " + quote(w[1]) + ")"
	}
	return x
}

// shown is what JSON_QUERY gives, in which hidden words stand in strings alone.
func shown(x string) string {
	return "CASE WHEN " + id(hiddenColumn) + " THEN REPLACE(REPLACE(" + x + ", " + quote(hiddenNaN) + ", 'NaN'), " + quote(hiddenInfinity) + ", 'Infinity') ELSE " + x + " END"
}

// repaired is a record's text where JSON_QUERY would not take what our reader does: numbers that are not finite become such of digits, and what is no UTF-8 becomes
// lost.
func repaired(record, hides string) string {
	x := "REGEXP_REPLACE(" + record + ", " + quote(prefixed) + ", '')"
	x = "CASE WHEN ENCODE(" + record + ", 'UTF-8') = CAST(" + record + " AS BYTES) THEN " + x + " ELSE REGEXP_REPLACE(" + x + ", " + quote(`\x{FFFD}`) + ", " + quote(`\uffff`) + ") END"
	x = "REGEXP_REPLACE(" + x + ", " + quote(surrogate) + ", " + quote(`\uffff`) + ")"
	// To look whether a word stands in a string takes the rest of the record, each time: so only where they can't be hidden.
	x = "CASE WHEN " + hides + " THEN " + unworded(x) + "\n  WHEN REGEXP(" + record + ", " + quote(unquoted) + ") THEN REGEXP_REPLACE(" + x + ", " + quote(infinite) + ", '1e999') ELSE REGEXP_REPLACE(" + x + ", " + quote(infinite+outside) + ", '1e999') END"
	return "CASE WHEN REGEXP(" + record + ", " + quote(odd) + ")\n  THEN " + x + "\n  ELSE " + record + " END"
}

// picked is the object of some fields of the one object that a text is; null where it is none. The text is put where another value behind it
// is no JSON: alone, what follows it would not be read.
func picked(json string, fields []string) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = pathName(f)
	}
	if len(names) == 1 {
		names = append(names, names[0]) // of one name alone it would be the value
	}
	return "JSON_QUERY(CONCAT('[{\"\":', " + json + ", '}]'), " + quote("$[0]['']["+strings.Join(names, ",")+"]") + ")"
}

// pathName is a field's name in a path of JSON's.
func pathName(field string) string { return "'" + strings.ReplaceAll(field, "'", `\'`) + "'" }

// spelled tells whether a name stands in JSON as it is.
func spelled(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0xFFFD })
}

// keyed begins a regular expression for the value of a field: nothing else in an object of scalars and lists is like it.
func keyed(field string) string { return `"` + regexp.QuoteMeta(field) + `":` }

// Texts of values in what JSON_QUERY writes.
const (
	stringText = `"(?:[^"\\]|\\.)*+"`
	dayText    = `(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)`
	clockText  = `T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]++)?+(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])`
)

// textOf is the expression for values of a type, and false where there is none: fields of a struct, and the keys of a map, are not known.
func textOf(t value.Type, numbersAreTimes bool) (string, bool) {
	switch t.Kind {
	case value.KindBool:
		return "true|false", true
	case value.KindInt:
		return `-?[0-9]++|"[+-]?[0-9]++"`, true
	case value.KindFloat:
		return `-?[0-9]++(?:[.][0-9]++)?+(?:E[+-]?[0-9]++)?+`, true
	case value.KindString:
		return stringText, true
	case value.KindBytes:
		return `"(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?+"`, true
	case value.KindDate:
		return `"` + dayText + `"`, true
	case value.KindTimestamp:
		text := `"` + dayText + clockText + `"`
		if numbersAreTimes {
			text += `|-?[0-9]++`
		}
		return text, true
	case value.KindList:
		elem, ok := textOf(*t.Elem, true)
		elem = "(?:null|" + elem + ")"
		return `\[(?:` + elem + `(?:,` + elem + `)*+)?+\]`, ok
	}
	return "", false
}

// sound says whether an object of fields has each as its column's type, and no field stood twice in the record: names are counted in both, and
// where that leaves it open, because a name stands in what is no column too, a parser says it that takes no name twice.
func sound(fields []string, texts map[string][]string) string {
	var each, names []string
	for _, f := range fields {
		all := "(?:null|" + strings.Join(texts[f], "|") + ")"
		if len(texts[f]) > 1 { // columns of one field that is to be of each type
			all = ""
			for _, t := range texts[f] {
				all += "(?=(?:null|" + t + ")[,}])"
			}
			all += "(?:null|" + texts[f][0] + ")"
		}
		each, names = append(each, keyed(f)+all), append(names, regexp.QuoteMeta(f))
	}
	count := quote(`"(?:` + strings.Join(names, "|") + `)"\s*+:`)
	return "REGEXP(" + id(fieldsColumn) + ", " + quote(`^\{(?:(?:`+strings.Join(each, "|")+`)(?:,(?!\})|(?=\})))*+\}\z`) + ")\n" +
		"  AND (REGEXP_COUNT(" + id(jsonColumn) + ", " + count + ") = REGEXP_COUNT(" + id(fieldsColumn) + ", " + count + ") OR TRY_PARSE_JSON(" + id(jsonColumn) + ") IS NOT NULL)"
}

// scalarText is the text of a field's value, without its quotes: null, numbers, true, false, and strings without escapes.
func scalarText(field string) string {
	return "REGEXP_EXTRACT(" + id(fieldsColumn) + ", " + quote(keyed(field)+`"?([^",}]*+)`) + ", 1)"
}

// valueOf is the value of a field of a type, where it is sound; of times and dates it is of their text, which text names.
func valueOf(field string, t value.Type, unit, text string) (string, error) {
	fields, path := id(fieldsColumn), quote("$["+pathName(field)+"]")
	array := func(of string) string { return "JSON_QUERY(" + of + ", " + path + " RETURNING ARRAY<STRING>)" }
	switch t.Kind {
	case value.KindBool:
		return "CASE " + scalarText(field) + " WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END", nil
	case value.KindInt:
		return "TRY_CAST(" + scalarText(field) + " AS BIGINT)", nil
	case value.KindFloat:
		return "TRY_CAST(" + scalarText(field) + " AS DOUBLE)", nil
	case value.KindString: // most have no escape
		return "COALESCE(REGEXP_EXTRACT(" + fields + ", " + quote(keyed(field)+`"([^"\\`+lost+`]*+)"`) + ", 1), CASE WHEN REGEXP(" + fields + ", " +
			quote(keyed(field)+`"(?:[^"\\`+lost+`]|\\.)*+"`) + ") THEN JSON_VALUE(" + fields + ", " + path + ") END)", nil
	case value.KindBytes:
		return "CAST(FROM_BASE64(REGEXP_EXTRACT(" + fields + ", " + quote(keyed(field)+`"([^"]*+)"`) + ", 1)) AS BYTES)", nil
	case value.KindDate:
		return days(text), nil
	case value.KindTimestamp:
		number := "TRY_CAST(" + text + " AS BIGINT)"
		if unit != "" && unit != "ms" {
			number = printed("to_timestamp(x, '"+unit+"')", value.Int, number)
		}
		return "CASE WHEN POSITION('T' IN " + text + ") > 0 THEN " + instant(text) + " ELSE " + number + " END", nil
	case value.KindList:
		switch t.Elem.Kind {
		case value.KindString:
			return "CASE WHEN REGEXP(" + fields + ", " + quote(keyed(field)+`\[(?:[^\]"]|"(?:[^"\\`+lost+`]|\\.)*+")*+\]`) + ") THEN " + array(fields) + " END", nil
		case value.KindBool:
			return "TRY_CAST(" + array(fields) + " AS ARRAY<BOOLEAN>)", nil
		case value.KindInt: // one that is beyond 64 bits would make the whole null
			return "TRY_CAST(" + array("CASE WHEN REGEXP("+fields+", '[0-9]{19}') THEN REGEXP_REPLACE("+fields+", "+quote(beyond())+", 'null') ELSE "+fields+" END") + " AS ARRAY<BIGINT>)", nil
		}
	}
	return "", fmt.Errorf("Flink can't read %s of a record's text", value.An(t.String()))
}

// days is the days since 1970 of a text that is a date, and of other texts null.
func days(text string) string {
	return "CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', TRY_CAST(SUBSTR(" + text + ", 1, 10) AS DATE)) AS BIGINT)"
}

// instant is the ms since 1970 of a text that is a time: day, hours, minutes, seconds, thousandths, less its zone's hours and minutes.
func instant(text string) string {
	at := func(from string) string { return "TRY_CAST(SUBSTR(" + text + ", " + from + ", 2) AS BIGINT)" }
	n := "CHAR_LENGTH(" + text + ")"
	return days(text) + " * 86400000 + " + at("12") + " * 3600000 + " + at("15") + " * 60000 + " + at("18") + " * 1000" +
		" + TRY_CAST(RPAD(COALESCE(REGEXP_EXTRACT(" + text + ", '[.]([0-9]{1,3})', 1), ''), 3, '0') AS BIGINT)" +
		" - CASE SUBSTR(" + text + ", " + n + " - 5, 1) WHEN '+' THEN 1 WHEN '-' THEN -1 ELSE 0 END * COALESCE(" + at(n+" - 4") + " * 3600000 + " + at(n+" - 1") + " * 60000, 0)"
}

// beyond is the expression for integers in a list that 64 bits don't hold.
func beyond() string {
	above := func(most string) string {
		alternatives := []string{`[0-9]{20,}`}
		for i, c := range most {
			if c < '9' {
				alternatives = append(alternatives, most[:i]+"["+string(c+1)+"-9][0-9]{"+strconv.Itoa(len(most)-i-1)+"}")
			}
		}
		return `0*+(?:` + strings.Join(alternatives, "|") + `)`
	}
	return `(?<=[\[,])"?+(?:\+?+` + above("9223372036854775807") + `|-` + above("9223372036854775808") + `)(?![0-9])"?+`
}

// distinct is a list without what stands in it twice.
func distinct(all []string) []string {
	all = slices.Clone(all)
	slices.Sort(all)
	return slices.Compact(all)
}
