package feature

import (
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// badSQL is a mistake inside an expression, in the words of the language itself.
func (r *reporter) badSQL(t Text, e *expr.Error) {
	r.add(codeSQL, part(t, e.Start, e.End), "%s", e.Message).cure("%s", e.Cure)
}

// part is the place of a piece of a text; all of it is the argument itself, quotes included.
func part(t Text, start, end int) Span {
	if start <= 0 && end >= len(t.Value) {
		return t.At
	}
	return t.Slice(start, end)
}

// joinInSource is an expression that reads a column of another source, or a query.
func (r *reporter) joinInSource(at Span, what string) {
	r.add(codeJoinInSource, at, "%s: an expression reads the row of its own source alone", what).
		cure("make a feature of each source and combine them with derive= in a view, or join before, in the file")
}

// wrongType is an expression or a column whose type its place does not take.
func (r *reporter) wrongType(at Span, what string, got value.Type, want, cure string) {
	r.add(codeWrongType, at, "%s is %s, and must be %s", what, typeText(got), want).cure("%s", cure)
}

func typeText(t value.Type) string {
	switch t.Kind {
	case value.KindNull:
		return "null on every row"
	case value.KindBytes:
		return "bytes"
	case value.KindInt:
		return "an int"
	}
	return "a " + t.String()
}

// needsColumn is an expression where a column's name is wanted.
func (r *reporter) needsColumn(at Span, argument, text, cure string) {
	r.add(codeNeedsColumn, at, "%s takes a column, and %q is an expression", argument, shorten(text)).cure("%s", cure)
}

// needsUnit is an integer in the place of a time.
func (r *reporter) needsUnit(at Span, argument, text string, column bool) {
	p := r.add(codeTimeUnit, at, "%s is an int: seconds, milliseconds or finer?", argument)
	if column {
		p.cure(`say so with time_unit="s", "ms", "us" or "ns"`)
		return
	}
	p.cure("make it a timestamp: to_timestamp(%s, 'ms')", shorten(text))
}

// unknownType is a declared type that there is not.
func (r *reporter) unknownType(t TypeDef, err error) {
	r.add(codeUnknownType, t.At, "%v", err).cure("write bh.Int, bh.Float, bh.String, bh.Bool, bh.Timestamp, bh.Date, bh.Bytes, bh.List(…), bh.Map(…) or bh.Struct({…})")
}

// badDefault is a constant that cannot stand for a value of the type.
func (r *reporter) badDefault(at Span, argument, why string, t value.Type) {
	r.add(codeDefault, at, "%s %s", argument, why).cure("%s", exampleOf(argument, t))
}

func exampleOf(argument string, t value.Type) string {
	switch t.Kind {
	case value.KindBool:
		return "write " + argument + "=False"
	case value.KindInt:
		return "write a whole number, such as " + argument + "=0"
	case value.KindFloat:
		return "write a number, such as " + argument + "=0.0"
	case value.KindString:
		return "write " + argument + `="…"`
	case value.KindBytes:
		return "write " + argument + `=b"…"`
	case value.KindTimestamp:
		return "write " + argument + `="2024-01-31T06:00:00Z"`
	case value.KindDate:
		return "write " + argument + `="2024-01-31"`
	case value.KindList:
		return "write a list of " + t.Elem.String()
	case value.KindMap:
		return "write a dictionary from strings to " + t.Elem.String()
	}
	return "leave " + argument + " out"
}

// defaultIdle is a default of a value that is never null.
func (r *reporter) defaultIdle(at Span, what, empty string) {
	r.add(codeDefaultIdle, at, "%s is never null, so its default is never used", what).cure("over nothing it is %s; leave default= out", empty)
}

// shorten cuts a text for a message.
func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}
